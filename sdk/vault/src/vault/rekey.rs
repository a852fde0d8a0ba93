//! A new master key: a new database file under new keys, and then one rename that names it.
//!
//! While this goes on the file `rekeying` names both databases. Which of them counts stands in the key slots alone; at the
//! next opening the other one is removed.

use std::path::Path;
use std::time::Duration;

use super::slots::{Made, forget, recovery};
use super::unlock::{Opened, opened_by, shared_lock};
use super::{Created, LOCK, Options, Progress, Vault, now, store_keys};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{self, Hold, Lock};
use crate::keys::slot::{About, Slot};
use crate::keys::slot_disk::SlotDisk;
use crate::keys::slot_file::{self, SlotFile};
use crate::keys::{KdfParameters, MasterKey, NewSlot, RecoveryKey, SlotKind, Unlock};
use crate::store::Store;

const MARK: &str = "rekeying";

impl Vault {
    /// Gives the vault a new master key and a new database file with everything in it, sealed anew. Only the slot that
    /// opened it (`with`) and keyring slots stay; these get new secrets. The recovery key is a new one, unless it is what
    /// opened the vault: killed before the new one is shown, nothing could open the vault. Killed at any moment, the vault
    /// is either as before or done. It must not be open elsewhere, and needs space for a second database.
    ///
    /// # Errors
    /// `Busy` when it is open elsewhere, `Full`, those of [`unlock`](Self::unlock), those of the keyring when it has a slot
    /// there.
    pub fn rekey(folder: &Path, with: Unlock, options: Options, progress: Progress<'_>) -> Result<Created> {
        let slots = SlotDisk::new(folder);
        if !slots.exists() {
            slots.read()?;
        }
        let alone = Lock::take(&folder.join(LOCK), Hold::Exclusive, Duration::ZERO)?.ok_or_else(|| {
            Error::new(ErrorKind::Busy, "the vault is open elsewhere")
                .with_hint("lock it there and try again")
        })?;
        let before = slots.read()?.file;
        let opened = opened_by(&before, &with, &options.keyring)?;
        slots.repair(&opened.master, options.busy_bound)?;
        clean_up(folder, &before.database)?;

        let master = MasterKey::generate()?;
        let database = slot_file::new_database_name()?;
        let new = NewSlots::make(&before, &opened, &with, &options, &master)?;
        let mut after = SlotFile::new(before.vault, before.generation + 1, database, new.slots());
        after.sign(&master);
        let done = Change { folder, before: &before, after: &after, options: &options }.make(
            &opened.master,
            &master,
            progress,
        );
        // When writing fails between the copies it is done all the same: what the slots say counts. When they cannot be
        // read, nothing is removed.
        let now = slots.read().map(|found| found.file);
        if !now.as_ref().is_ok_and(|file| *file == after) {
            match now {
                Ok(_) => clean_up(folder, &before.database).unwrap_or_else(
                    |error| tracing::debug!(%error, "the next opening removes the new database"),
                ),
                Err(_) => drop(new.keep()),
            }
            let unknown = || Error::new(ErrorKind::Internal, "a new master key was not kept");
            return Err(done.err().unwrap_or_else(unknown));
        }
        let recovery = new.keep();
        before.slots.iter().for_each(|slot| forget(&options.keyring, &before.vault, &slot.about));
        drop(alone);
        let lock = shared_lock(folder, options.busy_bound)?;
        let found = slots.read()?;
        found.file.verify(&master)?;
        Ok(Created { vault: Self::open(folder, lock, found, master, options)?, recovery })
    }
}

struct Change<'a> {
    folder: &'a Path,
    before: &'a SlotFile,
    after: &'a SlotFile,
    options: &'a Options,
}

impl Change<'_> {
    fn make(&self, from: &MasterKey, to: &MasterKey, progress: Progress<'_>) -> Result<()> {
        let Self { folder, before, after, options } = self;
        let names = format!("{}\n{}\n", before.database, after.database);
        files::replace(&folder.join(MARK), names.as_bytes())?;

        let new = folder.join(&after.database);
        let keys = |file: &SlotFile, master| store_keys(file.vault, &file.database, master);
        let store = Store::open(&folder.join(&before.database), keys(before, from), options)?;
        let written = store.rewrite(&new, keys(after, to), progress);
        store.close();
        written?;
        // Nothing is given up before the new file was seen to open.
        Store::open(&new, keys(after, to), options)?.close();
        files::sync_file(&new)?;
        files::sync_folder(folder)?;

        let slots = SlotDisk::new(folder);
        let _lock = slots.lock(options.busy_bound)?;
        slots.write(after)
    }
}

/// The slots of the vault under its new master key.
struct NewSlots<'a> {
    made: Vec<Made<'a>>,
    paper: Slot,
    recovery: RecoveryKey,
}

impl<'a> NewSlots<'a> {
    fn make(
        before: &SlotFile,
        opened: &Opened,
        with: &Unlock,
        options: &'a Options,
        master: &MasterKey,
    ) -> Result<Self> {
        let parameters = opened.about.kdf.unwrap_or_default();
        let mut new = before
            .slots
            .iter()
            .filter(|slot| slot.about.kind == SlotKind::Keyring)
            .map(|slot| same_backend(&slot.about, options).map(|()| NewSlot::Keyring))
            .collect::<Result<Vec<_>>>()?;
        new.extend(passphrase_slot(with, parameters));
        let make = |slot: &NewSlot| Made::new(&before.vault, slot, &options.keyring, master);
        let made = new.iter().map(make).collect::<Result<Vec<_>>>()?;
        let (paper, recovery) = match with {
            Unlock::Recovery(text) => {
                let root = RecoveryKey::parse(text)?;
                let about = About::new(SlotKind::Recovery, now(), None, None)?;
                (Slot::wrap(&before.vault, about, &root, master)?, RecoveryKey::of(&root))
            }
            _ => recovery(&before.vault, master)?,
        };
        Ok(Self { made, paper, recovery })
    }

    fn slots(&self) -> Vec<Slot> {
        self.made.iter().map(|made| &made.slot).chain([&self.paper]).cloned().collect()
    }

    fn keep(self) -> RecoveryKey {
        self.made.into_iter().for_each(Made::keep);
        self.recovery
    }
}

fn passphrase_slot(with: &Unlock, parameters: KdfParameters) -> Option<NewSlot> {
    match with {
        Unlock::Passphrase(passphrase) => Some(NewSlot::Passphrase(passphrase.clone(), parameters)),
        Unlock::Both(passphrase) => Some(NewSlot::Both(passphrase.clone(), parameters)),
        Unlock::Keyring | Unlock::Recovery(_) => None,
    }
}

fn same_backend(about: &About, options: &Options) -> Result<()> {
    match about.backend == Some(options.keyring.backend()) {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::KeyringChanged,
            format!("slot {} is kept by another keyring than the one in use", about.name()),
        )
        .with_hint("remove that slot first")),
    }
}

/// Removes the database that does not count, where a change of the master key has left one.
pub(super) fn clean_up(folder: &Path, database: &str) -> Result<()> {
    let mark = folder.join(MARK);
    files::remove(&files::temporary(&mark))?;
    let Some(names) = files::read(&mark, 1024)? else { return Ok(()) };
    // Nobody signs this file: it can name nothing but databases, and not the one that counts.
    let names = String::from_utf8_lossy(&names);
    let gone = names.lines().filter(|name| slot_file::is_database_name(name) && *name != database);
    for name in gone {
        // With what SQLite and copies made before a migration put beside it: all of it is under the key that is gone.
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(name) {
                files::remove(&entry.path())?;
            }
        }
    }
    files::remove(&mark)?;
    files::sync_folder(folder)
}
