//! Which version is used, which one was before, which one is pinned, and which ones failed: `servers.json` in our folder
//! for state.
//!
//! Written whole and renamed, so that a reader sees the old or the new one; who changes it holds a lock meanwhile. A
//! damaged file is moved aside with a warning: it holds choices, not work, and everything works without it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::server::installation::place::sync_folder;
use crate::server::installation::record::now;
use crate::{Error, ErrorKind, Result};

const FILE: &str = "servers.json";
const FORMAT: u32 = 1;
/// The file is a few kilobytes, with the last lines of what failed.
const FILE_BYTES: u64 = 1 << 20;
/// Whoever holds the lock only writes a small file.
const LOCK_BOUND: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Failures that are remembered.
const FAILURES: usize = 10;

/// Why a version was given up.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFailure {
    /// What was wrong, in one line.
    pub reason: String,
    /// The last lines that it printed, oldest first.
    #[serde(default)]
    pub output: Vec<String>,
    /// When, in seconds since 1970.
    #[serde(default)]
    pub at: u64,
}

/// What is remembered of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct State {
    #[serde(default)]
    pub format: u32,
    /// What an update or a rollback chose.
    #[serde(default)]
    pub selected: Option<String>,
    /// What was selected before that.
    #[serde(default)]
    pub previous: Option<String>,
    /// What the person pinned.
    #[serde(default)]
    pub pinned: Option<String>,
    /// The selected version was not yet started after its trial.
    #[serde(default)]
    pub unproven: bool,
    #[serde(default)]
    pub failed: BTreeMap<String, VersionFailure>,
}

impl State {
    pub(in crate::server) fn fail(&mut self, version: &str, reason: &str, output: Vec<String>) {
        let failure = VersionFailure { reason: reason.to_owned(), output, at: now() };
        self.failed.insert(version.to_owned(), failure);
        while self.failed.len() > FAILURES
            && let Some(oldest) = self.failed.iter().min_by_key(|(_, f)| f.at).map(|(v, _)| v.clone())
        {
            self.failed.remove(&oldest);
        }
    }
}

/// What the file in this folder says. A damaged file counts as none, with a warning; it stays for who changes it next.
pub(in crate::server) fn read(folder: &Path) -> Result<State> {
    match parse(&folder.join(FILE))? {
        Some(state) => Ok(state),
        None => {
            tracing::warn!(
                file = %folder.join(FILE).display(),
                "the list of servers is damaged: choices of versions are not known until the next one"
            );
            Ok(State::default())
        }
    }
}

/// `None` when it is damaged.
fn parse(path: &Path) -> Result<Option<State>> {
    let mut text = Vec::new();
    match File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(Some(State::default()));
        }
        // A folder of that name, for example.
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => return Ok(None),
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            return Err(Error::new(ErrorKind::Io, message)
                .with_hint("make it readable, or remove it: it holds only choices of versions")
                .with_source(error));
        }
    }
    let state: Option<State> = serde_json::from_slice(&text).ok();
    match state {
        Some(state) if state.format > FORMAT => {
            let message = format!("{} was written by a newer nexus", path.display());
            Err(Error::new(ErrorKind::Configuration, message).with_hint("update nexus, or remove that file"))
        }
        state => Ok(state),
    }
}

/// Changes the file; others wait meanwhile. What `change` refuses is not written.
///
/// # Errors
/// `system.io` when the folder may not be written, `system.timeout` when another process holds the lock for 10 s, and
/// those of `change`.
pub(in crate::server) fn change<T>(folder: &Path, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
    let unwritable = |error: std::io::Error| {
        let message = format!("cannot write {}: {error}", folder.join(FILE).display());
        Error::new(ErrorKind::Io, message)
            .with_hint("make that folder writable, or set XDG_STATE_HOME to another one")
            .with_source(error)
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let path = folder.join("servers.json.lock");
    let lock = File::options().create(true).append(true).open(path).map_err(unwritable)?;
    wait_for(&lock, folder)?;
    let path = folder.join(FILE);
    let mut state = match parse(&path)? {
        Some(state) => state,
        None => {
            let names = (now()..).map(|n| folder.join(format!("servers.json.damaged-{n}")));
            let aside = names.take(10_000).find(|name| !name.exists()).unwrap_or_default();
            std::fs::rename(&path, &aside).map_err(unwritable)?;
            tracing::warn!(
                moved_to = %aside.display(),
                "the list of servers was damaged; a new one is begun, choices of versions are to be made again"
            );
            State::default()
        }
    };
    let before = state.clone();
    let result = change(&mut state)?;
    state.format = FORMAT;
    if state != before {
        write(folder, &path, &state).map_err(unwritable)?;
    }
    Ok(result)
}

fn wait_for(lock: &File, folder: &Path) -> Result<()> {
    let deadline = Instant::now() + LOCK_BOUND;
    while let Err(error) = lock.try_lock() {
        if let std::fs::TryLockError::Error(cause) = error {
            return Err(cause.into());
        }
        if Instant::now() > deadline {
            let message = format!("another process does not let go of {}", folder.display());
            return Err(Error::new(ErrorKind::Timeout, message)
                .with_hint("look for another `nexus` that hangs, end it, and try again"));
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Ok(())
}

fn write(folder: &Path, path: &Path, state: &State) -> std::io::Result<()> {
    // Only who holds the lock writes it, so one name will do, and nothing gathers when we are killed.
    let new = folder.join("servers.json.new");
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec_pretty(state)?)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    sync_folder(Some(folder));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(folder: &Path, version: &str) {
        change(folder, |state| {
            state.pinned = Some(version.to_owned());
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn what_was_written_is_read_and_a_refused_change_leaves_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("made/when/missing");
        assert_eq!(read(&folder).unwrap(), State::default());
        pin(&folder, "1.0.0");
        let refused: Result<()> = change(&folder, |state| {
            state.pinned = None;
            Err(Error::new(ErrorKind::Conflict, "no"))
        });
        assert!(refused.is_err());
        assert_eq!(read(&folder).unwrap().pinned.as_deref(), Some("1.0.0"));
    }

    #[test]
    fn a_file_that_is_cut_anywhere_or_no_file_at_all_is_moved_aside_and_begun_again() {
        let dir = tempfile::tempdir().unwrap();
        pin(dir.path(), "1.0.0");
        let whole = std::fs::read(dir.path().join(FILE)).unwrap();
        let mut damages: Vec<Vec<u8>> = (0..whole.len()).map(|n| whole[..n].to_vec()).collect();
        damages.push(b"[]".to_vec());
        damages.push(vec![0xff; 64]);
        for damage in damages {
            std::fs::write(dir.path().join(FILE), &damage).unwrap();
            assert_eq!(read(dir.path()).unwrap(), State::default());
            pin(dir.path(), "2.0.0");
            assert_eq!(read(dir.path()).unwrap().pinned.as_deref(), Some("2.0.0"));
        }
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        std::fs::create_dir(dir.path().join(FILE)).unwrap();
        pin(dir.path(), "3.0.0");
        let names = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name());
        assert!(names.map(|n| n.into_string().unwrap()).any(|n| n.contains("damaged")));
    }

    #[test]
    fn a_file_of_a_newer_nexus_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), r#"{"format":2,"pinned":"1.0.0"}"#).unwrap();
        assert_eq!(read(dir.path()).unwrap_err().kind(), ErrorKind::Configuration);
        assert!(change(dir.path(), |_| Ok(())).unwrap_err().hint().is_some());
    }

    #[test]
    fn changes_of_many_at_once_are_all_there() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let folder = dir.path();
                scope.spawn(move || {
                    let add = |state: &mut State| {
                        state.fail(&format!("1.0.{number}"), "x", Vec::new());
                        Ok(())
                    };
                    change(folder, add).unwrap();
                });
            }
        });
        assert_eq!(read(dir.path()).unwrap().failed.len(), 8);
    }
}
