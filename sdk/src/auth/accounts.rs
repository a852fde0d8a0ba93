//! Accounts on this machine: one folder each below `accounts` in the folder for data.

use std::path::Path;
use std::time::Duration;

use nexus_vault::{
    KdfParameters, Keyring, LockoutState, NewSlot, Options, RecoveryKey, SecretString, SlotInfo, SlotKind,
    Vault,
};

use super::login::remember;
use super::place::{Place, Places, mirror_name, unusable};
use super::{Account, AccountName, Backend};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::folders;
use crate::history::{History, blocking, now};

/// Under which name the keyring shows what is ours.
const SERVICE: &str = "opencode-nexus";

/// All accounts of a machine's user.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub(super) places: Places,
    pub(super) keyring: Keyring,
}

/// What an account is made with.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name.
    pub name: AccountName,
    /// Its passphrase; not empty.
    pub passphrase: SecretString,
    /// What guessing costs.
    pub kdf: KdfParameters,
    /// Opened only by passphrase and keyring together. Such an account cannot be remembered.
    pub both: bool,
    /// Log in at once, where there is a keyring ([`Accounts::login`] with `remember`).
    pub remember: bool,
}

/// A new account.
#[derive(Debug)]
pub struct CreatedAccount {
    /// Open.
    pub account: Account,
    /// To be shown once.
    pub recovery: RecoveryKey,
    /// Why it could not be remembered in the keyring, if that was asked for.
    pub not_remembered: Option<Error>,
}

/// What is known of an account without opening it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AccountInfo {
    /// Its name.
    pub name: AccountName,
    /// Whether it is the one that is used when none is named.
    pub current: bool,
    /// Whether it has a slot in the keyring, so it opens without a question.
    pub logged_in: bool,
    /// When it was made, Unix milliseconds.
    pub created: u64,
    /// What it can be opened with; empty when the key slots are damaged.
    pub slots: Vec<SlotInfo>,
    /// Bytes of its vault on disk.
    pub bytes: u64,
    /// How its counter of failed attempts stands, by the file alone: the keyring is not asked.
    pub lockout: LockoutState,
}

impl Accounts {
    /// Those of the person who runs this: `NEXUS_DATA_DIR`, else the usual folder for data of the system and
    /// `opencode-nexus` in it (`$XDG_DATA_HOME` or `~/.local/share`, on macOS `~/Library/Application Support`, on Windows
    /// `%LOCALAPPDATA%`); the keyring of the system.
    ///
    /// # Errors
    /// `user.configuration` without a home.
    pub fn open() -> Result<Self> {
        Ok(Self::at(&folders::data()?, Keyring::system(SERVICE)))
    }

    /// Those of [`open`](Self::open), with the keyring that the settings choose.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn configured(settings: &Settings) -> Result<Self> {
        let accounts = Self::open()?;
        let backend = match settings.keyring.as_str() {
            "none" => Backend::None,
            "kernel" => Backend::Kernel,
            "secret-service" => Backend::SecretService,
            _ => return Ok(accounts),
        };
        Ok(accounts.with_keyring(Keyring::new(backend, SERVICE)))
    }

    /// Those below a folder, with a keyring of choice.
    pub fn at(folder: &Path, keyring: Keyring) -> Self {
        Self { places: Places::below(folder), keyring }
    }

    /// The same accounts with another keyring.
    #[must_use]
    pub fn with_keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = keyring;
        self
    }

    /// The keyring that is used.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// All of them by name. Neither a vault nor the keyring is opened for it.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn list(&self) -> Result<Vec<AccountInfo>> {
        let places = self.places.clone();
        blocking(move || {
            let current = places.current()?;
            Ok(places.all()?.iter().map(|place| info(place, current.as_ref())).collect())
        })
        .await
    }

    /// The one that is used when none is named: the last one that logged in or was created. When that one is gone, or was
    /// never noted, the only one that there is.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn current(&self) -> Result<Option<AccountName>> {
        self.places.current()
    }

    /// Makes an account and makes it the current one.
    ///
    /// # Errors
    /// `user.conflict` when it exists, `user.invalid_input`, `system.storage`, those of the keyring with `both`.
    pub async fn create(&self, new: NewAccount) -> Result<CreatedAccount> {
        let accounts = self.clone();
        blocking(move || accounts.create_now(new)).await
    }

    fn create_now(&self, new: NewAccount) -> Result<CreatedAccount> {
        let place = self.places.of(&new.name);
        if place.exists() {
            return Err(taken(&new.name));
        }
        let slot = match new.both {
            true => NewSlot::Both(new.passphrase, new.kdf),
            false => NewSlot::Passphrase(new.passphrase, new.kdf),
        };
        folders::create_private(place.folder()).map_err(|error| unusable(place.folder(), &error))?;
        let created =
            Vault::create(&place.vault(), slot, self.options()).map_err(|error| match error.kind() {
                nexus_vault::ErrorKind::Exists => taken(&new.name),
                _ => Error::from(error),
            });
        let created = match created {
            Ok(created) => created,
            Err(error) => {
                // Empty, or it stays.
                let _ = std::fs::remove_dir(place.folder());
                return Err(error);
            }
        };
        place.note_created(now())?;
        self.places.set_current(&new.name)?;
        let not_remembered = match (new.remember, new.both) {
            (false, _) => None,
            (true, true) => Some(never_remembered()),
            (true, false) => remember(&place, &created.vault).err(),
        };
        let account = Account::new(new.name, created.vault);
        Ok(CreatedAccount { account, recovery: created.recovery, not_remembered })
    }

    /// Destroys an account with everything in it: its keys first, so that it cannot be read again when this is stopped
    /// half way. It cannot be undone.
    ///
    /// # Errors
    /// `user.not_found`, `user.busy` when a program has it open.
    pub async fn remove(&self, name: &AccountName) -> Result<()> {
        let (accounts, name) = (self.clone(), name.clone());
        blocking(move || accounts.remove_now(&name)).await
    }

    fn remove_now(&self, name: &AccountName) -> Result<()> {
        let place = self.places.of(name);
        if !place.folder().is_dir() {
            return self.places.existing(Some(name)).map(drop);
        }
        let id = place.describe().ok().map(|vault| vault.id);
        match Vault::destroy(&place.vault(), &self.keyring) {
            // What is left of one whose removal was stopped.
            Err(error) if error.kind() == nexus_vault::ErrorKind::NotFound => {}
            Err(error) if error.kind() == nexus_vault::ErrorKind::Busy => {
                let message = format!("a program has the account `{name}` open");
                return Err(Error::new(ErrorKind::Busy, message).with_hint("end it, and try again"));
            }
            other => other?,
        }
        if let Some(id) = id {
            // A counter that stays in a keyring counts for no vault any more.
            let _ = self.keyring.remove(&mirror_name(&id));
        }
        std::fs::remove_dir_all(place.folder()).map_err(|error| unusable(place.folder(), &error))
    }

    /// Puts a backup back: as a new account of that name, opened with the keys that it had then. It is there as a whole or
    /// not at all.
    ///
    /// # Errors
    /// `user.conflict` when the name is taken, `user.not_found` or `user.invalid_input` when the folder is no backup,
    /// `recovery.damaged`, those of files.
    pub async fn restore(&self, name: &AccountName, backup: &Path) -> Result<()> {
        let (accounts, name, backup) = (self.clone(), name.clone(), backup.to_owned());
        blocking(move || accounts.restore_now(&name, &backup)).await
    }

    fn restore_now(&self, name: &AccountName, backup: &Path) -> Result<()> {
        let place = self.places.of(name);
        if place.exists() {
            return Err(taken(name));
        }
        let vault = Vault::describe(backup)?;
        folders::create_private(place.folder()).map_err(|error| unusable(place.folder(), &error))?;
        let copied = tempfile::Builder::new()
            .prefix(".restoring-")
            .tempdir_in(place.folder())
            .map_err(|error| unusable(place.folder(), &error))?;
        copy_files(backup, copied.path()).map_err(|error| unusable(backup, &error))?;
        // What was copied is what was looked at.
        Vault::describe(copied.path())?;
        let target = place.vault();
        // A folder with nothing but locks in it is what a failed attempt to create has left.
        let _ = std::fs::remove_dir_all(&target);
        std::fs::rename(copied.path(), &target)
            .and_then(|()| folders::sync(place.folder()))
            .map_err(|error| unusable(&target, &error))?;
        place.set_mark(false)?;
        place.note_created(place.created(Some(&vault)))
    }

    /// How the vaults of accounts are opened.
    pub(super) fn options(&self) -> Options {
        Options {
            indexer: History::indexer(),
            keyring: self.keyring.clone(),
            readers: 4,
            busy_bound: Duration::from_secs(10),
        }
    }
}

fn info(place: &Place, current: Option<&AccountName>) -> AccountInfo {
    let vault = place.describe().ok();
    let has_slot = |vault: &nexus_vault::Description| vault.slots.iter().any(|s| s.kind == SlotKind::Keyring);
    AccountInfo {
        name: place.name.clone(),
        current: current == Some(&place.name),
        logged_in: place.is_marked() && vault.as_ref().is_some_and(has_slot),
        created: place.created(vault.as_ref()),
        bytes: vault.as_ref().map_or(0, |vault| vault.bytes),
        slots: vault.map(|vault| vault.slots).unwrap_or_default(),
        // A counter that cannot be read stops a login, not a list.
        lockout: place.lockout(None).state().unwrap_or(LockoutState { failures: 0, wait: None }),
    }
}

/// Links and folders are no part of a backup.
fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(to.join(entry.file_name()))?;
        std::io::copy(&mut std::fs::File::open(entry.path())?, &mut file)?;
        file.sync_all()?;
    }
    folders::sync(to)
}

pub(super) fn never_remembered() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "an account that needs passphrase and keyring together is never remembered",
    )
    .with_hint("give its passphrase each time")
}

fn taken(name: &AccountName) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is an account `{name}` already"))
        .with_hint("choose another name")
}
