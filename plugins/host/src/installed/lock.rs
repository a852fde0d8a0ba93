//! One process at a time changes what is installed.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use opencode_nexus::{Error, ErrorKind, Result, Retry};

use super::disk;

/// So long another process may take.
const BOUND: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Held until it is dropped; the system lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock of a folder, which is made if need be.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        Self::within(folder, BOUND)
    }

    pub(super) fn within(folder: &Path, bound: Duration) -> Result<Self> {
        disk::create(folder)?;
        let path = folder.join(".lock");
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| disk::failed(&path, error))?;
        let began = Instant::now();
        while let Err(error) = file.try_lock() {
            if let std::fs::TryLockError::Error(error) = error {
                return Err(disk::failed(&path, error));
            }
            if began.elapsed() > bound {
                return Err(Error::new(ErrorKind::Busy, "another process changes the plugins")
                    .with_retry(Retry::Now)
                    .with_hint("wait until it is done, and try again"));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Self { _file: file })
    }
}
