//! Makes and opens a store: what is asked of a file before it is believed, and what is brought up to date.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{self, Explain, Role, damaged, run};
use super::copy;
use super::readers::Readers;
use super::schema::{self, MIGRATIONS, Migration};
use super::secrets::{SEALS_PER_KEY, Secrets};
use super::state::Head;
use super::work::{Work, read_head, roll_back, write_head};
use super::writer::{Context, Writer};
use super::{Indexer, Opened, Store, StoreKeys, index, index_version};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Options;

/// What can be set, by tests as well.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub readers: usize,
    pub busy: Duration,
    pub seals_per_key: u64,
    pub newest: i64,
    pub migrations: &'static [Migration],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 4,
            busy: Duration::from_secs(10),
            seals_per_key: SEALS_PER_KEY,
            newest: schema::VERSION,
            migrations: MIGRATIONS,
        }
    }
}

impl Settings {
    fn of(options: &Options) -> Self {
        Self { readers: options.readers, busy: options.busy_bound, ..Self::default() }
    }
}

impl Store {
    /// Makes a new database file.
    pub(crate) fn create(file: &Path, keys: StoreKeys, options: &Options) -> Result<Self> {
        Self::make(file, keys, Arc::clone(&options.indexer), Settings::of(options))
    }

    pub(super) fn make(
        file: &Path,
        keys: StoreKeys,
        indexer: Arc<dyn Indexer>,
        settings: Settings,
    ) -> Result<Self> {
        copy::new_file(file)?;
        let opened = opened(keys, settings);
        let made = connection::open(file, &opened.keys.database, Role::Writer, settings.busy)
            .and_then(|connection| {
                begin(&connection)?;
                fill(&connection, &opened, indexer.as_ref())?;
                copy::sync(file)?;
                Ok(connection)
            })
            .and_then(|connection| Self::start(file, connection, opened, indexer, settings));
        if made.is_err() {
            copy::discard(file);
        }
        made
    }

    /// Opens a database file. The key slot has proved the key, so a file that does not open is damaged.
    pub(crate) fn open(file: &Path, keys: StoreKeys, options: &Options) -> Result<Self> {
        Self::open_with(file, keys, Arc::clone(&options.indexer), Settings::of(options))
    }

    pub(super) fn open_with(
        file: &Path,
        keys: StoreKeys,
        indexer: Arc<dyn Indexer>,
        settings: Settings,
    ) -> Result<Self> {
        connection::look_at(file)?;
        let opened = opened(keys, settings);
        let connection = connection::open(file, &opened.keys.database, Role::Writer, settings.busy)?;
        // The first page is read here, and with it the key meets the file.
        let _: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| unreadable(connection::of(&connection, &error)))?;
        let version = schema::accept(&connection, settings.newest)?;
        begin(&connection)?;
        if version < settings.newest {
            migrate(&connection, &opened, file, settings)?;
        } else {
            // The opening before has brought the file up to date, and this one has found it in order.
            remove_copies(file, version);
        }
        count_opening(&connection, &opened, indexer.as_ref())?;
        Self::start(file, connection, opened, indexer, settings)
    }

    fn start(
        file: &Path,
        connection: Connection,
        opened: Opened,
        indexer: Arc<dyn Indexer>,
        settings: Settings,
    ) -> Result<Self> {
        let opened = Arc::new(opened);
        let context = Context::new(connection, Arc::clone(&opened), Arc::clone(&indexer), settings.busy);
        Ok(Self {
            file: file.to_owned(),
            writer: Writer::start(context)?,
            readers: Readers::new(file.to_owned(), opened, settings.readers, settings.busy),
            indexer,
        })
    }
}

fn opened(keys: StoreKeys, settings: Settings) -> Opened {
    let secrets = Secrets::new(&keys, settings.seals_per_key);
    Opened { keys, secrets }
}

/// What does not open though its key is right.
fn unreadable(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Damaged => {
            damaged("the key is right, and the database does not open with it: it is damaged")
                .with_source(error)
        }
        _ => error,
    }
}

/// The write-ahead log: readers do not wait for the writer, nor the writer for them.
fn begin(connection: &Connection) -> Result<()> {
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).explain(connection)?;
    if mode != "wal" {
        return Err(Error::new(
            ErrorKind::Io,
            "the folder cannot hold a database that several programs share",
        )
        .with_hint("use a folder on a local disk"));
    }
    run(connection, "PRAGMA wal_autocheckpoint = 4000; PRAGMA synchronous = FULL")
}

fn fill(connection: &Connection, opened: &Opened, indexer: &dyn Indexer) -> Result<()> {
    transact(connection, || {
        schema::create(connection)?;
        let head = Head {
            generation: 1,
            indexed: Head::INDEX_COMPLETE,
            index: index_version(indexer),
            ..Head::default()
        };
        write_head(connection, &opened.secrets, &head)
    })
}

/// Counts an opening. An index that was made in another way is emptied in the same transaction.
fn count_opening(connection: &Connection, opened: &Opened, indexer: &dyn Indexer) -> Result<()> {
    run(connection, "PRAGMA synchronous = NORMAL")?;
    transact(connection, || {
        let mut head = read_head(connection, &opened.secrets)?;
        head.generation += 1;
        let current = index_version(indexer);
        let is_other = head.index != current;
        head.index = current;
        let mut work = Work::begin_opening(connection, &opened.secrets, indexer, head);
        if is_other {
            index::restart(&mut work)?;
        }
        let head = work.head;
        write_head(connection, &opened.secrets, &head)
    })
}

fn transact(connection: &Connection, work: impl FnOnce() -> Result<()>) -> Result<()> {
    run(connection, "BEGIN IMMEDIATE")?;
    let result = work().and_then(|()| run(connection, "COMMIT"));
    if result.is_err() {
        roll_back(connection);
    }
    result
}

/// Brings an older file up to date, a transaction for each step, after a copy of the whole file was made.
fn migrate(connection: &Connection, opened: &Opened, file: &Path, settings: Settings) -> Result<()> {
    let from = schema::version(connection)?;
    let copy_file = schema::copy_name(file, from);
    match std::fs::symlink_metadata(&copy_file) {
        // An earlier attempt was stopped while it copied, or after. What is there may be cut.
        Ok(_) => std::fs::remove_file(&copy_file)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    copy::copy(connection, opened, &copy_file, &mut |_, _| ())?;
    for step in settings.migrations {
        transact(connection, || {
            // Another process may have been faster.
            if schema::version(connection)? != step.to - 1 {
                return Ok(());
            }
            (step.run)(connection)?;
            run(connection, &format!("PRAGMA user_version = {}", step.to))
        })?;
    }
    if schema::version(connection)? == settings.newest {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Internal,
        "there is no way from the version of the database to that of the program",
    ))
}

fn remove_copies(file: &Path, version: i64) {
    for before in 1..version {
        match std::fs::remove_file(schema::copy_name(file, before)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the copy from before an update could not be removed");
            }
            _ => {}
        }
    }
}
