//! Opening accounts: with a passphrase, which can be guessed and is counted, or with keys that cannot.
//!
//! There is no hash of the password beside the vault: a key slot of it holds a verifier, so one run of Argon2id both tells
//! whether the passphrase is right and opens what it protects, and there is one target for guessing, not two.

use nexus_vault::{Description, Keyring, NewSlot, SecretString, SlotKind, Unlock, Vault};
use secrecy::ExposeSecret as _;

use super::accounts::never_remembered;
use super::place::{Place, mirror_name};
use super::{Account, AccountName, Accounts, Backend, CreatedAccount};
use crate::error::{Error, ErrorKind, Result};
use crate::history::blocking;

impl Accounts {
    /// Opens an account with a passphrase (`name` or the current one), under the lockout. With `remember` it stays open
    /// for later programs: a slot in the keyring is made. It becomes the current one.
    ///
    /// # Errors
    /// `user.not_found`, `user.invalid_input` for an empty passphrase, `user.unsupported` for remembering an account that
    /// needs passphrase and keyring together, `security.wrong_passphrase`, `security.locked_out`, those of the keyring,
    /// `recovery.damaged`.
    pub async fn login(
        &self,
        name: Option<&AccountName>,
        passphrase: SecretString,
        remember: bool,
    ) -> Result<Account> {
        let (accounts, name) = (self.clone(), name.cloned());
        blocking(move || {
            let place = accounts.places.existing(name.as_ref())?;
            if remember && needs_both(&place.describe()?) {
                return Err(never_remembered());
            }
            let vault = accounts.open_vault(&place, Unlock::Passphrase(passphrase))?;
            if remember {
                self::remember(&place, &vault)?;
            } else if !place.is_marked() {
                forget_slots(&vault, None);
            }
            accounts.places.set_current(&place.name)?;
            Ok(Account::new(place.name, vault))
        })
        .await
    }

    /// Opens an account with any of its keys, under the lockout where it can be guessed. A passphrase is tried together
    /// with the keyring where the account needs both.
    ///
    /// # Errors
    /// As [`login`](Self::login).
    pub async fn unlock(&self, name: Option<&AccountName>, with: Unlock) -> Result<Account> {
        let (accounts, name) = (self.clone(), name.cloned());
        blocking(move || {
            let place = accounts.places.existing(name.as_ref())?;
            let vault = accounts.open_vault(&place, with)?;
            Ok(Account::new(place.name, vault))
        })
        .await
    }

    /// Opens an account that is logged in; `None` when there is none, or it is not logged in. The keyring is touched only
    /// then.
    ///
    /// # Errors
    /// Those of the keyring, `recovery.damaged`, `user.not_found` for a name that does not exist.
    pub async fn remembered(&self, name: Option<&AccountName>) -> Result<Option<Account>> {
        let (accounts, name) = (self.clone(), name.cloned());
        blocking(move || {
            if name.is_none() && accounts.places.current()?.is_none() {
                return Ok(None);
            }
            let place = accounts.places.existing(name.as_ref())?;
            let has_slot =
                |vault: &Description| vault.slots.iter().any(|slot| slot.kind == SlotKind::Keyring);
            if !place.is_marked() || !has_slot(&place.describe()?) {
                return Ok(None);
            }
            let vault = accounts
                .open_vault(&place, Unlock::Keyring)
                .map_err(|error| not_remembered(error, &place))?;
            Ok(Some(Account::new(place.name, vault)))
        })
        .await
    }

    /// Forgets the slot in the keyring; whether there was one. The secret is gone even when the vault's slot cannot be
    /// removed without opening it; the slot goes at the next login.
    ///
    /// # Errors
    /// `user.not_found`, those of the keyring: the account is still logged in then.
    pub async fn logout(&self, name: Option<&AccountName>) -> Result<bool> {
        let (accounts, name) = (self.clone(), name.cloned());
        blocking(move || {
            let place = accounts.places.existing(name.as_ref())?;
            if !place.is_marked() {
                return Ok(false);
            }
            // First the secret: stopped in between, the account still counts as logged in, and can be logged out again.
            Vault::forget_keyring(&place.vault(), &accounts.keyring)?;
            place.set_mark(false)?;
            Ok(true)
        })
        .await
    }

    /// Gives the account a new master key: see `Vault::rekey`. The new recovery key is in the answer.
    ///
    /// # Errors
    /// `user.busy` when a program has it open, those of [`unlock`](Self::unlock).
    pub async fn rekey(
        &self,
        name: Option<&AccountName>,
        with: Unlock,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<CreatedAccount> {
        let (accounts, name, mut progress) = (self.clone(), name.cloned(), progress);
        blocking(move || {
            let place = accounts.places.existing(name.as_ref())?;
            let created = accounts.under_lockout(&place, with, |folder, with, options| {
                Vault::rekey(folder, with, options, &mut progress)
            })?;
            let account = Account::new(place.name, created.vault);
            Ok(CreatedAccount { account, recovery: created.recovery, not_remembered: None })
        })
        .await
    }

    fn open_vault(&self, place: &Place, with: Unlock) -> Result<Vault> {
        self.under_lockout(place, with, Vault::unlock)
    }

    /// Does what needs a key. A passphrase costs an attempt, which is on disk before it is looked at; the keyring's secret
    /// and the recovery key are 32 random bytes, which nobody guesses.
    fn under_lockout<T>(
        &self,
        place: &Place,
        with: Unlock,
        open: impl FnOnce(&std::path::Path, Unlock, nexus_vault::Options) -> nexus_vault::Result<T>,
    ) -> Result<T> {
        let about = place.describe()?;
        let with = match with {
            Unlock::Passphrase(passphrase) if needs_both(&about) => Unlock::Both(passphrase),
            other => other,
        };
        let passphrase = match &with {
            Unlock::Passphrase(passphrase) | Unlock::Both(passphrase) => passphrase,
            Unlock::Keyring | Unlock::Recovery(_) => return Ok(open(&place.vault(), with, self.options())?),
        };
        if passphrase.expose_secret().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the passphrase is empty"));
        }
        if matches!(with, Unlock::Both(_)) {
            // A keyring that says no is no failed guess.
            self.keyring.get(&mirror_name(&about.id))?;
        }
        let attempt = place.lockout(self.mirror(&about)).attempt()?;
        let opened = open(&place.vault(), with, self.options())?;
        attempt.succeeded()?;
        Ok(opened)
    }

    fn mirror<'a>(&'a self, about: &'a Description) -> Option<(&'a Keyring, &'a Description)> {
        (self.keyring.backend() != Backend::None).then_some((&self.keyring, about))
    }
}

fn needs_both(about: &Description) -> bool {
    let has = |kind| about.slots.iter().any(|slot| slot.kind == kind);
    has(SlotKind::Both) && !has(SlotKind::Passphrase)
}

/// A new slot in the keyring, and no other.
pub(super) fn remember(place: &Place, vault: &Vault) -> Result<()> {
    let slot = vault.add_slot(NewSlot::Keyring)?;
    place.set_mark(true)?;
    forget_slots(vault, Some(&slot.id));
    Ok(())
}

/// Removes slots of the keyring that nothing opens any more. One that stays is harmless, and is tried again next time.
fn forget_slots(vault: &Vault, keep: Option<&str>) {
    for slot in vault.slots().unwrap_or_default() {
        if slot.kind == SlotKind::Keyring
            && keep != Some(slot.id.as_str())
            && let Err(error) = vault.remove_slot(&slot.id)
        {
            tracing::warn!(%error, "a slot of the keyring that is not used any more stays");
        }
    }
}

/// The same error for somebody who did not ask for the keyring, but is logged in by it. A keyring that is locked, absent
/// or silent may be well again later; one that has lost the secret will not.
fn not_remembered(error: Error, place: &Place) -> Error {
    use nexus_vault::ErrorKind as Vault;
    let cause =
        std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<nexus_vault::Error>());
    match cause.map(nexus_vault::Error::kind) {
        Some(Vault::KeyringEmpty | Vault::KeyringChanged | Vault::WrongKey) => {
            error.with_hint(format!("log in again with `nexus account login {}`", place.name))
        }
        _ => error,
    }
}
