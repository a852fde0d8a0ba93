//! Connections to the database file: how they are opened, what is asked of a file before it is believed, and how its
//! errors read.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, ffi};

use super::cipher;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Key;

/// Says that a file is one of ours ("Nexu").
pub(super) const APPLICATION_ID: i32 = 0x4e65_7875;
/// Bytes of a page.
pub(super) const PAGE_SIZE: u64 = 4096;
/// How much of the database the writer keeps decrypted, in KiB.
const WRITER_CACHE: i64 = 16 * 1024;
/// The same for each reader.
const READER_CACHE: i64 = 8 * 1024;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Writes; makes the file when it is new.
    Writer,
    /// Reads.
    Reader,
}

/// Opens a connection with its key. Nothing of the file was read yet.
pub(super) fn open(file: &Path, key: &Key, role: Role, busy: Duration) -> Result<Connection> {
    let access = match role {
        Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    // Each connection is used by one thread at a time, which the types see to.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| sorted(&error, 0))?;
    cipher::set_key(&connection, key)?;
    connection.busy_timeout(busy).map_err(|error| sorted(&error, 0))?;
    connection.set_prepared_statement_cache_capacity(64);
    let cache = if role == Role::Writer { WRITER_CACHE } else { READER_CACHE };
    run(
        &connection,
        &format!(
            "PRAGMA cipher_page_size = {PAGE_SIZE};
         PRAGMA cipher_log = off;
         PRAGMA cipher_hmac_algorithm = HMAC_SHA256;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{cache};
         PRAGMA secure_delete = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA mmap_size = 0;"
        ),
    )?;
    let version: Option<String> = connection
        .query_row("PRAGMA cipher_version", [], |row| row.get(0))
        .ok()
        .filter(|v: &String| !v.is_empty());
    if version.is_none() {
        return Err(Error::new(
            ErrorKind::Internal,
            "this build has no SQLCipher; nothing was written in plain",
        ));
    }
    Ok(connection)
}

/// What can be said of a file without a key: that it is there, long enough, and no plain database.
pub(super) fn look_at(file: &Path) -> Result<()> {
    let mut start = Vec::new();
    let mut open = std::fs::File::open(file).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = Error::from(error);
        if missing {
            Error::new(ErrorKind::NotFound, "the database of the vault is missing")
                .with_hint("put the file back from a backup")
        } else {
            error
        }
    })?;
    open.by_ref().take(16).read_to_end(&mut start)?;
    if start == b"SQLite format 3\0" {
        return Err(Error::new(
            ErrorKind::Foreign,
            "the database file is not encrypted, so it is none of ours",
        )
        .with_hint("move it away and put the vault's own file back"));
    }
    let length = open.metadata()?.len();
    if length < PAGE_SIZE {
        return Err(damaged(&format!("the database file was cut: {length} bytes are left")));
    }
    Ok(())
}

/// A damaged database, said for a person.
pub(super) fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what).with_hint("put the vault back from a backup")
}

/// Runs statements without results.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection.execute_batch(sql).map_err(|error| of(connection, &error))
}

/// An error of a connection, with what the system says about it.
pub(super) fn of(connection: &Connection, error: &rusqlite::Error) -> Error {
    sorted(error, cipher::system_error(connection))
}

/// Sorts errors of the database by what a person can do about them. Texts of the database are not handed on: they could
/// hold content.
fn sorted(error: &rusqlite::Error, system: i32) -> Error {
    let rusqlite::Error::SqliteFailure(cause, _) = error else {
        return match error {
            // A column has another type than it was written with, or a row is missing that must be there.
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows => {
                damaged("a row of the database is not what was written")
            }
            _ => Error::new(
                ErrorKind::Internal,
                "the database was asked something that it does not understand",
            ),
        };
    };
    let full = || {
        Error::new(ErrorKind::Full, "no space is left for the history")
            .with_hint("free some space and try again")
    };
    let new = match cause.extended_code & 0xff {
        ffi::SQLITE_FULL => full(),
        ffi::SQLITE_IOERR if is_full(system) || cause.extended_code == ffi::SQLITE_IOERR_SHMSIZE => full(),
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_AUTH | ffi::SQLITE_CANTOPEN => {
            Error::new(ErrorKind::ReadOnly, "the history cannot be written")
                .with_hint("look at the permissions of its folder")
        }
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => {
            Error::new(ErrorKind::Busy, "another process writes into the history, and did not end in time")
                .with_hint("try again")
        }
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB | ffi::SQLITE_FORMAT | ffi::SQLITE_NOLFS => {
            damaged("the database is damaged")
        }
        // SQLCipher says this for a page whose authentication fails. Where memory really ends, Rust ends the process.
        ffi::SQLITE_NOMEM | ffi::SQLITE_ERROR => damaged("a page of the database is damaged"),
        ffi::SQLITE_IOERR if cause.extended_code == ffi::SQLITE_IOERR_SHORT_READ => {
            damaged("the database file was cut")
        }
        ffi::SQLITE_IOERR => Error::new(
            ErrorKind::Io,
            format!("the database could not be read or written (code {})", cause.extended_code),
        ),
        ffi::SQLITE_TOOBIG => Error::new(ErrorKind::InvalidInput, "the record is too large"),
        _ => Error::new(ErrorKind::Internal, format!("the database failed (code {})", cause.extended_code)),
    };
    new.with_source(*cause)
}

#[cfg(unix)]
fn is_full(system: i32) -> bool {
    matches!(system, libc::ENOSPC | libc::EDQUOT | libc::EFBIG)
}

#[cfg(not(unix))]
fn is_full(system: i32) -> bool {
    // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED
    matches!(system, 39 | 112 | 1295)
}

/// Turns errors of the database into ours.
pub(super) trait Explain<T> {
    fn explain(self, connection: &Connection) -> Result<T>;
}

impl<T> Explain<T> for rusqlite::Result<T> {
    fn explain(self, connection: &Connection) -> Result<T> {
        self.map_err(|error| of(connection, &error))
    }
}
