//! Whole vaults: what opens them, what is left when a process dies, and what a keyring can do to them.

mod death;
mod keyring;
mod opening;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{Options, Vault};
use crate::keyring::fake::Fake;
use crate::store::{Batch, Durability, Group, Indexed, Indexer, Record};
use crate::{Backend, ErrorKind, KdfParameters, Keyring, NewSlot, Result, Unlock};

pub(super) struct Text;

impl Indexer for Text {
    fn version(&self) -> u32 {
        1
    }

    fn index(&self, payload: &[u8]) -> Indexed {
        Indexed { text: String::from_utf8_lossy(payload).into_owned(), labels: Vec::new() }
    }
}

/// A folder for a vault, and a keyring.
pub(super) struct Bench {
    pub folder: tempfile::TempDir,
    pub fake: Fake,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("folder"), fake: Fake::default() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    pub(super) fn options(&self) -> Options {
        self.options_with(self.fake.keyring(Backend::SecretService))
    }

    pub(super) fn options_with(&self, keyring: Keyring) -> Options {
        Options { indexer: Arc::new(Text), keyring, readers: 1, busy_bound: Duration::ZERO }
    }

    pub(super) fn create(&self, first: NewSlot) -> super::Created {
        Vault::create(&self.path(), first, self.options()).expect("a vault")
    }

    /// Unlocks; the error's kind when that fails.
    pub(super) fn open(&self, with: Unlock) -> std::result::Result<Vault, ErrorKind> {
        Vault::unlock(&self.path(), with, self.options()).map_err(|error| error.kind())
    }

    pub(super) fn rekey(&self, with: Unlock) -> Result<super::Created> {
        Vault::rekey(&self.path(), with, self.options(), &mut |_, _| {})
    }

    /// Databases in the folder.
    pub(super) fn databases(&self) -> usize {
        let names =
            std::fs::read_dir(self.path()).expect("folder").map(|entry| entry.expect("entry").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".db")).count()
    }
}

pub(super) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub(super) fn by_passphrase(text: &str) -> Unlock {
    Unlock::Passphrase(secret(text))
}

pub(super) fn new_passphrase(text: &str) -> NewSlot {
    NewSlot::Passphrase(secret(text), KdfParameters::LEAST)
}

pub(super) fn fill(vault: &Vault) {
    let mut batch = Batch::new();
    batch.put_group(Group { name: "g".into(), time: 1, payload: b"group".to_vec() });
    for number in 0..20 {
        let payload = format!("made-up text {number}").into_bytes();
        batch.put_record(Record {
            group: "g".into(),
            name: format!("{number:02}"),
            time: number,
            amount: 0.0,
            payload,
        });
    }
    vault.write(batch, Durability::Power).expect("written");
}

pub(super) fn is_filled(vault: &Vault) -> bool {
    vault.read_group("g").expect("readable").is_some_and(|group| group.records.len() == 20)
}
