//! Looks at everything: pages, heads, every record, every sum, and whether the index says what the texts say.

use std::hash::{BuildHasher as _, RandomState};

use rusqlite::Connection;

use super::connection::{Explain, damaged, run};
use super::copy::next_group;
use super::read::{GroupKeys, Piece, walk};
use super::secrets::EntryMark;
use super::state::Head;
use super::sum::Sum;
use super::types::CheckReport;
use super::work::{read_head, tag_of};
use super::{Indexer, Opened, index};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Progress;

/// Looks at everything in one moment. Errors of the file system end it; what is wrong with the content does not.
pub(super) fn check(
    connection: &Connection,
    opened: &Opened,
    indexer: &dyn Indexer,
    progress: Progress<'_>,
) -> Result<CheckReport> {
    let mut report = CheckReport::default();
    note(&mut report, pages(connection))?;
    let head = match read_head(connection, &opened.secrets) {
        Ok(head) => head,
        Err(error) => {
            note(&mut report, Err(error))?;
            return Ok(report);
        }
    };
    let compared = compare_store(connection, opened, &head);
    note(&mut report, compared)?;
    let mut scan = IndexScan::new(indexer);
    let walked = groups(connection, opened, &head, &mut scan, &mut report, progress);
    note(&mut report, walked)?;
    let entries = entries(connection, opened, &mut report);
    note(&mut report, entries)?;
    if head.is_indexed() && head.index == super::index_version(indexer) {
        let compared = scan.compare(connection);
        note(&mut report, compared)?;
    }
    Ok(report)
}

/// Takes what is wrong with the content into the report.
fn note(report: &mut CheckReport, result: Result<()>) -> Result<()> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Newer) => {
            report.problems.push(error.message().to_owned());
            Ok(())
        }
        other => other,
    }
}

/// What the database itself has to say about its pages.
fn pages(connection: &Connection) -> Result<()> {
    for pragma in ["PRAGMA cipher_integrity_check", "PRAGMA integrity_check(1)"] {
        let mut select = connection.prepare(pragma).explain(connection)?;
        let said: Vec<String> =
            select.query_map([], |row| row.get(0)).and_then(Iterator::collect).explain(connection)?;
        if said.iter().any(|line| line != "ok") {
            return Err(damaged("pages of the database are not what was written"));
        }
    }
    Ok(())
}

/// Whether groups and entries are those that the head of the store stands for.
pub(super) fn compare_store(connection: &Connection, opened: &Opened, head: &Head) -> Result<()> {
    let secrets = &opened.secrets;
    let (mut sum, mut groups, mut entries, mut records, mut chunks) = (Sum::default(), 0, 0, 0, 0);
    let mut after = i64::MIN;
    while let Some(group) = next_group(connection, opened, after)? {
        after = group.id;
        groups += 1;
        records += group.state.records;
        chunks += group.state.chunks;
        sum.add(secrets.group_element(group.id, &group.head));
    }
    let mut select =
        connection.prepare("SELECT shelf, name, revision, sealed FROM entries").explain(connection)?;
    let mut rows = select.query([]).explain(connection)?;
    while let Some(row) = rows.next().explain(connection)? {
        let read = || -> rusqlite::Result<(String, String, i64, Vec<u8>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        };
        let (shelf, name, revision, sealed) = read().explain(connection)?;
        let mark = EntryMark { shelf: &shelf, name: &name, revision: revision.cast_unsigned() };
        entries += 1;
        sum.add(secrets.entry_element(mark, tag_of(&sealed)));
    }
    if (sum, groups, entries, records, chunks)
        == (head.sum, head.groups, head.entries, head.records, head.chunks)
    {
        return Ok(());
    }
    Err(damaged("conversations or entries were put back, taken out, or brought from elsewhere"))
}

fn groups(
    connection: &Connection,
    opened: &Opened,
    head: &Head,
    scan: &mut IndexScan<'_>,
    report: &mut CheckReport,
    progress: Progress<'_>,
) -> Result<()> {
    let mut after = i64::MIN;
    while let Some(group) = next_group(connection, opened, after)? {
        after = group.id;
        report.groups += 1;
        let mut keys = GroupKeys::new(connection, &opened.secrets, group.id);
        let mut bad = 0u64;
        let found = walk(connection, &opened.secrets, &group, &mut keys, &mut |piece| {
            match piece {
                Ok(Piece::Record(id, record)) => {
                    report.records += 1;
                    scan.add_record(id, group.id, &record.payload);
                    if report.records.is_multiple_of(256) {
                        progress(report.records, head.records);
                    }
                }
                Ok(Piece::Chunk(..)) => {}
                Err(error) if error.kind() == ErrorKind::Io => return Err(error),
                Err(_) => bad += 1,
            }
            Ok(())
        })?;
        if bad > 0 {
            report.problems.push(format!("{bad} records of a conversation do not open"));
        }
        note(report, found.compare(&group))?;
        let opened = group.open(&mut keys, &opened.secrets).map(drop);
        note(report, opened)?;
    }
    progress(report.records, head.records);
    Ok(())
}

fn entries(connection: &Connection, opened: &Opened, report: &mut CheckReport) -> Result<()> {
    let mut select =
        connection.prepare("SELECT shelf, name, revision, sealed FROM entries").explain(connection)?;
    let mut rows = select.query([]).explain(connection)?;
    let mut bad = 0u64;
    while let Some(row) = rows.next().explain(connection)? {
        let read = || -> rusqlite::Result<(String, String, i64, Vec<u8>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        };
        let (shelf, name, revision, sealed) = read().explain(connection)?;
        let mark = EntryMark { shelf: &shelf, name: &name, revision: revision.cast_unsigned() };
        bad += u64::from(opened.secrets.open_entry(mark, &sealed).is_err());
    }
    if bad > 0 {
        report.problems.push(format!("{bad} entries do not open"));
    }
    Ok(())
}

/// What the index must say: a sum of hashes over every place of every token, so that nothing has to be kept.
struct IndexScan<'i> {
    indexer: &'i dyn Indexer,
    hasher: RandomState,
    sum: u64,
    places: u64,
}

impl<'i> IndexScan<'i> {
    fn new(indexer: &'i dyn Indexer) -> Self {
        Self { indexer, hasher: RandomState::new(), sum: 0, places: 0 }
    }

    fn add_record(&mut self, record: i64, group: i64, payload: &[u8]) {
        let (text, labels) = index::columns(self.indexer, group, payload);
        for (column, tokens) in [("text", text), ("labels", labels)] {
            for (offset, token) in tokens.split(' ').filter(|token| !token.is_empty()).enumerate() {
                self.add(token, record, column, offset as u64);
            }
        }
    }

    fn add(&mut self, token: &str, record: i64, column: &str, offset: u64) {
        self.sum = self.sum.wrapping_add(self.hasher.hash_one((token, record, column, offset)));
        self.places += 1;
    }

    fn compare(&self, connection: &Connection) -> Result<()> {
        run(
            connection,
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.places USING fts5vocab(main, words, instance)",
        )?;
        let mut index = Self { indexer: self.indexer, hasher: self.hasher.clone(), sum: 0, places: 0 };
        let mut select =
            connection.prepare("SELECT term, doc, col, offset FROM temp.places").explain(connection)?;
        let mut rows = select.query([]).explain(connection)?;
        while let Some(row) = rows.next().explain(connection)? {
            let mut add = || -> rusqlite::Result<()> {
                let offset: i64 = row.get(3)?;
                let (term, column) = (row.get_ref(0)?.as_str()?, row.get_ref(2)?.as_str()?);
                index.add(term, row.get(1)?, column, offset.cast_unsigned());
                Ok(())
            };
            add().explain(connection)?;
        }
        if (index.sum, index.places) == (self.sum, self.places) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Damaged, "the search index differs from the texts; make it anew"))
    }
}
