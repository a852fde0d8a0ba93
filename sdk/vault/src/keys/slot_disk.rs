//! The key slots of a vault on disk: `keys.json` and its second copy, written by temporary file, fsync, rename and fsync
//! of the folder.
//!
//! Both copies are always written. Killed in between, the first one has the larger generation, and the second is made
//! equal at the next opening. A copy that is damaged is written anew from the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::master::MasterKey;
use super::slot_file::{LARGEST, SlotFile};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{self, Hold, Lock};

/// The names of the copies. The first is written first.
pub(crate) const COPIES: [&str; 2] = ["keys.json", "keys.json.2"];
/// Whoever changes the slots holds it.
pub(crate) const LOCK: &str = "keys.lock";

/// The key slots in a folder.
#[derive(Clone, Debug)]
pub(crate) struct SlotDisk {
    folder: PathBuf,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The newer one of the copies that can be read.
    pub file: SlotFile,
    /// The other copy is missing, damaged or older.
    pub is_incomplete: bool,
}

impl SlotDisk {
    /// The slots in this folder. Nothing is touched.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Whether there is any copy.
    pub(crate) fn exists(&self) -> bool {
        COPIES.iter().any(|copy| self.folder.join(copy).symlink_metadata().is_ok())
    }

    /// Reads both copies.
    ///
    /// # Errors
    /// `NotFound` when there is none. When none can be read: `Newer`, `Damaged`, `Foreign`, those of files.
    pub(crate) fn read(&self) -> Result<Found> {
        let [first, second] = COPIES.map(|copy| self.read_copy(copy));
        match (first, second) {
            (Ok(Some(first)), Ok(Some(second))) if first.vault != second.vault => {
                Err(Error::new(ErrorKind::Damaged, "keys.json and keys.json.2 are of different vaults")
                    .with_hint("remove the one that does not belong here"))
            }
            (Ok(Some(first)), Ok(Some(second))) => {
                let is_incomplete = first != second;
                let file = if second.generation > first.generation { second } else { first };
                Ok(Found { file, is_incomplete })
            }
            // A newer version writes the first copy first; an older one must not undo that.
            (Err(error), _) | (_, Err(error)) if error.kind() == ErrorKind::Newer => Err(error),
            (Ok(Some(file)), _) | (_, Ok(Some(file))) => Ok(Found { file, is_incomplete: true }),
            (Ok(None), Ok(None)) => Err(Error::new(ErrorKind::NotFound, "there is no vault in this folder")
                .with_hint("look whether this is the right folder")),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    fn read_copy(&self, copy: &str) -> Result<Option<SlotFile>> {
        files::read(&self.folder.join(copy), LARGEST)?.map(|bytes| SlotFile::decode(&bytes)).transpose()
    }

    /// Writes both copies. The caller has signed the file, and holds the lock.
    pub(crate) fn write(&self, file: &SlotFile) -> Result<()> {
        let bytes = file.encode()?;
        COPIES.iter().try_for_each(|copy| files::replace(&self.folder.join(copy), &bytes))
    }

    /// Changes the slots: locks, reads again, changes, counts up, signs, writes.
    ///
    /// # Errors
    /// `Busy` when another process changes them for longer than `bound`, those of [`read`](Self::read) and of files.
    pub(crate) fn change<T>(
        &self,
        master: &MasterKey,
        bound: Duration,
        change: impl FnOnce(&mut SlotFile) -> Result<T>,
    ) -> Result<T> {
        let _lock = self.lock(bound)?;
        let mut file = self.read()?.file;
        file.verify(master)?;
        let answer = change(&mut file)?;
        file.generation += 1;
        file.sign(master);
        self.write(&file)?;
        Ok(answer)
    }

    /// Makes the copies equal after one of them was found missing, damaged or older; whether that was needed.
    pub(crate) fn repair(&self, master: &MasterKey, bound: Duration) -> Result<bool> {
        let _lock = self.lock(bound)?;
        let found = self.read()?;
        found.file.verify(master)?;
        if found.is_incomplete {
            self.write(&found.file)?;
        }
        Ok(found.is_incomplete)
    }

    /// The lock of whoever changes the slots.
    pub(crate) fn lock(&self, bound: Duration) -> Result<Lock> {
        Lock::take(&self.folder.join(LOCK), Hold::Exclusive, bound)?.ok_or_else(|| {
            Error::new(ErrorKind::Busy, "another process changes the key slots")
                .with_hint("try again in a moment")
        })
    }
}
