//! What can be done to a vault without any of its keys: making the keyring forget it, and destroying it.

use std::path::Path;
use std::time::Duration;

use super::slots::{entry, forget};
use super::warnings::forget_count;
use super::{LOCK, Vault};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{self, Hold, Lock};
use crate::keyring::Keyring;
use crate::keys::SlotKind;
use crate::keys::slot_disk::{COPIES, SlotDisk};

impl Vault {
    /// Removes the secrets of the slots of the kind keyring from the keyring; whether there were any. The slots stay, and
    /// open nothing any more: [`remove_slot`](Self::remove_slot) takes them away when the vault is open. Slots that need a
    /// passphrase as well are left alone.
    ///
    /// # Errors
    /// `NotFound`, `Damaged`, `KeyringChanged`, those of the keyring.
    pub fn forget_keyring(folder: &Path, keyring: &Keyring) -> Result<bool> {
        let file = SlotDisk::new(folder).read()?.file;
        let mut were = false;
        for slot in file.slots.iter().filter(|slot| slot.about.kind == SlotKind::Keyring) {
            if slot.about.backend != Some(keyring.backend()) {
                let then = slot.about.backend.map_or("unknown", crate::Backend::name);
                let message = format!("the secret of this vault is kept by another keyring: {then}");
                return Err(Error::new(ErrorKind::KeyringChanged, message).with_hint(format!("use {then}")));
            }
            were |= keyring.remove(&entry(&file.vault, &slot.about))?;
        }
        Ok(were)
    }

    /// Destroys a vault, whatever state it is in: the key slots first, without which nothing in it can be read again, then
    /// everything else in the folder. A keyring that does not answer stops nothing: without the slots its secrets open
    /// nothing.
    ///
    /// # Errors
    /// `NotFound`, `Busy` when it is open anywhere, those of files; what was not removed yet can be removed by calling it
    /// again.
    pub fn destroy(folder: &Path, keyring: &Keyring) -> Result<()> {
        if !folder.is_dir() {
            return Err(Error::new(ErrorKind::NotFound, "there is no vault in this folder"));
        }
        let alone = Lock::take(&folder.join(LOCK), Hold::Exclusive, Duration::ZERO)?.ok_or_else(|| {
            Error::new(ErrorKind::Busy, "the vault is open elsewhere")
                .with_hint("end the programs that use it and try again")
        })?;
        if let Ok(found) = SlotDisk::new(folder).read() {
            let slots = &found.file.slots;
            slots.iter().for_each(|slot| forget(keyring, &found.file.vault, &slot.about));
            if slots.iter().any(|slot| slot.about.backend == Some(keyring.backend())) {
                forget_count(keyring, &found.file.vault);
            }
        }
        for copy in COPIES {
            files::remove(&folder.join(copy))?;
            files::remove(&files::temporary(&folder.join(copy)))?;
        }
        files::sync_folder(folder)?;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                files::remove(&entry.path())?;
            }
        }
        drop(alone);
        std::fs::remove_dir(folder)?;
        Ok(())
    }
}
