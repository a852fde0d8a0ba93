//! What each operation of a batch does inside of a write transaction.

use std::collections::HashMap;

use rusqlite::params;

use super::connection::Explain;
use super::index;
use super::rows::{execute, find_entry, find_record, read_body, write_record};
use super::secrets::{ChunkMark, EntryMark, GroupMark, RecordMark};
use super::state::Head;
use super::types::{Batch, Group, Operation, Record};
use super::work::{OpenGroup, Work, tag_of};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Envelope;

/// So long a payload, chunk or entry may be: 16 MiB.
const LIMIT: usize = 16 << 20;
/// So long a name may be.
const NAME_LIMIT: usize = 4096;

impl Batch {
    /// How many bytes it holds in memory, about.
    pub(super) fn weight(&self) -> usize {
        self.operations.iter().map(|operation| 64 + operation.bytes().len()).sum()
    }

    /// Refuses what can be refused without looking at the database.
    pub(super) fn validate(&self) -> Result<()> {
        self.operations.iter().try_for_each(Operation::validate)
    }
}

impl Operation {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::PutGroup(group) => &group.payload,
            Self::PutRecord(record) => &record.payload,
            Self::AppendChunk { bytes, .. } | Self::PutEntry { bytes, .. } => bytes,
            Self::RemoveGroup(_) | Self::RemoveRecord { .. } | Self::RemoveEntry { .. } => &[],
        }
    }

    fn names(&self) -> [&str; 2] {
        match self {
            Self::PutGroup(group) => [&group.name, ""],
            Self::RemoveGroup(group) => [group, ""],
            Self::PutRecord(record) => [&record.group, &record.name],
            Self::RemoveRecord { group, name } => [group, name],
            Self::AppendChunk { group, record, .. } => [group, record],
            Self::PutEntry { shelf, name, .. } | Self::RemoveEntry { shelf, name } => [shelf, name],
        }
    }

    fn validate(&self) -> Result<()> {
        let invalid = |what: &str| Err(Error::new(ErrorKind::InvalidInput, what));
        if self.bytes().len() > LIMIT {
            return invalid("a record may have 16 MiB, and this one has more");
        }
        if self.names().iter().any(|name| name.len() > NAME_LIMIT || name.contains('\0')) {
            return invalid("a name may have 4096 bytes and no zero byte");
        }
        match self {
            Self::PutRecord(record) if record.amount.is_nan() => {
                invalid("the amount of a record is no number")
            }
            _ => Ok(()),
        }
    }
}

impl Work<'_> {
    /// Whether every group of a batch is there when it is needed. Changes nothing, so that a batch that cannot be written
    /// does not disturb others in the same transaction.
    pub(super) fn precheck(&mut self, batch: &Batch) -> Result<()> {
        let mut made: HashMap<&str, bool> = HashMap::new();
        for operation in &batch.operations {
            match operation {
                Operation::PutGroup(group) => {
                    made.insert(&group.name, true);
                }
                Operation::RemoveGroup(name) => {
                    made.insert(name, false);
                }
                Operation::PutRecord(Record { group, .. }) | Operation::AppendChunk { group, .. }
                    if made.get(group.as_str()) != Some(&true) =>
                {
                    if made.contains_key(group.as_str()) {
                        return Err(Error::new(ErrorKind::NotFound, "the conversation was just removed"));
                    }
                    self.existing(group)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes a batch; how many operations changed something.
    pub(super) fn apply(&mut self, batch: &Batch) -> Result<usize> {
        let mut changed = 0;
        for operation in &batch.operations {
            changed += usize::from(match operation {
                Operation::PutGroup(group) => self.put_group(group)?,
                Operation::RemoveGroup(name) => self.remove_group(name)?,
                Operation::PutRecord(record) => self.put_record(record)?,
                Operation::RemoveRecord { group, name } => self.remove_record(group, name)?,
                Operation::AppendChunk { group, record, bytes } => self.append_chunk(group, record, bytes)?,
                Operation::PutEntry { shelf, name, bytes } => self.put_entry(shelf, name, bytes)?,
                Operation::RemoveEntry { shelf, name } => self.remove_entry(shelf, name)?,
            });
        }
        Ok(changed)
    }

    fn put_group(&mut self, group: &Group) -> Result<bool> {
        let (connection, secrets) = (self.connection, self.secrets);
        if self.group(&group.name)?.is_none() {
            connection
                .prepare_cached("INSERT INTO groups(name, time, state, sealed) VALUES(?1, ?2, x'', x'')")
                .and_then(|mut insert| insert.execute(params![group.name, group.time]))
                .explain(connection)?;
            self.insert_group(&group.name, OpenGroup::new(connection.last_insert_rowid(), group.time));
        } else if self.has_group_like(group)? {
            return Ok(false);
        }
        let open = self.existing(&group.name)?;
        let revision = open.change();
        let mark = GroupMark { group: open.id, name: &group.name, time: group.time, revision };
        let sealed = secrets.seal_group(open.sealing_key(connection, secrets)?, mark, &group.payload)?;
        open.time = group.time;
        open.tag = tag_of(&sealed).to_vec();
        open.state.payload_revision = revision;
        connection
            .prepare_cached("UPDATE groups SET time = ?1, sealed = ?2 WHERE id = ?3")
            .and_then(|mut update| update.execute(params![group.time, sealed, open.id]))
            .explain(connection)?;
        Ok(true)
    }

    /// Whether a group is stored exactly like this. One that cannot be opened is not.
    fn has_group_like(&mut self, group: &Group) -> Result<bool> {
        let (connection, secrets) = (self.connection, self.secrets);
        let open = self.existing(&group.name)?;
        if open.time != group.time {
            return Ok(false);
        }
        // What this transaction has written itself has a head that is not written yet; the payload says enough.
        let sealed: Vec<u8> = connection
            .prepare_cached("SELECT sealed FROM groups WHERE id = ?1")
            .and_then(|mut select| select.query_row([open.id], |row| row.get(0)))
            .explain(connection)?;
        let mark = GroupMark {
            group: open.id,
            name: &group.name,
            time: group.time,
            revision: open.state.payload_revision,
        };
        let Ok(Envelope { key_id, .. }) = Envelope::parse(&sealed) else { return Ok(false) };
        let opened =
            open.key(connection, secrets, key_id).and_then(|key| secrets.open_group(key, mark, &sealed));
        Ok(opened.is_ok_and(|payload| payload == group.payload))
    }

    fn remove_group(&mut self, name: &str) -> Result<bool> {
        let connection = self.connection;
        let Some(group) = self.group(name)? else { return Ok(false) };
        let (id, records) = (group.id, group.state.records);
        let sweep = index::Sweep::begin(self, records)?;
        let mut after = i64::MIN;
        // Some at a time: the texts are needed, because only they say which words have to leave the index.
        loop {
            let ids: Vec<i64> = connection
                .prepare_cached("SELECT id FROM records WHERE grp = ?1 AND id > ?2 ORDER BY id LIMIT 256")
                .and_then(|mut select| select.query_map([id, after], |row| row.get(0))?.collect())
                .explain(connection)?;
            let Some(&last) = ids.last() else { break };
            after = last;
            for record in ids {
                index::unindex(self, name, record)?;
                execute(connection, "DELETE FROM bodies WHERE id = ?1", [record])?;
            }
        }
        sweep.end(self)?;
        execute(connection, "DELETE FROM records WHERE grp = ?1", [id])?;
        execute(connection, "DELETE FROM chunks WHERE grp = ?1", [id])?;
        execute(connection, "DELETE FROM group_keys WHERE grp = ?1", [id])?;
        execute(connection, "DELETE FROM groups WHERE id = ?1", [id])?;
        self.forget_group(name);
        self.removed = true;
        Ok(true)
    }

    fn put_record(&mut self, record: &Record) -> Result<bool> {
        let (connection, secrets) = (self.connection, self.secrets);
        let group = self.existing(&record.group)?;
        let group_id = group.id;
        let chunks_gone = match group.state.chunks {
            0 => false,
            _ => self.remove_chunks(&record.group, &record.name)?,
        };
        // Zero has two forms, and the database keeps one.
        let amount = record.amount + 0.0;
        let old = find_record(connection, group_id, &record.name)?;
        let id = match &old {
            Some(old) => {
                let stored = index::load(self, &record.group, old.id);
                let same = |payload: &[u8]| {
                    payload == record.payload
                        && old.time == record.time
                        && old.amount.to_bits() == amount.to_bits()
                };
                if stored.as_ref().is_ok_and(|stored| same(stored)) {
                    return Ok(chunks_gone);
                }
                index::remove_words(self, group_id, old.id, stored.ok())?;
                let element =
                    secrets.record_element(old.mark(group_id, &record.name), &read_body(connection, old.id)?);
                self.existing(&record.group)?.state.sum.remove(element?);
                Some(old.id)
            }
            None => None,
        };
        let group = self.existing(&record.group)?;
        let revision = group.change();
        let mark = RecordMark { group: group_id, name: &record.name, revision, time: record.time, amount };
        let sealed = secrets.seal_record(group.sealing_key(connection, secrets)?, mark, &record.payload)?;
        group.state.sum.add(secrets.record_element(mark, &sealed)?);
        group.state.records += u64::from(id.is_none());
        self.head.records += u64::from(id.is_none());
        let id = write_record(connection, id, mark, &sealed)?;
        index::add_words(self, group_id, id, &record.payload)?;
        Ok(true)
    }

    fn remove_record(&mut self, group: &str, name: &str) -> Result<bool> {
        let (connection, secrets) = (self.connection, self.secrets);
        let Some(open) = self.group(group)? else { return Ok(false) };
        let group_id = open.id;
        let chunks_gone = self.remove_chunks(group, name)?;
        let Some(old) = find_record(connection, group_id, name)? else { return Ok(chunks_gone) };
        index::unindex(self, group, old.id)?;
        let element = secrets.record_element(old.mark(group_id, name), &read_body(connection, old.id)?)?;
        execute(connection, "DELETE FROM bodies WHERE id = ?1", [old.id])?;
        execute(connection, "DELETE FROM records WHERE id = ?1", [old.id])?;
        let open = self.existing(group)?;
        open.change();
        open.state.sum.remove(element);
        open.state.records = open.state.records.saturating_sub(1);
        self.head.records = self.head.records.saturating_sub(1);
        self.removed = true;
        Ok(true)
    }

    fn append_chunk(&mut self, group: &str, record: &str, bytes: &[u8]) -> Result<bool> {
        let (connection, secrets) = (self.connection, self.secrets);
        let open = self.existing(group)?;
        let last: Option<i64> = connection
            .prepare_cached("SELECT max(number) FROM chunks WHERE grp = ?1 AND name = ?2")
            .and_then(|mut select| select.query_row(params![open.id, record], |row| row.get(0)))
            .explain(connection)?;
        let revision = open.change();
        let mark =
            ChunkMark { group: open.id, name: record, number: last.map_or(0, |last| last + 1), revision };
        let sealed = secrets.seal_chunk(open.sealing_key(connection, secrets)?, mark, bytes)?;
        open.state.sum.add(secrets.chunk_element(mark, tag_of(&sealed)));
        open.state.chunks += 1;
        connection
            .prepare_cached(
                "INSERT INTO chunks(grp, name, number, revision, sealed) VALUES(?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| {
                insert.execute(params![mark.group, record, mark.number, revision.cast_signed(), sealed])
            })
            .explain(connection)?;
        self.head.chunks += 1;
        Ok(true)
    }

    /// Removes the chunks of a record; whether there were some.
    fn remove_chunks(&mut self, group: &str, record: &str) -> Result<bool> {
        let (connection, secrets) = (self.connection, self.secrets);
        let open = self.existing(group)?;
        let mut sum = super::sum::Sum::default();
        let mut count = 0;
        {
            let mut select = connection
                .prepare_cached(
                    "SELECT number, revision, substr(sealed, -16) FROM chunks WHERE grp = ?1 AND name = ?2",
                )
                .explain(connection)?;
            let mut rows = select.query(params![open.id, record]).explain(connection)?;
            while let Some(row) = rows.next().explain(connection)? {
                let read = || -> rusqlite::Result<(i64, i64, Vec<u8>)> {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                };
                let (number, revision, tag) = read().explain(connection)?;
                let mark =
                    ChunkMark { group: open.id, name: record, number, revision: revision.cast_unsigned() };
                sum.add(secrets.chunk_element(mark, &tag));
                count += 1;
            }
        }
        if count == 0 {
            return Ok(false);
        }
        execute(connection, "DELETE FROM chunks WHERE grp = ?1 AND name = ?2", params![open.id, record])?;
        open.change();
        open.state.sum.remove(sum);
        open.state.chunks = open.state.chunks.saturating_sub(count);
        self.head.chunks = self.head.chunks.saturating_sub(count);
        Ok(true)
    }

    fn put_entry(&mut self, shelf: &str, name: &str, bytes: &[u8]) -> Result<bool> {
        let (connection, secrets) = (self.connection, self.secrets);
        let old = find_entry(connection, shelf, name)?;
        if let Some((_, revision, sealed)) = &old {
            let mark = EntryMark { shelf, name, revision: *revision };
            if secrets.open_entry(mark, sealed).is_ok_and(|stored| stored == bytes) {
                return Ok(false);
            }
            self.head.sum.remove(secrets.entry_element(mark, tag_of(sealed)));
        }
        // Unique in the store and never used twice: the store's revision counts up with every transaction, and a second
        // write in the same one has another tag.
        let mark = EntryMark { shelf, name, revision: self.head.revision + 1 };
        let sealed = secrets.seal_entry(&self.entry_key(), mark, bytes)?;
        self.head.sum.add(secrets.entry_element(mark, tag_of(&sealed)));
        self.head.entries += u64::from(old.is_none());
        connection
            .prepare_cached(
                "INSERT INTO entries(shelf, name, revision, sealed) VALUES(?1, ?2, ?3, ?4)
                 ON CONFLICT(shelf, name) DO UPDATE SET revision = ?3, sealed = ?4",
            )
            .and_then(|mut insert| insert.execute(params![shelf, name, mark.revision.cast_signed(), sealed]))
            .explain(connection)?;
        Ok(true)
    }

    fn remove_entry(&mut self, shelf: &str, name: &str) -> Result<bool> {
        let Some((id, revision, sealed)) = find_entry(self.connection, shelf, name)? else {
            return Ok(false);
        };
        self.head
            .sum
            .remove(self.secrets.entry_element(EntryMark { shelf, name, revision }, tag_of(&sealed)));
        self.head.entries = self.head.entries.saturating_sub(1);
        execute(self.connection, "DELETE FROM entries WHERE id = ?1", [id])?;
        self.removed = true;
        Ok(true)
    }

    /// Says that the index cannot be kept up any more, because nobody knows which words have to leave it: it is emptied
    /// now, and made anew before the next search.
    pub(super) fn drop_index(&mut self) -> Result<()> {
        execute(self.connection, "INSERT INTO words(words) VALUES('delete-all')", [])?;
        self.head.indexed = i64::MIN;
        Ok(())
    }

    /// Whether the index has (or must have) a record.
    pub(super) fn is_indexed(&self, record: i64) -> bool {
        self.head.indexed == Head::INDEX_COMPLETE || record <= self.head.indexed
    }
}
