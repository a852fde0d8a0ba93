//! The words of records: how they come into the index, leave it, and are made anew.
//!
//! The index has two columns. `text` has the tokens of [`crate::text`], with a space between them: the simple tokenizer of
//! the database splits them at the same places, whatever Unicode it knows. `labels` has one token for every label (its
//! hash, so that any text can be one), one for the group, and one that every record has, so that a search for what is
//! *not* there has something to begin with.

use rusqlite::{OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::Indexer;
use super::connection::{Explain, damaged};
use super::rows::{execute, read_body};
use super::secrets::RecordMark;
use super::state::Head;
use super::work::Work;
use crate::error::Result;
use crate::keys::Envelope;
use crate::text::spaced;

/// The token that every record has.
pub(super) const EVERY: &str = "r";

/// The token of a group.
pub(super) fn group_token(group: i64) -> String {
    format!("g{group}")
}

/// The token of a label: 80 bits of its hash.
pub(super) fn label_token(label: &str) -> String {
    let hash = Sha256::digest(label.as_bytes());
    let mut token = String::with_capacity(21);
    token.push('l');
    for byte in &hash[..10] {
        token.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        token.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    token
}

/// What stands in the two columns for a record.
pub(super) fn columns(indexer: &dyn Indexer, group: i64, payload: &[u8]) -> (String, String) {
    let indexed = indexer.index(payload);
    let mut labels = format!("{EVERY} {}", group_token(group));
    for (number, label) in indexed.labels.iter().enumerate() {
        // The same label twice is one label.
        if !indexed.labels[..number].contains(label) {
            labels.push(' ');
            labels.push_str(&label_token(label));
        }
    }
    (spaced(&indexed.text), labels)
}

/// The bytes of a record of a group, opened.
pub(super) fn load(work: &mut Work<'_>, group: &str, record: i64) -> Result<Vec<u8>> {
    let (connection, secrets) = (work.connection, work.secrets);
    let row: Option<(String, i64, i64, f64)> = connection
        .prepare_cached("SELECT name, revision, time, amount FROM records WHERE id = ?1")
        .and_then(|mut select| {
            select
                .query_row([record], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()
        })
        .explain(connection)?;
    let (name, revision, time, amount) = row.ok_or_else(|| damaged("a record is missing"))?;
    let sealed = read_body(connection, record)?;
    let open = work.existing(group)?;
    let mark = RecordMark { group: open.id, name: &name, revision: revision.cast_unsigned(), time, amount };
    let key = open.key(connection, secrets, Envelope::parse(&sealed)?.key_id)?;
    secrets.open_record(key, mark, &sealed)
}

/// Takes the words of a record of a group out of the index.
pub(super) fn unindex(work: &mut Work<'_>, group: &str, record: i64) -> Result<()> {
    if !work.is_indexed(record) {
        return Ok(());
    }
    let payload = load(work, group, record).ok();
    let id = work.existing(group)?.id;
    remove_words(work, id, record, payload)
}

/// Takes the words of a record out of the index. Without its bytes nobody knows them: the whole index goes then.
pub(super) fn remove_words(
    work: &mut Work<'_>,
    group: i64,
    record: i64,
    payload: Option<Vec<u8>>,
) -> Result<()> {
    if !work.is_indexed(record) {
        return Ok(());
    }
    let Some(payload) = payload else { return work.drop_index() };
    let (text, labels) = columns(work.indexer, group, &payload);
    execute(
        work.connection,
        "INSERT INTO words(words, rowid, text, labels) VALUES('delete', ?1, ?2, ?3)",
        params![record, text, labels],
    )?;
    Ok(())
}

/// Puts the words of a record into the index.
pub(super) fn add_words(work: &mut Work<'_>, group: i64, record: i64, payload: &[u8]) -> Result<()> {
    if !work.is_indexed(record) {
        return Ok(());
    }
    let (text, labels) = columns(work.indexer, group, payload);
    execute(
        work.connection,
        "INSERT INTO words(rowid, text, labels) VALUES(?1, ?2, ?3)",
        params![record, text, labels],
    )?;
    Ok(())
}

/// When this many times the records that leave are more than all records, the index is swept.
const SWEEP: u64 = 100;

/// How the words of many records leave the index.
///
/// Each word of each record is cut out of its block at once, which costs about 50 µs a word (`secure-delete` of FTS5). For
/// many records it is cheaper to mark them, and to write the whole index anew without what is marked: some 20 µs for each
/// record that stays.
pub(super) struct Sweep(bool);

impl Sweep {
    /// Before `leaving` records leave.
    pub(super) fn begin(work: &Work<'_>, leaving: u64) -> Result<Self> {
        let is_many = leaving > 1 && leaving.saturating_mul(SWEEP) > work.head.records;
        if is_many {
            execute(work.connection, "INSERT INTO words(words, rank) VALUES('secure-delete', 0)", [])?;
        }
        Ok(Self(is_many))
    }

    /// After they have left.
    pub(super) fn end(self, work: &Work<'_>) -> Result<()> {
        if self.0 {
            execute(work.connection, "INSERT INTO words(words) VALUES('optimize')", [])?;
            execute(work.connection, "INSERT INTO words(words, rank) VALUES('secure-delete', 1)", [])?;
        }
        Ok(())
    }
}

/// Begins to make the index anew: empties it, in this transaction.
pub(super) fn restart(work: &mut Work<'_>) -> Result<()> {
    work.drop_index()
}

/// Indexes the next records, so many at most; whether that was the end. A record that cannot be opened is left out: it is
/// `check` that reports it, and the others can still be found.
pub(super) fn step(work: &mut Work<'_>, most: usize) -> Result<bool> {
    if work.head.is_indexed() {
        return Ok(true);
    }
    let connection = work.connection;
    let rows: Vec<(i64, String)> = connection
        .prepare_cached(
            "SELECT records.id, groups.name FROM records JOIN groups ON groups.id = records.grp
             WHERE records.id > ?1 ORDER BY records.id LIMIT ?2",
        )
        .and_then(|mut select| {
            select
                .query_map(params![work.head.indexed, i64::try_from(most).unwrap_or(i64::MAX)], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect()
        })
        .explain(connection)?;
    for (record, group) in &rows {
        work.head.indexed = *record;
        if let Ok(payload) = load(work, group, *record) {
            let id = work.existing(group)?.id;
            add_words(work, id, *record, &payload)?;
        }
    }
    if rows.len() < most {
        work.head.indexed = Head::INDEX_COMPLETE;
    }
    Ok(work.head.is_indexed())
}
