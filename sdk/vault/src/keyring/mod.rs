//! The keyring of the operating system, with a bound on every call.
//!
//! A stopped Secret Service never answers, and a blocked task would keep a runtime from ending. So each call runs on a
//! plain thread of its own that may be left behind, and the caller waits at most [`Keyring::with_bound`] says (`bounded`).
//! `system` speaks to the keyrings of the systems. No default store is set for the process: each call builds its own, so
//! that a keyring which comes, goes or starts anew is seen as it is.

mod bounded;
#[cfg(test)]
pub(crate) mod fake;
mod system;

use std::time::Duration;

use secrecy::SecretString;

use crate::error::{ErrorKind, Result};

/// Which keyring.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// The Secret Service of freedesktop.org (GNOME Keyring, KWallet, KeePassXC).
    SecretService,
    /// The kernel's keyring of the user (Linux): needs no desktop, but a session that was given a keyring (by PAM, or by
    /// `keyctl session`); lost at restart, and three days after its last use.
    Kernel,
    /// The keychain of macOS.
    Keychain,
    /// The credential manager of Windows.
    CredentialManager,
    /// None at all: every call says `KeyringAbsent`, and nothing of the system is touched. For machines without one,
    /// and for tests, which must not touch that of a person.
    None,
}

impl Backend {
    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::SecretService => "secret-service",
            Self::Kernel => "kernel",
            Self::Keychain => "keychain",
            Self::CredentialManager => "credential-manager",
            Self::None => "none",
        }
    }

    /// The one that is usual on this system.
    fn usual() -> Self {
        if cfg!(windows) {
            Self::CredentialManager
        } else if cfg!(target_os = "macos") {
            Self::Keychain
        } else {
            Self::SecretService
        }
    }
}

/// How the keyring stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyringState {
    /// Works.
    Unlocked,
    /// There, and locked.
    Locked,
    /// Not there.
    Absent,
    /// Does not answer.
    Hung,
}

/// A keyring. Cheap to clone. Nothing is touched before the first call.
#[derive(Clone, Debug)]
pub struct Keyring {
    backend: Backend,
    service: String,
    bound: Duration,
    #[cfg(test)]
    fake: Option<fake::Fake>,
}

impl Keyring {
    /// The keyring that is usual on this system, for secrets of `service` (for example `opencode-nexus`). Bound 3 s.
    pub fn system(service: impl Into<String>) -> Self {
        Self::new(Backend::usual(), service)
    }

    /// A certain one.
    pub fn new(backend: Backend, service: impl Into<String>) -> Self {
        Self {
            backend,
            service: service.into(),
            bound: Duration::from_secs(3),
            #[cfg(test)]
            fake: None,
        }
    }

    /// How long a call may take. Default 3 s.
    #[must_use]
    pub fn with_bound(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }

    /// Which one it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// How it stands now. Asks no person, and reads no secret.
    pub fn state(&self) -> KeyringState {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.state();
        }
        let (backend, service) = (self.backend, self.service.clone());
        let state =
            bounded::run(backend, self.bound, move |progress| system::is_locked(backend, &service, progress));
        match state {
            Ok(false) => KeyringState::Unlocked,
            Ok(true) => KeyringState::Locked,
            Err(error) => match error.kind() {
                ErrorKind::KeyringLocked => KeyringState::Locked,
                ErrorKind::KeyringHung => KeyringState::Hung,
                _ => KeyringState::Absent,
            },
        }
    }

    /// The secret under a name; `None` when there is none.
    ///
    /// A locked keyring may ask its owner for the password. That dialog stays open when the bound is reached; once it is
    /// answered, the next call works.
    ///
    /// # Errors
    /// `KeyringLocked`, `KeyringAbsent`, `KeyringHung`; `Damaged` when it is no text.
    pub fn get(&self, name: &str) -> Result<Option<SecretString>> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.get(name);
        }
        let (backend, service, name) = self.entry(name);
        bounded::run(backend, self.bound, move |progress| {
            system::Place::of(backend, &service, &name, progress)?.get()
        })
    }

    /// Keeps a secret under a name. Windows keeps at most 2,560 bytes.
    ///
    /// # Errors
    /// As [`get`](Self::get); `InvalidInput` for what it cannot keep.
    pub fn set(&self, name: &str, secret: &SecretString) -> Result<()> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.set(name, secret);
        }
        let (backend, service, name) = self.entry(name);
        let secret = secret.clone();
        bounded::run(backend, self.bound, move |progress| {
            system::Place::of(backend, &service, &name, progress)?.set(&secret)
        })
    }

    /// Removes a secret; whether there was one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn remove(&self, name: &str) -> Result<bool> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.remove(name);
        }
        let (backend, service, name) = self.entry(name);
        bounded::run(backend, self.bound, move |progress| {
            system::Place::of(backend, &service, &name, progress)?.remove()
        })
    }

    fn entry(&self, name: &str) -> (Backend, String, String) {
        (self.backend, self.service.clone(), name.to_owned())
    }
}
