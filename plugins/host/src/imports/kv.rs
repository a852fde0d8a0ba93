//! `kv`: what a plugin keeps, in a database of its own.
//!
//! What a call of the guest sets is held in memory until the call returns, and then stored in one transaction. A trap stores
//! nothing, and no lock is held while a guest runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opencode_nexus::{Error, ErrorKind, Result};
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::HostState;
use super::call::blocking;
use super::failure::{Answer, failure, failure_with, internal};
use super::wit::kv::{Host, Scope};
use super::wit::types::ErrorCode;

/// Limits of plugins.md: a key, a value, everything of a plugin.
const KEY: usize = 512;
const VALUE: usize = 1024 * 1024;
const ALL: u64 = 16 * 1024 * 1024;

/// An entry counts as so many bytes more than its key and value, or a million empty ones would be nothing.
const ENTRY: u64 = 64;

/// So many entries may be changed in one call.
const CHANGES: usize = 10_000;

/// So many keys at once.
const KEYS: usize = 1000;

/// Another process may write as long; then it failed.
const BUSY: Duration = Duration::from_secs(2);

/// Says that the file is a store, and its version.
const VERSION: i64 = 1;

/// Where an entry lies: the name of a scope (empty for the person), and a key.
type Name = (Arc<str>, String);

/// What was set during a call, and what was deleted (`None`).
#[derive(Default)]
pub(super) struct Pending {
    entries: BTreeMap<Name, Option<Vec<u8>>>,
    /// What all that is stored came to when something was set first.
    stored: Option<u64>,
    /// What of it these entries take the place of.
    replaced: u64,
    /// What they come to.
    added: u64,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn names(&self) -> Vec<Name> {
        self.entries.keys().cloned().collect()
    }

    /// `before` is what is stored under this name, all of it and this one, where that was not known yet.
    fn put(&mut self, name: Name, value: Option<Vec<u8>>, before: Option<Stored>) -> Answer<()> {
        let size_of = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, |value| size(&name.1, value.len()));
        let (known, replaced) = (self.entries.get(&name), before.map_or(0, |before| before.this));
        let added = self.added - known.map_or(0, size_of) + size_of(&value);
        let stored = self.stored.or(before.map(|before| before.all)).unwrap_or_default();
        // Less is always welcome, also where another version of the host has allowed more.
        if value.is_some() && stored.saturating_sub(self.replaced + replaced) + added > ALL {
            return Err(failure_with(
                ErrorCode::Quota,
                "everything that a plugin keeps may have 16 MiB",
                "delete what is old",
            ));
        }
        if known.is_none() && self.entries.len() == CHANGES {
            return Err(failure(ErrorCode::Quota, format!("one call may change {CHANGES} entries")));
        }
        self.stored = Some(stored);
        self.replaced += replaced;
        self.added = added;
        self.entries.insert(name, value);
        Ok(())
    }
}

/// What is stored already.
#[derive(Clone, Copy)]
struct Stored {
    /// All together.
    all: u64,
    /// Under one name.
    this: u64,
}

fn size(key: &str, value: usize) -> u64 {
    key.len() as u64 + value as u64 + ENTRY
}

/// The store of one plugin. Every method blocks.
pub(super) struct Store {
    file: PathBuf,
    workspace: Arc<str>,
    user: Arc<str>,
    connection: Mutex<Option<Connection>>,
}

impl Store {
    /// Nothing is opened before it is needed.
    pub(super) fn new(file: PathBuf, workspace: &Path) -> Self {
        let real = workspace.canonicalize().unwrap_or_else(|_| workspace.to_owned());
        let digest = Sha256::digest(real.as_os_str().as_encoded_bytes());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { file, workspace: name.into(), user: "".into(), connection: Mutex::default() }
    }

    fn scope(&self, scope: Scope) -> Arc<str> {
        Arc::clone(match scope {
            Scope::Workspace => &self.workspace,
            Scope::User => &self.user,
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.open()?,
        };
        let done = work(&mut connection).map_err(|error| self.wrong(error));
        *slot = Some(connection);
        done
    }

    fn open(&self) -> Result<Connection> {
        let made = || -> std::io::Result<()> {
            opencode_nexus::folders::create_private(self.file.parent().unwrap_or(Path::new(".")))?;
            let mut options = std::fs::File::options();
            options.append(true).create(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&self.file).map(drop)
        };
        made().map_err(|error| {
            Error::new(ErrorKind::Storage, format!("cannot open {}: {error}", self.file.display()))
                .with_source(error)
        })?;
        let prepare = || {
            let connection = Connection::open(&self.file)?;
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "normal")?;
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS entry \
                 (scope TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (scope, key)) STRICT",
            )?;
            let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if version == 0 {
                connection.pragma_update(None, "user_version", VERSION)?;
            }
            Ok((connection, version))
        };
        let (connection, version) = prepare().map_err(|error: rusqlite::Error| self.wrong(error))?;
        if version > VERSION {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                "a newer version has written what the plugin keeps",
            )
            .with_hint("update OpenCode Nexus"));
        }
        Ok(connection)
    }

    fn wrong(&self, error: rusqlite::Error) -> Error {
        use rusqlite::ErrorCode as Code;
        let (kind, hint) = match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
                (ErrorKind::Busy, "another process writes it; try again".to_owned())
            }
            Some(Code::DiskFull) => (ErrorKind::Storage, "make room on the disk".to_owned()),
            Some(Code::NotADatabase | Code::DatabaseCorrupt) => {
                (ErrorKind::Damaged, format!("delete {}: the plugin begins anew", self.file.display()))
            }
            _ => (ErrorKind::Storage, "is the folder yours, and is there room?".to_owned()),
        };
        Error::new(kind, format!("what the plugin keeps cannot be used: {error}"))
            .with_hint(hint)
            .with_source(error)
    }

    fn get(&self, (scope, key): &Name) -> Result<Option<Vec<u8>>> {
        self.with(|connection| {
            let mut read =
                connection.prepare_cached("SELECT value FROM entry WHERE scope = ? AND key = ?")?;
            read.query_row(params![&**scope, key.as_bytes()], |row| row.get(0)).optional()
        })
    }

    /// What is under one name, and what all comes to unless that is `known`.
    fn sizes(&self, (scope, key): &Name, known: Option<u64>) -> Result<Stored> {
        self.with(|connection| {
            let all = known.map_or_else(|| size_of_all(connection), Ok)?;
            Ok(Stored { all, this: size_of(connection, scope, key)? })
        })
    }

    /// Keys with a prefix behind another key, at most `limit`.
    fn keys(&self, scope: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        self.with(|connection| {
            let mut read = connection.prepare_cached(
                "SELECT key FROM entry WHERE scope = ?1 AND key >= ?2 AND (?3 IS NULL OR key > ?3) \
                 AND substr(key, 1, length(?2)) = ?2 ORDER BY key LIMIT ?4",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = read
                .query_map(params![scope, prefix.as_bytes(), after.map(str::as_bytes), limit], |row| {
                    row.get::<_, Vec<u8>>(0)
                })?;
            rows.map(|key| Ok(String::from_utf8_lossy(&key?).into_owned())).collect()
        })
    }

    /// Stores what a call has set: all of it or nothing.
    pub(super) fn commit(&self, pending: Pending) -> Result<()> {
        let (names, added) = (pending.names(), pending.added);
        let fits = self.with(|connection| {
            // Written at once, or two processes could both find room.
            let change = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let mut replaced = 0;
            for (scope, key) in &names {
                replaced += size_of(&change, scope, key)?;
            }
            if added > 0 && size_of_all(&change)?.saturating_sub(replaced) + added > ALL {
                return Ok(false);
            }
            {
                let mut set = change.prepare_cached(
                    "INSERT INTO entry (scope, key, value) VALUES (?, ?, ?) \
                     ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value",
                )?;
                let mut delete = change.prepare_cached("DELETE FROM entry WHERE scope = ? AND key = ?")?;
                for ((scope, key), value) in &pending.entries {
                    match value {
                        Some(value) => set.execute(params![&**scope, key.as_bytes(), value])?,
                        None => delete.execute(params![&**scope, key.as_bytes()])?,
                    };
                }
            }
            change.commit().map(|()| true)
        })?;
        if fits {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TooLarge,
            "the plugin keeps more than 16 MiB; the last call has stored nothing",
        )
        .with_hint("another process has filled it meanwhile; its author should delete what is old"))
    }
}

fn size_of_all(connection: &Connection) -> rusqlite::Result<u64> {
    let mut sum = connection
        .prepare_cached("SELECT coalesce(sum(length(key) + length(value)), 0) + count(*) * ? FROM entry")?;
    Ok(sum.query_row([i64::try_from(ENTRY).unwrap_or_default()], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

fn size_of(connection: &Connection, scope: &str, key: &str) -> rusqlite::Result<u64> {
    let mut one = connection.prepare_cached("SELECT length(value) FROM entry WHERE scope = ? AND key = ?")?;
    let length = one.query_row(params![scope, key.as_bytes()], |row| row.get::<_, i64>(0)).optional()?;
    Ok(length.map_or(0, |length| size(key, usize::try_from(length).unwrap_or_default())))
}

fn check_key(key: &str) -> Answer<()> {
    match key.len() {
        0 => Err(failure(ErrorCode::Invalid, "the key is empty")),
        1..=KEY => Ok(()),
        long => Err(failure(ErrorCode::Quota, format!("the key has {long} bytes, and may have {KEY}"))),
    }
}

fn stored<T>(result: Result<T>) -> Answer<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::Busy => super::failure::from_sdk(&error),
        _ => internal("what the plugin keeps cannot be used", &error),
    })
}

impl HostState {
    async fn kv_get(&mut self, scope: Scope, key: String) -> Answer<Option<Vec<u8>>> {
        check_key(&key)?;
        let store = Arc::clone(&self.caller.access.store);
        let name = (store.scope(scope), key);
        if let Some(pending) = self.call.pending.entries.get(&name) {
            return Ok(pending.clone());
        }
        blocking(self.remaining(), "reading", move || stored(store.get(&name))).await
    }

    async fn kv_set(&mut self, scope: Scope, key: String, value: Vec<u8>) -> Answer<()> {
        check_key(&key)?;
        if value.len() > VALUE {
            return Err(failure(
                ErrorCode::Quota,
                format!("the value has {} bytes, and may have 1 MiB", value.len()),
            ));
        }
        self.kv_put(scope, key, Some(value)).await
    }

    async fn kv_put(&mut self, scope: Scope, key: String, value: Option<Vec<u8>>) -> Answer<()> {
        let store = Arc::clone(&self.caller.access.store);
        let name = (store.scope(scope), key);
        if self.call.pending.entries.contains_key(&name) {
            return self.call.pending.put(name, value, None);
        }
        let (asked, known) = (name.clone(), self.call.pending.stored);
        let before =
            blocking(self.remaining(), "reading", move || stored(store.sizes(&asked, known))).await?;
        self.call.pending.put(name, value, Some(before))
    }

    async fn kv_keys(&mut self, scope: Scope, prefix: String, after: Option<String>) -> Answer<Vec<String>> {
        let longest = prefix.len().max(after.as_ref().map_or(0, String::len));
        if longest > KEY {
            return Err(failure(ErrorCode::Quota, format!("a key may have {KEY} bytes")));
        }
        let store = Arc::clone(&self.caller.access.store);
        let name = store.scope(scope);
        let is_asked =
            |key: &str| key.starts_with(&prefix) && after.as_deref().is_none_or(|after| key > after);
        let pending: Vec<(String, bool)> = self
            .call
            .pending
            .entries
            .iter()
            .filter(|((of, key), _)| *of == name && is_asked(key))
            .map(|((_, key), value)| (key.clone(), value.is_some()))
            .collect();
        // As many more as may have been deleted meanwhile.
        let limit = KEYS + pending.len();
        let keys = blocking(self.remaining(), "reading", move || {
            stored(store.keys(&name, &prefix, after.as_deref(), limit))
        });
        let mut keys: std::collections::BTreeSet<String> = keys.await?.into_iter().collect();
        for (key, is_set) in pending {
            let _ = if is_set { keys.insert(key) } else { keys.remove(&key) };
        }
        Ok(keys.into_iter().take(KEYS).collect())
    }
}

impl Host for HostState {
    async fn get(&mut self, scope: Scope, key: String) -> wasmtime::Result<Answer<Option<Vec<u8>>>> {
        Ok(self.kv_get(scope, key).await)
    }

    async fn set(&mut self, scope: Scope, key: String, value: Vec<u8>) -> wasmtime::Result<Answer<()>> {
        Ok(self.kv_set(scope, key, value).await)
    }

    async fn delete(&mut self, scope: Scope, key: String) -> wasmtime::Result<Answer<()>> {
        Ok(match check_key(&key) {
            Ok(()) => self.kv_put(scope, key, None).await,
            Err(error) => Err(error),
        })
    }

    async fn keys(
        &mut self,
        scope: Scope,
        prefix: String,
        after: Option<String>,
    ) -> wasmtime::Result<Answer<Vec<String>>> {
        Ok(self.kv_keys(scope, prefix, after).await)
    }
}
