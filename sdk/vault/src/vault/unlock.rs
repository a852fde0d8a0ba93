//! Opening a vault.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::{LOCK, Open, Options, Shared, Vault, create, rekey, slots, store_keys};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{Hold, Lock};
use crate::keyring::Keyring;
use crate::keys::slot::{About, joined};
use crate::keys::slot_disk::{Found, SlotDisk};
use crate::keys::slot_file::SlotFile;
use crate::keys::{Key, MasterKey, RecoveryKey, SlotKind, Unlock};
use crate::store::Store;

impl Vault {
    /// Opens a vault.
    ///
    /// # Errors
    /// `NotFound`, `WrongKey`, `Damaged`, `Newer`, `Foreign`, `Parameters`, `ReadOnly`, `Busy` while its master key is
    /// changed, those of the keyring; `InvalidInput` when it has no slot of this kind.
    pub fn unlock(folder: &Path, with: Unlock, options: Options) -> Result<Self> {
        let slots = SlotDisk::new(folder);
        if !slots.exists() {
            // Says so, and leaves no lock file in a folder that is none of ours.
            slots.read()?;
        }
        let lock = shared_lock(folder, options.busy_bound)?;
        let found = slots.read()?;
        let master = opened_by(&found.file, &with, &options.keyring)?.master;
        Self::open(folder, lock, found, master, options)
    }

    /// Opens a vault whose master key is known.
    pub(super) fn open(
        folder: &Path,
        lock: Lock,
        found: Found,
        master: MasterKey,
        options: Options,
    ) -> Result<Self> {
        let slots = SlotDisk::new(folder);
        let database = &found.file.database;
        let path = folder.join(database);
        if !path.exists() {
            return Err(Error::new(
                ErrorKind::Damaged,
                format!("the database of this vault is missing: {database}"),
            )
            .with_hint("restore a backup"));
        }
        let store = Store::open(&path, store_keys(found.file.vault, database, &master), &options)?;
        let was_repaired = found.is_incomplete && slots.repair(&master, options.busy_bound)?;
        create::finish(folder)?;
        rekey::clean_up(folder, database)?;
        let shared = Shared {
            folder: folder.to_owned(),
            vault: found.file.vault,
            slots,
            keyring: options.keyring,
            busy_bound: options.busy_bound,
            was_repaired,
            rolled_back: OnceLock::new(),
            open: Mutex::new(Some(Open { master, _lock: lock })),
        };
        Ok(Self { store: Arc::new(store), shared: Arc::new(shared) })
    }
}

/// The lock of whoever has the vault open.
pub(super) fn shared_lock(folder: &Path, bound: Duration) -> Result<Lock> {
    Lock::take(&folder.join(LOCK), Hold::Shared, bound)?.ok_or_else(|| {
        Error::new(ErrorKind::Busy, "the master key of this vault is being changed")
            .with_hint("try again later")
    })
}

/// A slot that opened.
pub(super) struct Opened {
    pub master: MasterKey,
    pub about: About,
}

/// Opens a slot by what a person has, and looks whether the file is as somebody with the master key wrote it.
pub(super) fn opened_by(file: &SlotFile, with: &Unlock, keyring: &Keyring) -> Result<Opened> {
    let opened = match with {
        Unlock::Passphrase(passphrase) => {
            let has = |kind| file.slots.iter().any(|slot| slot.about.kind == kind);
            if has(SlotKind::Both) && !has(SlotKind::Passphrase) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "this vault opens with its passphrase and the keyring together",
                )
                .with_hint("use both, or the recovery key"));
            }
            try_slots(file, SlotKind::Passphrase, |about| about.passphrase_key(passphrase))
        }
        Unlock::Keyring => {
            try_slots(file, SlotKind::Keyring, |about| slots::secret(keyring, &file.vault, about))
        }
        Unlock::Recovery(text) => {
            let key = RecoveryKey::parse(text)?;
            try_slots(file, SlotKind::Recovery, |_| Ok(key.clone()))
        }
        // The keyring first: when it says no, nobody has to wait for Argon2.
        Unlock::Both(passphrase) => try_slots(file, SlotKind::Both, |about| {
            let secret = slots::secret(keyring, &file.vault, about)?;
            Ok(joined(&secret, &about.passphrase_key(passphrase)?))
        }),
    }?;
    file.verify(&opened.master)?;
    Ok(opened)
}

/// Tries all slots of a kind. One that fails does not keep another from opening.
fn try_slots(file: &SlotFile, kind: SlotKind, mut root: impl FnMut(&About) -> Result<Key>) -> Result<Opened> {
    let (mut tried, mut failed) = (false, None);
    for slot in file.slots.iter().filter(|slot| slot.about.kind == kind) {
        tried = true;
        match root(&slot.about).and_then(|root| slot.unwrap(&file.vault, &root)) {
            Ok(Some(master)) => return Ok(Opened { master, about: slot.about.clone() }),
            Ok(None) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| if tried { wrong(kind) } else { no_slot(kind) }))
}

fn wrong(kind: SlotKind) -> Error {
    let (what, hint) = match kind {
        SlotKind::Passphrase => ("the passphrase is wrong", "try again, or use the recovery key"),
        SlotKind::Keyring => {
            ("the secret in the keyring is of another vault", "use a passphrase or the recovery key")
        }
        SlotKind::Recovery => {
            ("this recovery key is of another vault, or was replaced", "look for a newer one")
        }
        SlotKind::Both => {
            ("the passphrase is wrong, or the secret in the keyring", "try again, or use the recovery key")
        }
    };
    Error::new(ErrorKind::WrongKey, what).with_hint(hint)
}

fn no_slot(kind: SlotKind) -> Error {
    let what = match kind {
        SlotKind::Passphrase => "this vault has no passphrase",
        SlotKind::Keyring => "no keyring opens this vault",
        SlotKind::Recovery => "this vault has no recovery key",
        SlotKind::Both => "this vault does not open with passphrase and keyring together",
    };
    Error::new(ErrorKind::InvalidInput, what).with_hint("look at its slots for what opens it")
}
