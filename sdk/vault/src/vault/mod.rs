//! One vault: a folder with key slots and an encrypted database.
//!
//! `create` makes a vault and its backups, `unlock` opens one, `slots` changes what opens it, `rekey` changes the master
//! key, `warnings` says what a person should know, `leave` forgets and destroys, `access` reads and writes.
//!
//! In the folder: `keys.json` and `keys.json.2`, the slots; `history-XXXXXXXX.db`, the database that they name;
//! `vault.lock`, held by whoever has it open; `keys.lock`, held by whoever changes the slots; for a while `creating` or
//! `rekeying`, which tell what a killed process left.

mod access;
mod create;
mod leave;
mod rekey;
mod slots;
mod unlock;
mod warnings;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::files::Lock;
use crate::keyring::Keyring;
use crate::keys::slot_disk::SlotDisk;
use crate::keys::slot_file::SlotFile;
use crate::keys::{MasterKey, RecoveryKey, SlotInfo, hex};
use crate::store::{Indexer, Store, StoreKeys};

/// Whoever has the vault open holds it together with others; whoever changes its master key, alone.
const LOCK: &str = "vault.lock";

/// Told how far long work is: what is done, of how many.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// How a vault is opened.
#[derive(Clone)]
pub struct Options {
    /// What can be searched of a record's bytes.
    pub indexer: Arc<dyn Indexer>,
    /// Where slots of the kind keyring keep their secrets.
    pub keyring: Keyring,
    /// How many searches and reads may run at once. Default 4.
    pub readers: usize,
    /// How long to wait for another process that writes. Default 10 s.
    pub busy_bound: std::time::Duration,
}

/// An unlocked vault. Cheap to clone; all clones are locked together.
#[derive(Clone)]
pub struct Vault {
    store: Arc<Store>,
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    vault: [u8; 16],
    slots: SlotDisk,
    keyring: Keyring,
    busy_bound: std::time::Duration,
    /// A copy of the slots was written anew when this was opened.
    was_repaired: bool,
    /// What the keyring said of the count of openings, asked once.
    rolled_back: OnceLock<bool>,
    /// Gone when the vault was locked.
    open: Mutex<Option<Open>>,
}

struct Open {
    master: MasterKey,
    _lock: Lock,
}

/// A new vault.
#[derive(Debug)]
pub struct Created {
    /// Unlocked.
    pub vault: Vault,
    /// To be shown once.
    pub recovery: RecoveryKey,
}

/// What is known of a vault without any key.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Description {
    /// The vault's name for itself: 32 hexadecimal digits.
    pub id: String,
    /// What it can be opened with.
    pub slots: Vec<SlotInfo>,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// Something that a person should know and that stops nothing.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The whole vault is older than it was when it was last used here: a backup was put back, or somebody went back in time.
    RolledBack,
    /// One of the two copies of the key slots was damaged and was written anew from the other.
    SlotsRepaired,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// Looks at a vault without opening it.
    ///
    /// # Errors
    /// `NotFound`, `Damaged`, `Newer`, `Foreign`.
    pub fn describe(folder: &Path) -> Result<Description> {
        let file = SlotDisk::new(folder).read()?.file;
        let mut bytes = 0;
        for entry in std::fs::read_dir(folder)? {
            // A file that is gone by now takes no space.
            bytes += entry?.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok(Description { id: hex::encode(&file.vault), slots: infos(&file), bytes })
    }

    /// Forgets the keys: what is queued is written first, then every call fails with `Locked`.
    pub fn lock(&self) {
        self.store.close();
        // The lock between processes goes last: whoever waits for it must find everything written.
        *self.shared.open() = None;
    }

    /// Whether it was locked.
    pub fn is_locked(&self) -> bool {
        self.shared.open().is_none()
    }

    /// The folder.
    pub fn folder(&self) -> PathBuf {
        self.shared.folder.clone()
    }

    /// The slots.
    ///
    /// # Errors
    /// `Locked`, those of files.
    pub fn slots(&self) -> Result<Vec<SlotInfo>> {
        self.shared.file().map(|file| infos(&file))
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn master(&self) -> Result<MasterKey> {
        match &*self.open() {
            Some(open) => Ok(open.master.clone()),
            None => Err(Error::new(ErrorKind::Locked, "the vault is locked").with_hint("unlock it")),
        }
    }

    /// The slots as they are now, and as somebody with the master key wrote them.
    fn file(&self) -> Result<SlotFile> {
        let master = self.master()?;
        let file = self.slots.read()?.file;
        file.verify(&master)?;
        Ok(file)
    }
}

fn infos(file: &SlotFile) -> Vec<SlotInfo> {
    file.slots.iter().map(|slot| slot.about.info()).collect()
}

/// What the database needs of the keys.
fn store_keys(vault: [u8; 16], database: &str, master: &MasterKey) -> StoreKeys {
    StoreKeys {
        vault,
        database: master.database_key(database.as_bytes()),
        kek: master.record_kek(),
        sum: master.sum_key(),
    }
}

/// Unix milliseconds.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
