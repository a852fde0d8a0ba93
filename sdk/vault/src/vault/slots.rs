//! What opens a vault: making, adding, replacing and removing slots.

use secrecy::{ExposeSecret, SecretString};

use super::{Vault, now};
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::Keyring;
use crate::keys::slot::{About, Slot, joined};
use crate::keys::slot_disk::SlotDisk;
use crate::keys::{KdfParameters, Key, MasterKey, NewSlot, RecoveryKey, SlotInfo, SlotKind, hex, kdf};

impl Vault {
    /// Adds a slot.
    ///
    /// # Errors
    /// `Locked`, `InvalidInput`, `Parameters`, those of the keyring and of files.
    pub fn add_slot(&self, slot: NewSlot) -> Result<SlotInfo> {
        let master = self.shared.master()?;
        let made = Made::new(&self.shared.vault, &slot, &self.shared.keyring, &master)?;
        let info = made.slot.about.info();
        let slot = made.slot.clone();
        let changed = self.shared.slots.change(&master, self.shared.busy_bound, |file| {
            file.slots.push(slot);
            Ok(())
        });
        made.keep_if_written(&self.shared.slots);
        changed.map(|()| info)
    }

    /// Removes a slot and its secret in the keyring.
    ///
    /// # Errors
    /// `Locked`, `NotFound`, `InvalidInput` for the last slot that is not the recovery key's, and for that one, which can
    /// only be replaced.
    pub fn remove_slot(&self, id: &str) -> Result<()> {
        let master = self.shared.master()?;
        let removed = self.shared.slots.change(&master, self.shared.busy_bound, |file| {
            let place = file.slots.iter().position(|slot| slot.about.name() == id).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "the vault has no slot of this name")
                    .with_hint("look at the list of its slots")
            })?;
            if file.slots[place].about.kind == SlotKind::Recovery {
                return Err(Error::new(ErrorKind::InvalidInput, "a vault always has a recovery key")
                    .with_hint("replace it by a new one"));
            }
            if file.slots.iter().filter(|slot| slot.about.kind != SlotKind::Recovery).count() == 1 {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "this is the last slot besides the recovery key",
                )
                .with_hint("add another one first"));
            }
            Ok(file.slots.remove(place))
        })?;
        forget(&self.shared.keyring, &self.shared.vault, &removed.about);
        Ok(())
    }

    /// Replaces all slots that need a passphrase by one for the new passphrase, in one step. Where passphrase and keyring
    /// were needed together, they still are.
    ///
    /// # Errors
    /// `Locked`, `InvalidInput`, `Parameters`, those of files, and of the keyring where it is needed.
    pub fn change_passphrase(&self, passphrase: SecretString, kdf: KdfParameters) -> Result<()> {
        let master = self.shared.master()?;
        let kinds = self.shared.file()?.slots.iter().map(|slot| slot.about.kind).collect::<Vec<_>>();
        let slot = match kinds.contains(&SlotKind::Both) && !kinds.contains(&SlotKind::Passphrase) {
            true => NewSlot::Both(passphrase, kdf),
            false => NewSlot::Passphrase(passphrase, kdf),
        };
        let made = Made::new(&self.shared.vault, &slot, &self.shared.keyring, &master)?;
        let slot = made.slot.clone();
        let before = self.shared.slots.change(&master, self.shared.busy_bound, |file| {
            let needs_passphrase = |slot: &mut Slot| slot.about.kdf.is_some();
            let before = file.slots.extract_if(.., needs_passphrase).collect::<Vec<_>>();
            file.slots.insert(0, slot);
            Ok(before)
        });
        made.keep_if_written(&self.shared.slots);
        for slot in before? {
            forget(&self.shared.keyring, &self.shared.vault, &slot.about);
        }
        Ok(())
    }

    /// A new recovery key; the one before does not open the vault any more.
    ///
    /// # Errors
    /// `Locked`, those of files.
    pub fn replace_recovery(&self) -> Result<RecoveryKey> {
        let master = self.shared.master()?;
        let (slot, key) = recovery(&self.shared.vault, &master)?;
        self.shared.slots.change(&master, self.shared.busy_bound, |file| {
            file.slots.retain(|slot| slot.about.kind != SlotKind::Recovery);
            file.slots.push(slot);
            Ok(())
        })?;
        Ok(key)
    }
}

/// A slot that is in no file yet. Its secret in the keyring is taken back unless it is [`keep`](Self::keep)t.
pub(super) struct Made<'a> {
    pub slot: Slot,
    vault: [u8; 16],
    keyring: Option<&'a Keyring>,
}

impl<'a> Made<'a> {
    /// Makes a slot, and puts what belongs there into the keyring.
    pub(super) fn new(
        vault: &[u8; 16],
        new: &NewSlot,
        keyring: &'a Keyring,
        master: &MasterKey,
    ) -> Result<Self> {
        let (kind, passphrase, parameters) = match new {
            NewSlot::Passphrase(passphrase, parameters) => {
                (SlotKind::Passphrase, Some(passphrase), Some(*parameters))
            }
            NewSlot::Keyring => (SlotKind::Keyring, None, None),
            NewSlot::Both(passphrase, parameters) => (SlotKind::Both, Some(passphrase), Some(*parameters)),
        };
        if let Some(passphrase) = passphrase {
            kdf::check_passphrase(passphrase)?;
        }
        let in_keyring = (kind != SlotKind::Passphrase).then_some(keyring);
        let about = About::new(kind, now(), parameters, in_keyring.map(Keyring::backend))?;
        let passphrase = passphrase.map(|passphrase| about.passphrase_key(passphrase)).transpose()?;
        let secret = in_keyring.map(|keyring| remember(keyring, vault, &about)).transpose()?;
        let root = match (secret, passphrase) {
            (Some(secret), Some(passphrase)) => joined(&secret, &passphrase),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return Err(Error::new(ErrorKind::Internal, "a slot that nothing opens")),
        };
        let slot = Slot::wrap(vault, about, &root, master)?;
        Ok(Self { slot, vault: *vault, keyring: in_keyring })
    }

    /// Writing has ended, well or not: when it fails between the two copies, the slot counts all the same. A secret too
    /// many does no harm; one too few would.
    pub(super) fn keep_if_written(self, slots: &SlotDisk) {
        let is_written = match slots.read() {
            Ok(found) => found.file.slots.iter().any(|slot| slot.about.id == self.slot.about.id),
            Err(error) => error.kind() != ErrorKind::NotFound,
        };
        if is_written {
            self.keep();
        }
    }

    /// The slot is in the file now.
    pub(super) fn keep(mut self) {
        self.keyring = None;
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if let Some(keyring) = self.keyring {
            forget(keyring, &self.vault, &self.slot.about);
        }
    }
}

/// A slot for a new recovery key, and that key.
pub(super) fn recovery(vault: &[u8; 16], master: &MasterKey) -> Result<(Slot, RecoveryKey)> {
    let root = Key::generate()?;
    let about = About::new(SlotKind::Recovery, now(), None, None)?;
    Ok((Slot::wrap(vault, about, &root, master)?, RecoveryKey::of(&root)))
}

/// The name of a slot's secret in the keyring.
pub(super) fn entry(vault: &[u8; 16], about: &About) -> String {
    format!("vault-{}-slot-{}", hex::encode(vault), about.name())
}

/// Puts a new secret into the keyring.
fn remember(keyring: &Keyring, vault: &[u8; 16], about: &About) -> Result<Key> {
    let secret = Key::generate()?;
    let name = entry(vault, about);
    keyring.set(&name, &SecretString::from(hex::encode(secret.bytes())))?;
    // A keyring that forgets what it was told is found out now, not when the vault has to be opened.
    let kept = self::secret(keyring, vault, about).is_ok_and(|kept| kept.bytes() == secret.bytes());
    match kept {
        true => Ok(secret),
        false => Err(Error::new(ErrorKind::KeyringEmpty, "the keyring does not keep what it is given")
            .with_hint("use a passphrase")),
    }
}

/// The secret of a slot in the keyring.
///
/// # Errors
/// `KeyringChanged`, `KeyringEmpty`, `Damaged`, those of the keyring.
pub(super) fn secret(keyring: &Keyring, vault: &[u8; 16], about: &About) -> Result<Key> {
    if let Some(backend) = about.backend.filter(|backend| *backend != keyring.backend()) {
        let (then, now) = (backend.name(), keyring.backend().name());
        return Err(Error::new(
            ErrorKind::KeyringChanged,
            format!("the secret of this vault is kept by another keyring: {then}, and {now} is in use"),
        )
        .with_hint(format!("use {then}, a passphrase or the recovery key")));
    }
    let text = keyring.get(&entry(vault, about))?.ok_or_else(|| {
        Error::new(ErrorKind::KeyringEmpty, "the keyring has no secret of this vault")
            .with_hint("use a passphrase or the recovery key, then add the keyring again")
    })?;
    let bytes = zeroize::Zeroizing::new(hex::decode::<32>(text.expose_secret()));
    bytes.as_ref().and_then(|bytes| Key::from_slice(bytes)).ok_or_else(|| {
        Error::new(ErrorKind::Damaged, "what the keyring has under the name of this vault is something else")
            .with_hint("use a passphrase or the recovery key, then add the keyring again")
    })
}

/// Removes the secret of a slot that is gone. Without its slot it opens nothing, so a keyring that does not answer is no
/// reason to fail.
pub(super) fn forget(keyring: &Keyring, vault: &[u8; 16], about: &About) {
    if about.backend == Some(keyring.backend())
        && let Err(error) = keyring.remove(&entry(vault, about))
    {
        tracing::warn!(%error, "the secret of a removed slot stays in the keyring");
    }
}
