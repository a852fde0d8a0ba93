//! What a person should know of a vault.
//!
//! A whole vault that is put back to an earlier state is consistent in itself. Only something outside of the folder can
//! tell: the keyring has the last count of openings, for vaults that it helps to open.

use secrecy::{ExposeSecret, SecretString};

use super::{Vault, Warning};
use crate::error::Result;
use crate::keyring::Keyring;
use crate::keys::hex;

impl Vault {
    /// What a person should know; asks the keyring for the count of openings when the vault has a slot in it.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let rolled_back = self.shared.rolled_back.get_or_init(|| {
            self.compare_with_keyring().unwrap_or_else(|error| {
                tracing::debug!(%error, "whether the vault is older than it was cannot be said");
                false
            })
        });
        if *rolled_back {
            warnings.push(Warning::RolledBack);
        }
        if self.shared.was_repaired {
            warnings.push(Warning::SlotsRepaired);
        }
        warnings
    }

    /// Whether the keyring has seen a later state; it is told of this one then.
    fn compare_with_keyring(&self) -> Result<bool> {
        let keyring = &self.shared.keyring;
        let file = self.shared.file()?;
        if !file.slots.iter().any(|slot| slot.about.backend == Some(keyring.backend())) {
            return Ok(false);
        }
        let name = entry(&self.shared.vault);
        let before = keyring.get(&name)?.and_then(|text| Count::parse(text.expose_secret()));
        let now =
            Count { slots: file.generation, database: file.database, openings: self.store.generation()? };
        if before.as_ref() != Some(&now) {
            keyring.set(&name, &SecretString::from(now.to_string()))?;
        }
        Ok(before.is_some_and(|before| now.is_older_than(&before)))
    }
}

/// The name of the count in the keyring.
fn entry(vault: &[u8; 16]) -> String {
    format!("vault-{}-count", hex::encode(vault))
}

/// Removes the count of a vault that is destroyed. A keyring that does not answer is no reason to fail.
pub(super) fn forget_count(keyring: &Keyring, vault: &[u8; 16]) {
    if let Err(error) = keyring.remove(&entry(vault)) {
        tracing::debug!(%error, "the count of a destroyed vault stays in the keyring");
    }
}

/// How far a vault has come. Openings are counted per database: a new master key comes with a new one.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    slots: u64,
    database: String,
    openings: u64,
}

impl Count {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (slots, database, openings) = (words.next()?, words.next()?, words.next()?);
        Some(Self {
            slots: slots.parse().ok()?,
            database: database.to_owned(),
            openings: openings.parse().ok()?,
        })
    }

    fn is_older_than(&self, other: &Self) -> bool {
        self.slots < other.slots || (self.database == other.database && self.openings < other.openings)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.slots, self.database, self.openings)
    }
}
