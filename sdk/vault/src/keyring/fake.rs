//! A keyring in memory for tests: what matters of a real one is how it fails, and this one fails when it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret, SecretString};

use super::{Backend, Keyring, KeyringState};
use crate::error::{Error, ErrorKind, Result};
use crate::files::faults;

#[derive(Clone, Debug, Default)]
pub(crate) struct Fake(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    secrets: BTreeMap<String, String>,
    fails: Option<ErrorKind>,
    outlives: bool,
}

impl Fake {
    /// A keyring that is this one, as `backend`.
    pub(crate) fn keyring(&self, backend: Backend) -> Keyring {
        Keyring { fake: Some(self.clone()), ..Keyring::new(backend, "made-up") }
    }

    /// From now on every call fails in this way, or works.
    pub(crate) fn fail(&self, with: Option<ErrorKind>) {
        self.0.lock().expect("fake").fails = with;
    }

    /// From now on it is still used after the disk has failed: an error, and not the end of the process.
    pub(crate) fn outlive_the_disk(&self) {
        self.0.lock().expect("fake").outlives = true;
    }

    /// The names of what it keeps.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().expect("fake").secrets.keys().cloned().collect()
    }

    pub(super) fn state(&self) -> KeyringState {
        match self.0.lock().expect("fake").fails {
            None => KeyringState::Unlocked,
            Some(ErrorKind::KeyringLocked) => KeyringState::Locked,
            Some(ErrorKind::KeyringHung) => KeyringState::Hung,
            Some(_) => KeyringState::Absent,
        }
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<SecretString>> {
        self.with(|inside| inside.secrets.get(name).cloned().map(SecretString::from))
    }

    pub(super) fn set(&self, name: &str, secret: &SecretString) -> Result<()> {
        self.with(|inside| drop(inside.secrets.insert(name.into(), secret.expose_secret().into())))
    }

    pub(super) fn remove(&self, name: &str) -> Result<bool> {
        self.with(|inside| inside.secrets.remove(name).is_some())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inside) -> T) -> Result<T> {
        let mut inside = self.0.lock().expect("fake");
        match inside.fails {
            _ if faults::is_dead() && !inside.outlives => Err(Error::new(ErrorKind::Internal, "killed")),
            Some(kind) => Err(Error::new(kind, "the made-up keyring fails")),
            None => Ok(work(&mut inside)),
        }
    }
}
