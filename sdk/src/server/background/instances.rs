//! Background servers by name: a record each, which their supervisor writes and every command can read.
//!
//! A record is believed as long as the supervisor that it names lives; see [`ProcessIdentity`]. It holds the password of
//! the server, so only its owner may read it, and it is replaced as a whole or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::orphans::Swept;
use super::process::ProcessIdentity;
use crate::folders;
use crate::server::watch::health::{Health, VersionWarning};
use crate::transport::{Credentials, Secret};
use crate::{Error, ErrorKind, Result};

/// The name of the background server that commands use when none is named.
pub const DEFAULT_INSTANCE: &str = "default";
/// The longest name; it becomes a part of file names.
const NAME_LENGTH: usize = 64;

/// Where we keep what is not configuration and must outlive a command: `$XDG_STATE_HOME/opencode-nexus`, by default below
/// `~/.local/state` (Windows: `%LOCALAPPDATA%`).
///
/// # Errors
/// `user.configuration` when the environment names no home.
pub fn state_dir() -> Result<PathBuf> {
    folders::folder(folders::Purpose::State)
}

/// What is known about one background server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// Its name.
    pub name: String,
    /// The process that watches it.
    pub supervisor: ProcessIdentity,
    /// How it is.
    pub health: Health,
    /// Its own process, while there is one.
    pub pid: Option<u32>,
    /// The process group of the server and its guardian.
    pub group: Option<u32>,
    /// Its base URL, without credentials.
    pub url: String,
    /// Its password, for the user `opencode`. Not shown by `Debug`.
    #[serde(with = "secret")]
    pub password: Secret,
    /// Its version.
    pub version: String,
    /// What its version means, when it is not one that was tested.
    pub warning: Option<VersionWarning>,
    /// Its home; `None` when it is the person's.
    pub home: Option<PathBuf>,
    /// Whether the home goes when the server goes.
    pub fresh_home: bool,
    /// The project in which it was started.
    pub directory: PathBuf,
    /// What it prints, and what its supervisor has to say.
    pub log_file: PathBuf,
    /// When it was started by a person, in milliseconds since 1970.
    pub started: u64,
    /// How often it was started again since then.
    pub restarts: u32,
}

impl InstanceRecord {
    /// What the server wants to hear from a client.
    pub fn credentials(&self) -> Credentials {
        Credentials { user: "opencode".to_owned(), password: self.password.clone() }
    }

    /// Whether its supervisor still lives.
    pub fn is_supervised(&self) -> bool {
        self.supervisor.lives()
    }
}

mod secret {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::transport::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// The records of this person's background servers.
#[derive(Clone, Debug)]
pub struct Instances {
    root: PathBuf,
}

/// Held by who starts or ends a server of a name, so that two of them do not do it at once. Freed when dropped.
#[derive(Debug)]
pub struct InstanceLock(#[expect(dead_code, reason = "closing the file frees the lock")] File);

impl Instances {
    /// Those in [`state_dir`].
    ///
    /// # Errors
    /// As [`state_dir`].
    pub fn open() -> Result<Self> {
        Ok(Self::at(state_dir()?))
    }

    /// Those in a folder that takes the place of [`state_dir`].
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The file of a name's record.
    pub fn record_file(&self, name: &str) -> PathBuf {
        self.file(name, "json")
    }

    /// The file with what a server of this name and its supervisor say.
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.file(name, "log")
    }

    /// The home of a named server that has one of its own. It is kept when the server ends.
    pub fn home(&self, name: &str) -> PathBuf {
        self.root.join("homes").join(name)
    }

    /// The folder with the reports of crashes.
    pub fn crashes(&self) -> PathBuf {
        self.root.join("crashes")
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.root.join("instances").join(format!("{name}.{extension}"))
    }

    /// Waits until nobody else starts or ends a server of this name. Cancel safe; the caller has the bound.
    ///
    /// # Errors
    /// `user.invalid_input` for a name that cannot be a file's, `system.io` when the folder cannot be written.
    pub async fn lock(&self, name: &str) -> Result<InstanceLock> {
        check_name(name)?;
        let path = self.file(name, "lock");
        let failed = |error: std::io::Error| unwritable(&path, error);
        private_folder(&path)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(InstanceLock(file)),
                Err(std::fs::TryLockError::WouldBlock) => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Replaces the record of a server.
    ///
    /// # Errors
    /// `system.io` when it cannot be written.
    pub fn write(&self, record: &InstanceRecord) -> Result<()> {
        let text = zeroize::Zeroizing::new(serde_json::to_vec_pretty(record).unwrap_or_default());
        write_private(&self.record_file(&record.name), &text)
    }

    /// The record of a name, whether its server runs or not; `None` when there is none. One that cannot be read as a record
    /// is removed with a warning: it says nothing, and would be in the way.
    ///
    /// # Errors
    /// `user.invalid_input` for a name that cannot be a file's, `system.io` when the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<InstanceRecord>> {
        check_name(name)?;
        let path = self.record_file(name);
        let text = match std::fs::read(&path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unwritable(&path, error)),
        };
        if let Ok(record) = serde_json::from_slice(&text) {
            return Ok(Some(record));
        }
        // What the decoder says is not passed on: it may quote the file, which has a password in it.
        tracing::warn!(file = %path.display(), "a damaged record of a background server is removed");
        self.remove(name);
        Ok(None)
    }

    /// The server of a name if it is watched, whatever its health is.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn running(&self, name: &str) -> Result<Option<InstanceRecord>> {
        Ok(self.read(name)?.filter(InstanceRecord::is_supervised))
    }

    /// Every record, by name.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn all(&self) -> Result<Vec<InstanceRecord>> {
        let mut names: Vec<String> = std::fs::read_dir(self.root.join("instances"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
            .collect();
        names.sort();
        names.iter().filter_map(|name| self.read(name).transpose()).collect()
    }

    /// Removes the record of a name. Its log, its home and the reports of its crashes stay.
    pub fn remove(&self, name: &str) {
        // One that is gone already is what was wanted.
        std::fs::remove_file(self.record_file(name)).ok();
    }

    /// Cleans up behind supervisors that were killed: their servers are ended (see [`sweep`](crate::server::sweep)), then
    /// their fresh homes and their records go. The record of a server that was given up stays until it is started or stopped.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn sweep(&self) -> Result<Swept> {
        let mut swept = super::orphans::sweep().await;
        for record in self.all()? {
            if record.is_supervised() || record.health.is_final() {
                continue;
            }
            self.discard(&record);
            swept.instances.push(record.name);
        }
        Ok(swept)
    }

    /// Removes the record of a server that does not run, with its fresh home.
    pub fn discard(&self, record: &InstanceRecord) {
        if let Some(home) = record.home.as_ref().filter(|_| record.fresh_home)
            && let Err(error) = std::fs::remove_dir_all(home)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(home = %home.display(), %error, "cannot remove a left-over home");
        }
        self.remove(&record.name);
    }

    /// Ends a background server and waits until it is gone: its supervisor is asked, and killed when it does not listen.
    ///
    /// # Errors
    /// `user.not_found` when there is no record of that name; `system.timeout` when something could not be killed.
    pub async fn stop(&self, name: &str) -> Result<()> {
        let Some(record) = self.read(name)? else {
            return Err(Error::new(ErrorKind::NotFound, format!("no background server is named {name}"))
                .with_operation("server.stop")
                .with_hint("nexus server status names those that run"));
        };
        let supervisor = &record.supervisor;
        if supervisor.lives() {
            super::process::terminate(supervisor.pid);
            if !gone(supervisor, STOP_BOUND).await {
                tracing::warn!(pid = supervisor.pid, "a supervisor does not listen and is killed");
                super::process::kill(supervisor.pid);
                if !gone(supervisor, KILL_BOUND).await {
                    let message = format!("the supervisor of {name}, {}, cannot be killed", supervisor.pid);
                    return Err(Error::new(ErrorKind::Timeout, message).with_operation("server.stop"));
                }
            }
        }
        super::orphans::sweep().await;
        self.discard(&record);
        Ok(())
    }
}

/// A server is given 2 s, its guardian 5 s, and a supervisor has both behind it.
const STOP_BOUND: std::time::Duration = std::time::Duration::from_secs(12);
const KILL_BOUND: std::time::Duration = std::time::Duration::from_secs(3);

async fn gone(process: &ProcessIdentity, bound: std::time::Duration) -> bool {
    let ended = async {
        while process.lives() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(bound, ended).await.is_ok()
}

/// Letters, digits, `-`, `_` and `.` (not in front).
fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = !name.is_empty() && name.len() <= NAME_LENGTH && name.chars().all(allowed);
    if good && !name.starts_with('.') {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("{name:?} cannot be the name of a server"))
        .with_hint("use up to 64 letters, digits, hyphens and underscores"))
}

/// Writes a file that only we may read: beside its place first, then all at once.
pub(in crate::server) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    folders::write_private(path, bytes).map_err(|error| unwritable(path, error))
}

fn private_folder(path: &Path) -> Result<&Path> {
    let folder = path.parent().unwrap_or(Path::new("."));
    folders::create_private(folder).map_err(|error| unwritable(folder, error))?;
    Ok(folder)
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let hint = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge => {
            "the disk is full: make room, and try again"
        }
        _ => "it must belong to you and be writable; XDG_STATE_HOME names another place",
    };
    Error::new(ErrorKind::Io, format!("cannot use {}: {error}", path.display()))
        .with_hint(hint)
        .with_source(error)
}

#[cfg(test)]
#[path = "instances_tests.rs"]
mod tests;
