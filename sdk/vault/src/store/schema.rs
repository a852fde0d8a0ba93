//! The tables, and how an older file becomes one of today.
//!
//! `PRAGMA user_version` holds the version. Each step is one transaction. Before the first one the whole file is copied
//! beside itself, encrypted as it is (`NAME.before-VERSION`); the copy is removed by the next opening that finds nothing
//! to do. A newer version is refused and left alone.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::connection::{APPLICATION_ID, Explain, run};
use crate::error::{Error, ErrorKind, Result};

/// The version of today.
pub(super) const VERSION: i64 = 1;

/// One step: from the version before to `to`, in a transaction that is open already.
#[derive(Clone, Copy)]
pub(super) struct Migration {
    pub to: i64,
    pub run: fn(&Connection) -> Result<()>,
}

/// All steps that there are, in order. Version 1 is the first.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// Small rows and their sealed bytes stand in tables of their own: searches walk the small ones.
///
/// `words` has no content: what was indexed is only in the index, and leaves it with the record. Its blocks are 4002 bytes
/// long, so that each still stands on one page: of 4096 bytes, SQLCipher takes 48 for itself. With the usual 4050 every
/// block would need a second page.
const TABLES: &str = "
CREATE TABLE meta(
    key TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE groups(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    time INTEGER NOT NULL,
    state BLOB NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX groups_by_time ON groups(time);
CREATE TABLE group_keys(
    grp INTEGER NOT NULL,
    number INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    PRIMARY KEY(grp, number)
) WITHOUT ROWID;
CREATE TABLE records(
    id INTEGER PRIMARY KEY,
    grp INTEGER NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    time INTEGER NOT NULL,
    amount REAL NOT NULL,
    UNIQUE(grp, name)
);
CREATE INDEX records_by_time ON records(time, amount, grp);
CREATE TABLE bodies(
    id INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
);
CREATE TABLE chunks(
    id INTEGER PRIMARY KEY,
    grp INTEGER NOT NULL,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    UNIQUE(grp, name, number)
);
CREATE TABLE entries(
    id INTEGER PRIMARY KEY,
    shelf TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    UNIQUE(shelf, name)
);
CREATE VIRTUAL TABLE words USING fts5(text, labels, content='', tokenize='ascii', detail='full');
INSERT INTO words(words, rank) VALUES('secure-delete', 1);
INSERT INTO words(words, rank) VALUES('pgsz', 4002);
";

/// Makes the tables in an empty file, inside of a transaction that is open.
pub(super) fn create(connection: &Connection) -> Result<()> {
    run(connection, TABLES)?;
    run(connection, &format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))
}

/// The version of a file.
pub(super) fn version(connection: &Connection) -> Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).explain(connection)
}

/// Refuses what is no store, and what is newer than `steps` (or today) know.
pub(super) fn accept(connection: &Connection, newest: i64) -> Result<i64> {
    let application: i32 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).explain(connection)?;
    if application != APPLICATION_ID {
        return Err(Error::new(ErrorKind::Foreign, "the database is not one of a vault")
            .with_hint("put the vault's own file back"));
    }
    let version = version(connection)?;
    if version > newest {
        return Err(Error::new(
            ErrorKind::Newer,
            format!("the database has version {version}; this program knows {newest} and leaves it alone"),
        )
        .with_hint("update this program"));
    }
    if version < 1 {
        return Err(super::connection::damaged("the database has an impossible version"));
    }
    Ok(version)
}

/// Where the copy goes that is made before the first step.
pub(super) fn copy_name(file: &Path, version: i64) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".before-{version}"));
    PathBuf::from(name)
}
