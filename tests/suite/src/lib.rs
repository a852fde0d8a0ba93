//! Tests that cross crates, and what several of them need. The examples of the README are tested here too.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

use std::path::Path;
use std::time::Duration;

use nexus_vault::{Backend, KdfParameters, Keyring, NewSlot, Options, Unlock, Vault};
use opencode_nexus::auth::SecretString;
use opencode_nexus::history::History;

/// A new vault below a folder, or the one that is there. The keyring of whoever runs the tests is left alone, and the
/// passphrase costs as little as it may.
///
/// # Panics
/// When it can be neither opened nor made.
pub fn open_vault(folder: &Path) -> Vault {
    let folder = folder.join("vault");
    let passphrase = SecretString::from("made up for tests".to_owned());
    let options = || {
        let keyring = Keyring::new(Backend::None, "opencode-nexus-test");
        Options { indexer: History::indexer(), keyring, readers: 4, busy_bound: Duration::from_secs(10) }
    };
    match Vault::unlock(&folder, Unlock::Passphrase(passphrase.clone()), options()) {
        Ok(vault) => vault,
        Err(error) if error.kind() == nexus_vault::ErrorKind::NotFound => {
            let slot = NewSlot::Passphrase(passphrase, KdfParameters::LEAST);
            match Vault::create(&folder, slot, options()) {
                Ok(created) => created.vault,
                Err(error) => panic!("{error:?}"),
            }
        }
        Err(error) => panic!("{error:?}"),
    }
}
