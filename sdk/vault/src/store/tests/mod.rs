//! Tests of the store by itself, with keys that are made up.

mod basics;
mod files;
mod scan;
mod tampering;
mod writing;

use std::path::PathBuf;
use std::sync::Arc;

use super::open::Settings;
use super::*;

/// A payload is `labels separated by spaces|text`.
pub(super) struct Lines(pub u32);

impl Indexer for Lines {
    fn version(&self) -> u32 {
        self.0
    }

    fn index(&self, payload: &[u8]) -> Indexed {
        let payload = String::from_utf8_lossy(payload);
        let (labels, text) = payload.split_once('|').unwrap_or(("", &payload));
        Indexed { text: text.into(), labels: labels.split_whitespace().map(str::to_owned).collect() }
    }
}

pub(super) fn keys() -> StoreKeys {
    let key = |byte: u8| Key::from_slice(&[byte; 32]).expect("32 bytes");
    StoreKeys { vault: [7; 16], database: key(1), kek: key(2), sum: key(3) }
}

/// A store in a folder of its own.
pub(super) struct Place {
    pub folder: tempfile::TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("history.db")
    }

    pub(super) fn create(&self) -> Store {
        Store::make(&self.file(), keys(), Arc::new(Lines(1)), Settings::default()).expect("a store")
    }

    pub(super) fn open(&self) -> Result<Store> {
        self.open_with(Lines(1), Settings::default())
    }

    pub(super) fn open_with(&self, indexer: Lines, settings: Settings) -> Result<Store> {
        Store::open_with(&self.file(), keys(), Arc::new(indexer), settings)
    }

    /// A connection past everything that the store verifies: what somebody has who has the key of the file.
    pub(super) fn raw(&self) -> rusqlite::Connection {
        let bound = std::time::Duration::from_secs(5);
        connection::open(&self.file(), &keys().database, connection::Role::Writer, bound)
            .expect("a connection")
    }
}

pub(super) fn group(name: &str, time: i64) -> Group {
    Group { name: name.into(), time, payload: format!("payload of {name}").into_bytes() }
}

pub(super) fn record(group: &str, name: &str, time: i64, text: &str) -> Record {
    Record { group: group.into(), name: name.into(), time, amount: 0.0, payload: text.as_bytes().to_vec() }
}

pub(super) fn search(text: &str) -> Search {
    Search { text: crate::TextQuery::parse(text), limit: 1_000, ..Search::default() }
}

/// The names of what is found.
pub(super) fn names(store: &Store, search: &Search) -> Vec<String> {
    let page = store.search(search).expect("a page");
    page.hits.into_iter().map(|hit| hit.record.name).collect()
}

pub(super) fn problems(store: &Store) -> Vec<String> {
    store.check(&mut |_, _| ()).expect("a report").problems
}

/// Ends a chain of operations.
pub(super) fn done(_: &mut Batch) {}

/// Does what `of` adds, durably.
pub(super) fn write(store: &Store, of: impl FnOnce(&mut Batch)) -> Result<Written> {
    let mut batch = Batch::new();
    of(&mut batch);
    store.write(batch, Durability::Power)
}
