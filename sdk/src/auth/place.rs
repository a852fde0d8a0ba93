//! Where accounts lie: below one folder, each in a folder of its own.
//!
//! ```text
//! accounts/current          the name of the account that is used when none is named
//! accounts/NAME/vault/      its vault; an account is there when this has key slots
//! accounts/NAME/account.json   when it was made
//! accounts/NAME/lockout     the counter of failed attempts
//! accounts/NAME/logged-in   there while the account opens by the keyring alone
//! ```
//!
//! Nothing but the vault matters: whatever else is damaged or missing is read as absent, and stops nothing.

use std::path::{Path, PathBuf};

use nexus_vault::{Description, Keyring, Lockout, Vault};

use super::AccountName;
use crate::error::{Error, ErrorKind, Result};
use crate::folders;

/// The folder of all accounts.
#[derive(Clone, Debug)]
pub(super) struct Places {
    accounts: PathBuf,
}

impl Places {
    /// Below the folder for data.
    pub(super) fn below(data: &Path) -> Self {
        Self { accounts: data.join("accounts") }
    }

    pub(super) fn of(&self, name: &AccountName) -> Place {
        Place { name: name.clone(), folder: self.accounts.join(name.as_str()) }
    }

    /// All that there are, by name.
    pub(super) fn all(&self) -> Result<Vec<Place>> {
        let entries = match std::fs::read_dir(&self.accounts) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&self.accounts, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unusable(&self.accounts, &error))?;
            names.extend(entry.file_name().to_str().and_then(|name| AccountName::new(name).ok()));
        }
        names.sort();
        Ok(names.iter().map(|name| self.of(name)).filter(Place::exists).collect())
    }

    fn current_file(&self) -> PathBuf {
        // `current` could be the name of an account, and no such name begins with a dot.
        self.accounts.join(".current")
    }

    /// The current account, if it still exists; else the only one that there is.
    pub(super) fn current(&self) -> Result<Option<AccountName>> {
        let named = std::fs::read_to_string(self.current_file()).ok();
        let named =
            named.and_then(|text| AccountName::new(text.trim()).ok()).filter(|name| self.of(name).exists());
        if named.is_some() {
            return Ok(named);
        }
        match self.all()?.as_slice() {
            [only] => Ok(Some(only.name.clone())),
            _ => Ok(None),
        }
    }

    pub(super) fn set_current(&self, name: &AccountName) -> Result<()> {
        let file = self.current_file();
        folders::write_private(&file, format!("{name}\n").as_bytes()).map_err(|error| unusable(&file, &error))
    }

    /// An account that exists: the named one, or the current one.
    pub(super) fn existing(&self, name: Option<&AccountName>) -> Result<Place> {
        let current = match name {
            Some(_) => None,
            None => self.current()?,
        };
        let Some(name) = name.or(current.as_ref()) else {
            let (what, hint) = match self.all()?.is_empty() {
                true => ("there is no account on this machine", "make one with `nexus account create`"),
                false => ("no account is the current one", "name one; `nexus account list` lists them"),
            };
            return Err(Error::new(ErrorKind::NotFound, what).with_hint(hint));
        };
        let place = self.of(name);
        if place.exists() {
            return Ok(place);
        }
        Err(Error::new(ErrorKind::NotFound, format!("there is no account `{name}`"))
            .with_hint("`nexus account list` lists them"))
    }
}

/// The folder of one account.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: AccountName,
    folder: PathBuf,
}

impl Place {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn vault(&self) -> PathBuf {
        self.folder.join("vault")
    }

    /// Whether there is an account. A damaged one is one.
    pub(super) fn exists(&self) -> bool {
        use nexus_vault::ErrorKind as Vault;
        !matches!(self.describe(), Err(error) if error.kind() == Vault::NotFound)
    }

    pub(super) fn describe(&self) -> nexus_vault::Result<Description> {
        Vault::describe(&self.vault())
    }

    /// The counter of failed attempts; with a keyring, mirrored in it under the vault's own name.
    pub(super) fn lockout(&self, mirror: Option<(&Keyring, &Description)>) -> Lockout {
        let mirror = mirror.map(|(keyring, vault)| (keyring.clone(), mirror_name(&vault.id)));
        Lockout::new(&self.folder.join("lockout"), mirror)
    }

    fn mark(&self) -> PathBuf {
        self.folder.join("logged-in")
    }

    pub(super) fn is_marked(&self) -> bool {
        self.mark().is_file()
    }

    /// Notes whether the account opens by the keyring alone.
    pub(super) fn set_mark(&self, logged_in: bool) -> Result<()> {
        let file = self.mark();
        let done = match logged_in {
            true => folders::write_private(&file, b""),
            false => match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => folders::sync(&self.folder),
            },
        };
        done.map_err(|error| unusable(&file, &error))
    }

    /// When the account was made, Unix milliseconds: as noted, else as old as its oldest slot.
    pub(super) fn created(&self, vault: Option<&Description>) -> u64 {
        let note = std::fs::read(self.folder.join("account.json")).ok();
        let note = note.and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        let oldest = || vault.and_then(|vault| vault.slots.iter().map(|slot| slot.created).min());
        note.map(|note| note.created).or_else(oldest).unwrap_or_default()
    }

    pub(super) fn note_created(&self, created: u64) -> Result<()> {
        let file = self.folder.join("account.json");
        let note = serde_json::to_vec(&Note { created }).unwrap_or_default();
        folders::write_private(&file, &note).map_err(|error| unusable(&file, &error))
    }
}

/// Under which name the counter of a vault is kept in a keyring.
pub(super) fn mirror_name(vault: &str) -> String {
    format!("lockout-{vault}")
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Note {
    created: u64,
}

/// A file or folder that cannot be used, by what a person can do about it.
pub(super) fn unusable(path: &Path, error: &std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let (kind, hint) = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => {
            (ErrorKind::Storage, "the disk is full: make room, and try again")
        }
        Io::PermissionDenied | Io::ReadOnlyFilesystem => {
            (ErrorKind::Storage, "it must belong to you and be writable; NEXUS_DATA_DIR names another place")
        }
        _ => (ErrorKind::Io, "NEXUS_DATA_DIR names another place"),
    };
    Error::new(kind, format!("cannot use {}: {error}", path.display())).with_hint(hint)
}
