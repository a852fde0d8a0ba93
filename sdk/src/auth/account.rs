//! An account that is open.

use std::path::Path;

use nexus_vault::{KdfParameters, RecoveryKey, SecretString, Vault, Warning};

use super::{AccountName, CredentialStore};
use crate::error::Result;
use crate::history::{History, blocking};

/// An open account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Account {
    name: AccountName,
    vault: Vault,
}

impl Account {
    pub(super) fn new(name: AccountName, vault: Vault) -> Self {
        Self { name, vault }
    }

    /// Its name.
    pub fn name(&self) -> &AccountName {
        &self.name
    }

    /// What a person should know of its vault.
    pub async fn warnings(&self) -> Vec<Warning> {
        let vault = self.vault.clone();
        // Nothing in it fails; a runtime that ends has nobody to warn.
        blocking(move || Ok(vault.warnings())).await.unwrap_or_default()
    }

    /// Its conversations.
    pub fn history(&self) -> History {
        History::new(self.vault.clone())
    }

    /// What servers want to hear from it.
    pub fn credentials(&self) -> CredentialStore {
        CredentialStore::new(self.vault.clone())
    }

    /// A new passphrase; the one before does not open it any more.
    ///
    /// # Errors
    /// `user.invalid_input`, `system.storage`, and those of the keyring where passphrase and keyring are needed together.
    pub async fn change_passphrase(&self, passphrase: SecretString, kdf: KdfParameters) -> Result<()> {
        let vault = self.vault.clone();
        blocking(move || Ok(vault.change_passphrase(passphrase, kdf)?)).await
    }

    /// A new recovery key.
    ///
    /// # Errors
    /// `system.storage`.
    pub async fn replace_recovery(&self) -> Result<RecoveryKey> {
        let vault = self.vault.clone();
        blocking(move || Ok(vault.replace_recovery()?)).await
    }

    /// A copy of everything in a new folder, under the same keys. [`Accounts::restore`](super::Accounts::restore) takes it.
    ///
    /// # Errors
    /// `user.conflict` when the folder exists and is not empty, `system.storage`.
    pub async fn backup(&self, to: &Path, progress: impl FnMut(u64, u64) + Send + 'static) -> Result<()> {
        let (vault, to, mut progress) = (self.vault.clone(), to.to_owned(), progress);
        blocking(move || Ok(vault.backup(&to, &mut progress)?)).await
    }

    /// Forgets the keys; all clones are locked with it.
    pub fn lock(&self) {
        self.vault.lock();
    }
}
