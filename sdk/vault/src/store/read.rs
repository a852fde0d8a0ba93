//! Reading: groups, records and entries, each opened and verified.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::Opened;
use super::connection::{Explain, damaged};
use super::rows::{find_entry, find_record, read_body};
use super::secrets::{ChunkMark, EntryMark, RecordMark, Secrets};
use super::sum::Sum;
use super::types::{Group, GroupContent, Record};
use super::work::{StoredGroup, load_key, stored_group, tag_of};
use crate::error::{Error, Result};
use crate::keys::{Envelope, RecordKey};

/// The keys of one group that were needed so far.
pub(super) struct GroupKeys<'r> {
    connection: &'r Connection,
    secrets: &'r Secrets,
    group: i64,
    keys: HashMap<u32, RecordKey>,
}

impl<'r> GroupKeys<'r> {
    pub(super) fn new(connection: &'r Connection, secrets: &'r Secrets, group: i64) -> Self {
        Self { connection, secrets, group, keys: HashMap::new() }
    }

    /// The key that some bytes were sealed with.
    pub(super) fn of(&mut self, sealed: &[u8]) -> Result<&RecordKey> {
        let number = Envelope::parse(sealed)?.key_id;
        if !self.keys.contains_key(&number) {
            self.keys.insert(number, load_key(self.connection, self.secrets, self.group, number)?);
        }
        self.keys.get(&number).ok_or_else(|| damaged("a key is missing"))
    }
}

impl StoredGroup {
    /// The group with its payload opened.
    pub(super) fn open(self, keys: &mut GroupKeys<'_>, secrets: &Secrets) -> Result<Group> {
        let payload = secrets.open_group(keys.of(&self.sealed)?, self.mark(), &self.sealed)?;
        Ok(Group { name: self.name, time: self.time, payload })
    }
}

/// A group without its records.
pub(super) fn group(connection: &Connection, opened: &Opened, name: &str) -> Result<Option<Group>> {
    let secrets = &opened.secrets;
    let Some(stored) = stored_group(connection, secrets, name)? else { return Ok(None) };
    let mut keys = GroupKeys::new(connection, secrets, stored.id);
    stored.open(&mut keys, secrets).map(Some)
}

/// Groups, those with the latest time first.
pub(super) fn groups(
    connection: &Connection,
    opened: &Opened,
    offset: usize,
    limit: usize,
) -> Result<Vec<Group>> {
    let secrets = &opened.secrets;
    let mut select = connection
        .prepare_cached(
            "SELECT id, name, time, state, sealed FROM groups ORDER BY time DESC, id DESC LIMIT ?1 OFFSET ?2",
        )
        .explain(connection)?;
    let stored: Vec<Result<StoredGroup>> = select
        .query_map(params![bound(limit), bound(offset)], |row| StoredGroup::from_row(row, secrets))
        .and_then(Iterator::collect)
        .explain(connection)?;
    stored
        .into_iter()
        .map(|stored| {
            let stored = stored?;
            let mut keys = GroupKeys::new(connection, secrets, stored.id);
            stored.open(&mut keys, secrets)
        })
        .collect()
}

/// A number of rows as the database counts them.
pub(super) fn bound(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A whole group, checked against its sum.
pub(super) fn content(connection: &Connection, opened: &Opened, name: &str) -> Result<Option<GroupContent>> {
    let secrets = &opened.secrets;
    let Some(stored) = stored_group(connection, secrets, name)? else { return Ok(None) };
    let mut content =
        GroupContent { group: Group { name: name.into(), ..Group::default() }, ..GroupContent::default() };
    let mut keys = GroupKeys::new(connection, secrets, stored.id);
    let found = walk(connection, secrets, &stored, &mut keys, &mut |piece| {
        match piece? {
            Piece::Record(_, record) => content.records.push(record),
            Piece::Chunk(name, bytes) => match content.unfinished.last_mut() {
                Some((last, chunks)) if *last == name => chunks.push(bytes),
                _ => content.unfinished.push((name, vec![bytes])),
            },
        }
        Ok(())
    })?;
    found.compare(&stored)?;
    content.group = stored.open(&mut keys, secrets)?;
    Ok(Some(content))
}

/// What stands in a group.
pub(super) enum Piece {
    /// A record and its number.
    Record(i64, Record),
    /// A chunk: of which record, and the bytes.
    Chunk(String, Vec<u8>),
}

/// Number, name, revision, time, amount, and the sealed bytes, which may be missing.
type RecordRow = (i64, String, i64, i64, f64, Option<Vec<u8>>);

/// What was found in a group.
#[derive(Default)]
pub(super) struct Found {
    sum: Sum,
    pub records: u64,
    pub chunks: u64,
}

impl Found {
    /// Whether that is what the head says.
    pub(super) fn compare(&self, stored: &StoredGroup) -> Result<()> {
        let state = &stored.state;
        if (self.sum, self.records, self.chunks) == (state.sum, state.records, state.chunks) {
            return Ok(());
        }
        Err(damaged("rows of a conversation were put back, taken out, or brought from elsewhere"))
    }
}

/// Opens everything in a group, records first, by name. `each` decides what an error means.
pub(super) fn walk(
    connection: &Connection,
    secrets: &Secrets,
    group: &StoredGroup,
    keys: &mut GroupKeys<'_>,
    each: &mut dyn FnMut(Result<Piece>) -> Result<()>,
) -> Result<Found> {
    let mut found = Found::default();
    let mut select = connection
        .prepare_cached(
            "SELECT records.id, name, revision, time, amount, sealed FROM records
             LEFT JOIN bodies ON bodies.id = records.id WHERE grp = ?1 ORDER BY name",
        )
        .explain(connection)?;
    let mut rows = select.query([group.id]).explain(connection)?;
    while let Some(row) = rows.next().explain(connection)? {
        let read = || -> rusqlite::Result<RecordRow> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        };
        let (id, name, revision, time, amount, sealed) = read().explain(connection)?;
        let mark =
            RecordMark { group: group.id, name: &name, revision: revision.cast_unsigned(), time, amount };
        let sealed = sealed.unwrap_or_default();
        found.records += 1;
        if let Ok(element) = secrets.record_element(mark, &sealed) {
            found.sum.add(element);
        }
        let opened = keys.of(&sealed).and_then(|key| secrets.open_record(key, mark, &sealed));
        each(opened.map(|payload| {
            Piece::Record(id, Record { group: group.name.clone(), name: name.clone(), time, amount, payload })
        }))?;
    }
    let mut select = connection
        .prepare_cached(
            "SELECT name, number, revision, sealed FROM chunks WHERE grp = ?1 ORDER BY name, number",
        )
        .explain(connection)?;
    let mut rows = select.query([group.id]).explain(connection)?;
    while let Some(row) = rows.next().explain(connection)? {
        let read = || -> rusqlite::Result<(String, i64, i64, Vec<u8>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        };
        let (name, number, revision, sealed) = read().explain(connection)?;
        let mark = ChunkMark { group: group.id, name: &name, number, revision: revision.cast_unsigned() };
        found.chunks += 1;
        found.sum.add(secrets.chunk_element(mark, tag_of(&sealed)));
        let opened = keys.of(&sealed).and_then(|key| secrets.open_chunk(key, mark, &sealed));
        each(opened.map(|bytes| Piece::Chunk(name.clone(), bytes)))?;
    }
    Ok(found)
}

/// One record.
pub(super) fn record(
    connection: &Connection,
    opened: &Opened,
    group: &str,
    name: &str,
) -> Result<Option<Record>> {
    let secrets = &opened.secrets;
    let Some(stored) = stored_group(connection, secrets, group)? else { return Ok(None) };
    let Some(found) = find_record(connection, stored.id, name)? else { return Ok(None) };
    let sealed = read_body(connection, found.id)?;
    let mut keys = GroupKeys::new(connection, secrets, stored.id);
    let payload = secrets.open_record(keys.of(&sealed)?, found.mark(stored.id, name), &sealed)?;
    Ok(Some(Record {
        group: group.into(),
        name: name.into(),
        time: found.time,
        amount: found.amount,
        payload,
    }))
}

/// An entry of a shelf.
pub(super) fn entry(
    connection: &Connection,
    opened: &Opened,
    shelf: &str,
    name: &str,
) -> Result<Option<Vec<u8>>> {
    let Some((_, revision, sealed)) = find_entry(connection, shelf, name)? else { return Ok(None) };
    opened.secrets.open_entry(EntryMark { shelf, name, revision }, &sealed).map(Some)
}

/// All entries of a shelf by name.
pub(super) fn entries(
    connection: &Connection,
    opened: &Opened,
    shelf: &str,
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut select = connection
        .prepare_cached("SELECT name, revision, sealed FROM entries WHERE shelf = ?1 ORDER BY name")
        .explain(connection)?;
    let rows: Vec<(String, i64, Vec<u8>)> = select
        .query_map([shelf], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect)
        .explain(connection)?;
    rows.into_iter()
        .map(|(name, revision, sealed)| {
            let mark = EntryMark { shelf, name: &name, revision: revision.cast_unsigned() };
            let bytes = opened.secrets.open_entry(mark, &sealed)?;
            Ok::<_, Error>((name, bytes))
        })
        .collect()
}
