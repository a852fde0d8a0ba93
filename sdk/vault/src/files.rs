//! Small files that are whole or not there: temporary file, fsync, rename, fsync of the folder. And locks between
//! processes.
//!
//! Every change of the disk begins with [`step`]. Tests end the process, so to speak, at each of them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// Makes a folder that only its owner can enter.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    step()?;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_folder(parent)?;
    }
    Ok(())
}

/// Replaces a file, or makes it. After a kill or a loss of power it has the old content or the new one. Only its owner
/// can read it. The caller holds a lock: the temporary file has one name.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = temporary(path);
    // Made anew, never opened: what stands there can be the rest of a killed process, or a link to somewhere else.
    remove(&temporary)?;
    step()?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    let (first, second) = content.split_at(content.len() / 2);
    file.write_all(first)?;
    step()?;
    file.write_all(second)?;
    step()?;
    file.sync_all()?;
    drop(file);
    step()?;
    std::fs::rename(&temporary, path)?;
    step()?;
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// The name under which [`replace`] prepares a file.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Removes a file; whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool> {
    step()?;
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads a file of at most `limit` bytes; `None` when there is none.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    match content.len() as u64 > limit {
        true => Err(Error::new(ErrorKind::Foreign, format!("{} is too large", name_of(path)))),
        false => Ok(Some(content)),
    }
}

/// The last part of a path, for messages.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes names in a folder survive the loss of power.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    // Windows keeps its names safe by itself, and does not open folders.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Makes the content of a file survive the loss of power.
pub(crate) fn sync_file(path: &Path) -> Result<()> {
    step()?;
    OpenOptions::new().write(true).open(path)?.sync_all()?;
    Ok(())
}

/// How a lock is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Together with others.
    Shared,
    /// Alone.
    Exclusive,
}

/// A lock between processes, and between holders in one process. Gone with its value, and with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Closing it is what unlocks.
    _file: File,
}

impl Lock {
    /// Takes the lock of a file, which is made when it is not there; tries for at most `bound`. `None`: others hold it.
    pub(crate) fn take(path: &Path, hold: Hold, bound: Duration) -> Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let until = Instant::now() + bound;
        loop {
            let tried = match hold {
                Hold::Shared => file.try_lock_shared(),
                Hold::Exclusive => file.try_lock(),
            };
            match tried {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(None),
                // The system has no lock with a bound.
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps)]
fn step() -> Result<()> {
    Ok(())
}

#[cfg(test)]
fn step() -> Result<()> {
    faults::step()
}

/// The end of a process at a chosen step.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::Cell;

    use crate::error::{Error, ErrorKind, Result};

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    pub(super) fn step() -> Result<()> {
        match LEFT.get() {
            None => Ok(()),
            // Nothing more reaches the disk, as of a dead process.
            Some(0) => Err(Error::new(ErrorKind::Internal, "killed")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }

    /// Whether the process is dead, so to speak: what it would do outside of the disk must not happen either.
    pub(crate) fn is_dead() -> bool {
        LEFT.get() == Some(0)
    }

    /// Runs `work` so that it dies before its step number `steps`; whether it did.
    pub(crate) fn killed_after<T>(steps: usize, work: impl FnOnce() -> Result<T>) -> (Result<T>, bool) {
        LEFT.set(Some(steps));
        let result = work();
        let died = LEFT.replace(None) == Some(0);
        (result, died)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_old_or_new_wherever_the_process_dies() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("file");
        for steps in 0.. {
            replace(&path, b"old").expect("written");
            let (result, died) = faults::killed_after(steps, || replace(&path, b"newer"));
            let content = read(&path, 100).expect("read").expect("there");
            assert!(content == b"old" || content == b"newer");
            if !died {
                result.expect("done");
                assert_eq!(content, b"newer");
                assert!(steps > 4);
                break;
            }
        }
    }

    #[test]
    fn a_lock_is_shared_or_held_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("lock");
        let take = |hold| Lock::take(&path, hold, Duration::ZERO).expect("lock");
        let shared = (take(Hold::Shared), take(Hold::Shared));
        assert!(shared.0.is_some() && shared.1.is_some() && take(Hold::Exclusive).is_none());
        drop(shared);
        let alone = take(Hold::Exclusive);
        assert!(alone.is_some() && take(Hold::Shared).is_none());
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("file");
        replace(&path, &[7; 11]).expect("written");
        assert_eq!(read(&path, 10).expect_err("too large").kind(), ErrorKind::Foreign);
        assert_eq!(read(&path, 11).expect("read").map(|content| content.len()), Some(11));
    }
}
