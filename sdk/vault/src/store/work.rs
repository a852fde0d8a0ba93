//! One write transaction: the heads that it has read and will write, and the groups that it has touched.
//!
//! Nothing here outlives the transaction: another process may have changed everything by the next one.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::connection::{Explain, damaged, run};
use super::secrets::{GroupMark, Secrets};
use super::state::{GroupState, Head};
use super::sum::Sum;
use super::{Indexer, index_version};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::RecordKey;

/// A write transaction that is open.
pub(super) struct Work<'w> {
    pub connection: &'w Connection,
    pub secrets: &'w Secrets,
    pub indexer: &'w dyn Indexer,
    pub head: Head,
    /// Something was removed: its pages should leave the write-ahead log soon.
    pub removed: bool,
    groups: HashMap<String, Option<OpenGroup>>,
}

/// A group that the transaction has touched.
pub(super) struct OpenGroup {
    pub id: i64,
    pub time: i64,
    pub state: GroupState,
    /// The tag of its sealed payload, which its head stands for.
    pub tag: Vec<u8>,
    keys: HashMap<u32, RecordKey>,
    /// What stands for it in the sum of the store; nothing when it is new.
    element: Option<Sum>,
    dirty: bool,
}

impl<'w> Work<'w> {
    /// Begins a transaction. Always an immediate one: with a deferred one, two processes that read first and write then
    /// fail at once, whatever they would wait.
    pub(super) fn begin(
        connection: &'w Connection,
        secrets: &'w Secrets,
        indexer: &'w dyn Indexer,
    ) -> Result<Self> {
        run(connection, "BEGIN IMMEDIATE")?;
        let begun = Self::load(connection, secrets, indexer);
        if begun.is_err() {
            roll_back(connection);
        }
        begun
    }

    fn load(connection: &'w Connection, secrets: &'w Secrets, indexer: &'w dyn Indexer) -> Result<Self> {
        let head = read_head(connection, secrets)?;
        if head.index != index_version(indexer) {
            return Err(other_version());
        }
        Ok(Self { connection, secrets, indexer, head, removed: false, groups: HashMap::new() })
    }

    /// A transaction that `opening` a store needs: the index may still be that of another version.
    pub(super) fn begin_opening(
        connection: &'w Connection,
        secrets: &'w Secrets,
        indexer: &'w dyn Indexer,
        head: Head,
    ) -> Self {
        Self { connection, secrets, indexer, head, removed: false, groups: HashMap::new() }
    }

    /// Writes the heads and commits.
    pub(super) fn commit(mut self) -> Result<()> {
        self.write_heads()?;
        run(self.connection, "COMMIT")
    }

    fn write_heads(&mut self) -> Result<()> {
        for (name, group) in &mut self.groups {
            let Some(group) = group.as_mut().filter(|group| group.dirty) else { continue };
            let head = group
                .state
                .to_bytes(&self.secrets.summer, &group.about(&self.secrets.vault, name, &group.marks()));
            let element = self.secrets.group_element(group.id, &head);
            if let Some(old) = group.element.replace(element) {
                self.head.sum.remove(old);
            }
            self.head.sum.add(element);
            group.dirty = false;
            self.connection
                .prepare_cached("UPDATE groups SET state = ?1 WHERE id = ?2")
                .and_then(|mut update| update.execute(params![head, group.id]))
                .explain(self.connection)?;
        }
        self.head.revision += 1;
        write_head(self.connection, self.secrets, &self.head)
    }

    /// A group, if there is one.
    pub(super) fn group(&mut self, name: &str) -> Result<Option<&mut OpenGroup>> {
        if !self.groups.contains_key(name) {
            let loaded = load_group(self.connection, self.secrets, name)?;
            self.groups.insert(name.into(), loaded);
        }
        Ok(self.groups.get_mut(name).and_then(Option::as_mut))
    }

    /// A group that must be there.
    pub(super) fn existing(&mut self, name: &str) -> Result<&mut OpenGroup> {
        self.group(name)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "the conversation is not stored").with_hint("store it first")
        })
    }

    /// Says that a group was made.
    pub(super) fn insert_group(&mut self, name: &str, group: OpenGroup) {
        self.head.groups += 1;
        self.groups.insert(name.into(), Some(group));
    }

    /// Says that a group is gone, with all that it counted.
    pub(super) fn forget_group(&mut self, name: &str) {
        if let Some(Some(group)) = self.groups.insert(name.into(), None) {
            if let Some(element) = group.element {
                self.head.sum.remove(element);
            }
            self.head.groups = self.head.groups.saturating_sub(1);
            self.head.records = self.head.records.saturating_sub(group.state.records);
            self.head.chunks = self.head.chunks.saturating_sub(group.state.chunks);
        }
    }

    /// The key that seals entries now; counts one use.
    pub(super) fn entry_key(&mut self) -> RecordKey {
        if self.head.entry_used >= self.secrets.seals_per_key {
            self.head.entry_key += 1;
            self.head.entry_used = 0;
        }
        self.head.entry_used += 1;
        self.secrets.entry_key(self.head.entry_key)
    }
}

/// The index belongs to another version, which has opened the vault since.
pub(super) fn other_version() -> Error {
    Error::new(ErrorKind::Newer, "another version of this program uses the vault now")
        .with_hint("start this program again")
}

/// Undoes what was begun, if the database has not done that itself.
pub(super) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
        tracing::warn!("a transaction could not be rolled back");
    }
}

impl OpenGroup {
    pub(super) fn new(id: i64, time: i64) -> Self {
        let state = GroupState::default();
        Self { id, time, state, tag: Vec::new(), keys: HashMap::new(), element: None, dirty: true }
    }

    /// The next number of a change; the head will be written.
    pub(super) fn change(&mut self) -> u64 {
        self.dirty = true;
        self.state.revision += 1;
        self.state.revision
    }

    /// The key that seals now; counts one use, and makes a new one when the old one has done enough.
    pub(super) fn sealing_key(&mut self, connection: &Connection, secrets: &Secrets) -> Result<&RecordKey> {
        self.dirty = true;
        if self.state.key == 0 || self.state.used >= secrets.seals_per_key {
            let number = self.state.key + 1;
            let (key, wrapped) = secrets.new_group_key(self.id, number)?;
            connection
                .prepare_cached("INSERT INTO group_keys(grp, number, wrapped) VALUES(?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute(params![self.id, number, wrapped]))
                .explain(connection)?;
            self.keys.insert(number, key);
            (self.state.key, self.state.used) = (number, 0);
        }
        self.state.used += 1;
        self.key(connection, secrets, self.state.key)
    }

    /// The key with a number.
    pub(super) fn key(
        &mut self,
        connection: &Connection,
        secrets: &Secrets,
        number: u32,
    ) -> Result<&RecordKey> {
        if !self.keys.contains_key(&number) {
            self.keys.insert(number, load_key(connection, secrets, self.id, number)?);
        }
        self.keys.get(&number).ok_or_else(|| Error::new(ErrorKind::Internal, "a key was just there"))
    }

    fn marks(&self) -> ([u8; 8], [u8; 8]) {
        (self.id.to_be_bytes(), self.time.to_be_bytes())
    }

    /// What the head stands for beside its numbers.
    fn about<'f>(&'f self, vault: &'f [u8], name: &'f str, marks: &'f ([u8; 8], [u8; 8])) -> [&'f [u8]; 5] {
        [vault, &marks.0, name.as_bytes(), &marks.1, &self.tag]
    }
}

/// A key of a group.
pub(super) fn load_key(
    connection: &Connection,
    secrets: &Secrets,
    group: i64,
    number: u32,
) -> Result<RecordKey> {
    let wrapped: Option<Vec<u8>> = connection
        .prepare_cached("SELECT wrapped FROM group_keys WHERE grp = ?1 AND number = ?2")
        .and_then(|mut select| select.query_row(params![group, number], |row| row.get(0)).optional())
        .explain(connection)?;
    let wrapped = wrapped.ok_or_else(|| damaged("the key of a conversation is missing"))?;
    secrets.group_key(group, number, &wrapped)
}

/// A group as it is stored, with its payload still sealed.
pub(super) struct StoredGroup {
    pub id: i64,
    pub name: String,
    pub time: i64,
    pub state: GroupState,
    pub head: Vec<u8>,
    pub sealed: Vec<u8>,
}

impl StoredGroup {
    /// Of the columns id, name, time, state, sealed.
    pub(super) fn from_row(row: &rusqlite::Row<'_>, secrets: &Secrets) -> rusqlite::Result<Result<Self>> {
        let (id, name, time): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (head, sealed): (Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(4)?);
        let about: [&[u8]; 5] =
            [&secrets.vault, &id.to_be_bytes(), name.as_bytes(), &time.to_be_bytes(), tag_of(&sealed)];
        Ok(GroupState::from_bytes(&head, &secrets.summer, &about).map(|state| Self {
            id,
            time,
            state,
            name,
            head,
            sealed,
        }))
    }

    pub(super) fn mark(&self) -> GroupMark<'_> {
        GroupMark { group: self.id, name: &self.name, time: self.time, revision: self.state.payload_revision }
    }
}

/// A group by its name, its head verified.
pub(super) fn stored_group(
    connection: &Connection,
    secrets: &Secrets,
    name: &str,
) -> Result<Option<StoredGroup>> {
    const SQL: &str = "SELECT id, name, time, state, sealed FROM groups WHERE name = ?1";
    connection
        .prepare_cached(SQL)
        .and_then(|mut select| select.query_row([name], |row| StoredGroup::from_row(row, secrets)).optional())
        .explain(connection)?
        .transpose()
}

fn load_group(connection: &Connection, secrets: &Secrets, name: &str) -> Result<Option<OpenGroup>> {
    let stored = stored_group(connection, secrets, name)?;
    Ok(stored.map(|group| OpenGroup {
        id: group.id,
        time: group.time,
        element: Some(secrets.group_element(group.id, &group.head)),
        tag: tag_of(&group.sealed).to_vec(),
        state: group.state,
        keys: HashMap::new(),
        dirty: false,
    }))
}

/// The tag at the end of sealed bytes.
pub(super) fn tag_of(sealed: &[u8]) -> &[u8] {
    &sealed[sealed.len().saturating_sub(16)..]
}

/// The head of the store, verified.
pub(super) fn read_head(connection: &Connection, secrets: &Secrets) -> Result<Head> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'head'")
        .and_then(|mut select| select.query_row([], |row| row.get(0)).optional())
        .explain(connection)?;
    let bytes = bytes.ok_or_else(|| damaged("the head of the database is missing"))?;
    Head::from_bytes(&bytes, &secrets.summer, &secrets.vault)
}

/// Writes the head of the store.
pub(super) fn write_head(connection: &Connection, secrets: &Secrets, head: &Head) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta(key, value) VALUES('head', ?1) ON CONFLICT(key) DO UPDATE SET value = ?1",
        )
        .and_then(|mut insert| insert.execute([head.to_bytes(&secrets.summer, &secrets.vault)]))
        .explain(connection)?;
    Ok(())
}
