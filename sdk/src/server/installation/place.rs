//! The cache of installed servers: where it is, and the right to write one version into it.
//!
//! A version is a folder that is there as a whole or not at all: it is made beside its place and renamed. Who makes it
//! holds a lock that the system lets go of when a process dies in any way; so whatever lies beside without anybody
//! holding the lock was left by a killed process, and is removed by the next installation.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::folders;
use crate::{Error, ErrorKind, Result};

const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Where installed servers are kept: `$XDG_CACHE_HOME/opencode-nexus/servers`, by default below `~/.cache`
/// (Windows: `%LOCALAPPDATA%`).
///
/// # Errors
/// `user.configuration` when the environment names no home.
pub fn cache_dir() -> Result<PathBuf> {
    Ok(folders::folder(folders::Purpose::Cache)?.join("servers"))
}

/// A version that can be the name of a folder: digits first, then letters, digits and `._-+`.
pub(in crate::server) fn check_version(version: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    if version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(plain) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("`{version}` is not a version of OpenCode"))
        .with_hint("give one like 1.18.33"))
}

/// The right to install under one name, and the directory to do it in; both end with this value.
pub(in crate::server) struct Place {
    /// Where to work. Removed at the end.
    pub partial: PathBuf,
    /// Where the result belongs.
    pub target: PathBuf,
    /// Held by the open file.
    _lock: File,
}

impl Place {
    /// Waits for the right, at most `bound`; `waiting` is called once when somebody else has it.
    pub(in crate::server) async fn lock(
        cache: &Path,
        name: &str,
        bound: Duration,
        waiting: impl Fn(),
    ) -> Result<Self> {
        std::fs::create_dir_all(cache)?;
        let lock = File::options().create(true).append(true).open(lock_path(cache, name))?;
        let deadline = tokio::time::Instant::now() + bound;
        let mut said = false;
        while let Err(error) = lock.try_lock() {
            if let std::fs::TryLockError::Error(cause) = error {
                return Err(cause.into());
            }
            if tokio::time::Instant::now() > deadline {
                let message = format!("another process did not finish installing OpenCode {name}");
                return Err(Error::new(ErrorKind::Timeout, message)
                    .with_operation("server.install")
                    .with_hint("look for another `nexus` that hangs, end it, and try again"));
            }
            if !std::mem::replace(&mut said, true) {
                waiting();
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        sweep(cache);
        let partial = partial_path(cache, name);
        // Whoever wrote this is dead, for we hold the lock.
        if partial.exists() {
            std::fs::remove_dir_all(&partial)?;
        }
        std::fs::create_dir(&partial)?;
        Ok(Self { partial, target: cache.join(name), _lock: lock })
    }

    /// Puts a finished folder into its place.
    pub(in crate::server) fn publish(&self, ready: &Path) -> Result<()> {
        // Only a folder without a usable binary can be in the way: whatever it holds is not an installation.
        std::fs::remove_dir_all(&self.target).ok();
        std::fs::rename(ready, &self.target)?;
        sync_folder(self.target.parent());
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.partial) {
            tracing::debug!(%error, "the next installation will remove the partial one");
        }
    }
}

/// Removes what killed installations of any version have left.
fn sweep(cache: &Path) {
    for entry in std::fs::read_dir(cache).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|n| n.strip_prefix('.')?.strip_suffix(".partial")) else {
            continue;
        };
        let lock = File::options().create(true).append(true).open(lock_path(cache, name));
        // The lock is held until the folder is gone, so that nobody begins in it meanwhile.
        if let Ok(lock) = lock
            && lock.try_lock().is_ok()
            && let Err(error) = std::fs::remove_dir_all(partial_path(cache, name))
        {
            tracing::debug!(%error, name, "a left-over of a killed installation stays");
        }
    }
}

/// Removes the folder of a version, in one step for everybody who looks.
///
/// # Errors
/// `user.busy` while somebody installs it.
pub(in crate::server) fn remove_version(cache: &Path, version: &str) -> Result<()> {
    let lock = File::options().create(true).append(true).open(lock_path(cache, version))?;
    if lock.try_lock().is_err() {
        let message = format!("OpenCode {version} is being installed");
        return Err(Error::new(ErrorKind::Busy, message).with_hint("wait until that has ended"));
    }
    let aside = partial_path(cache, version);
    if aside.exists() {
        std::fs::remove_dir_all(&aside)?;
    }
    std::fs::rename(cache.join(version), &aside)?;
    Ok(std::fs::remove_dir_all(&aside)?)
}

fn lock_path(cache: &Path, name: &str) -> PathBuf {
    cache.join(format!(".{name}.lock"))
}

fn partial_path(cache: &Path, name: &str) -> PathBuf {
    cache.join(format!(".{name}.partial"))
}

/// Makes a rename last through a power cut. Not every system can do that; then the rename has to be enough.
pub(in crate::server) fn sync_folder(folder: Option<&Path>) {
    #[cfg(unix)]
    if let Some(Ok(folder)) = folder.map(File::open) {
        folder.sync_all().ok();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Says what to do when the cache cannot be written; other errors stay as they are.
pub(in crate::server) fn explain(error: Error, folder: &Path) -> Error {
    use std::error::Error as _;
    use std::io::ErrorKind as Cause;
    let Some(kind) = error.source().and_then(|s| s.downcast_ref::<std::io::Error>()).map(|e| e.kind()) else {
        return error;
    };
    let folder = folder.display();
    let (what, todo) = match kind {
        Cause::StorageFull | Cause::QuotaExceeded | Cause::FileTooLarge => {
            ("there is no space left", format!("free some space on the disk of {folder}"))
        }
        Cause::PermissionDenied | Cause::ReadOnlyFilesystem => {
            ("that is not allowed", format!("make {folder} writable"))
        }
        _ => return error.with_operation("server.install"),
    };
    Error::new(ErrorKind::Io, format!("cannot write to {folder}: {what}"))
        .with_operation("server.install")
        .with_hint(format!("{todo}, or set XDG_CACHE_HOME to a folder on another disk"))
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_names_that_stay_inside_the_cache() {
        for good in ["1.18.33", "2.0.14-shuv.1", "1.0.0+build_7"] {
            check_version(good).unwrap();
        }
        for bad in ["", ".", "..", "../1", "1/2", "1\\2", "incoming", "-1", "1 2", "1\n"] {
            assert_eq!(check_version(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[tokio::test]
    async fn what_a_killed_installation_of_any_version_left_is_removed_but_not_what_lives() {
        let dir = tempfile::tempdir().unwrap();
        let bound = Duration::from_secs(5);
        let living = Place::lock(dir.path(), "1.0.0", bound, || ()).await.unwrap();
        std::fs::create_dir(dir.path().join(".2.0.0.partial")).unwrap();
        std::fs::write(dir.path().join(".2.0.0.partial/half"), "x").unwrap();
        let other = Place::lock(dir.path(), "3.0.0", bound, || ()).await.unwrap();
        assert!(!dir.path().join(".2.0.0.partial").exists());
        assert!(living.partial.exists() && other.partial.exists());
        drop((living, other));
        assert!(!dir.path().join(".1.0.0.partial").exists());
    }

    #[test]
    fn a_full_or_read_only_disk_says_what_to_do() {
        for (kind, hint) in [
            (std::io::ErrorKind::StorageFull, "free some space"),
            (std::io::ErrorKind::ReadOnlyFilesystem, "writable"),
        ] {
            let error = explain(std::io::Error::from(kind).into(), Path::new("/cache"));
            assert!(error.hint().unwrap().contains(hint), "{error}");
        }
    }
}
