//! The keyrings of the systems, each through its store of `keyring-core`. Every function here may block for ever.

use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error as StoreError};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

use super::Backend;
use super::bounded::Progress;
use crate::error::{Error, ErrorKind, Result};

/// Whether the keyring is locked. Asks nobody.
pub(super) fn is_locked(backend: Backend, service: &str, progress: &Progress) -> Result<bool> {
    #[cfg(target_os = "linux")]
    if backend == Backend::SecretService {
        return secret_service_is_locked();
    }
    let probe = Place::of(backend, service, "state", progress)?;
    // The kernel lets a process look into a keyring that it must not write to.
    let tried = match backend {
        Backend::Kernel => probe.set(&SecretString::from("probe")).and_then(|()| probe.remove().map(drop)),
        _ => probe.get().map(drop),
    };
    match tried {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::KeyringLocked => Ok(true),
        Err(error) => Err(error),
    }
}

/// Where one secret is kept.
pub(super) struct Place {
    backend: Backend,
    entry: Entry,
    was_locked: bool,
}

impl Place {
    pub(super) fn of(backend: Backend, service: &str, name: &str, progress: &Progress) -> Result<Self> {
        #[cfg(target_os = "linux")]
        let was_locked = backend == Backend::SecretService && secret_service_is_locked()?;
        #[cfg(not(target_os = "linux"))]
        let was_locked = false;
        // macOS and Windows ask when they see fit, and do not say so before.
        if was_locked || cfg!(not(target_os = "linux")) {
            progress.asks_a_person();
        }
        let entry = store(backend)?.build(service, name, None).map_err(|error| sorted(backend, error))?;
        Ok(Self { backend, entry, was_locked })
    }

    pub(super) fn get(&self) -> Result<Option<SecretString>> {
        match self.entry.get_password() {
            Ok(secret) => Ok(Some(secret.into())),
            Err(error) => self.nothing(error).map(|()| None),
        }
    }

    pub(super) fn set(&self, secret: &SecretString) -> Result<()> {
        self.entry.set_password(secret.expose_secret()).map_err(|error| sorted(self.backend, error))
    }

    pub(super) fn remove(&self) -> Result<bool> {
        match self.entry.delete_credential() {
            Ok(()) => Ok(true),
            Err(error) => self.nothing(error).map(|()| false),
        }
    }

    /// There is nothing under this name, if the keyring was in a state to know that.
    fn nothing(&self, error: StoreError) -> Result<()> {
        match error {
            StoreError::NoEntry if self.was_locked => Err(locked()),
            StoreError::NoEntry => Ok(()),
            error => Err(sorted(self.backend, error)),
        }
    }
}

#[cfg(target_os = "linux")]
fn store(backend: Backend) -> Result<Arc<CredentialStore>> {
    match backend {
        Backend::SecretService => {
            let store =
                zbus_secret_service_keyring_store::Store::new().map_err(|error| sorted(backend, error))?;
            Ok(store)
        }
        Backend::Kernel => {
            let store = linux_keyutils_keyring_store::Store::new().map_err(|error| sorted(backend, error))?;
            Ok(store)
        }
        other => Err(not_here(other)),
    }
}

#[cfg(target_os = "macos")]
fn store(backend: Backend) -> Result<Arc<CredentialStore>> {
    match backend {
        Backend::Keychain => {
            let store =
                apple_native_keyring_store::keychain::Store::new().map_err(|error| sorted(backend, error))?;
            Ok(store)
        }
        other => Err(not_here(other)),
    }
}

#[cfg(windows)]
fn store(backend: Backend) -> Result<Arc<CredentialStore>> {
    match backend {
        Backend::CredentialManager => {
            let store = windows_native_keyring_store::Store::new().map_err(|error| sorted(backend, error))?;
            Ok(store)
        }
        other => Err(not_here(other)),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn store(backend: Backend) -> Result<Arc<CredentialStore>> {
    Err(not_here(backend))
}

fn not_here(backend: Backend) -> Error {
    Error::new(ErrorKind::KeyringAbsent, format!("there is no keyring \"{}\" on this system", backend.name()))
        .with_hint("use a passphrase, or choose another keyring")
}

/// The default collection says whether it is locked; the store would open a dialog instead of telling.
#[cfg(target_os = "linux")]
fn secret_service_is_locked() -> Result<bool> {
    use secret_service::{EncryptionType, Error as ServiceError, blocking::SecretService};
    let absent = |error: ServiceError| absent("no Secret Service can be reached").with_source(error);
    // No secret passes, so nothing has to be agreed upon.
    let service = SecretService::connect(EncryptionType::Plain).map_err(absent)?;
    match service.get_default_collection() {
        Ok(collection) => collection.is_locked().map_err(absent),
        Err(ServiceError::NoResult) => Err(self::absent("the Secret Service has no collection for secrets")),
        Err(error) => Err(absent(error)),
    }
}

fn absent(what: &str) -> Error {
    Error::new(ErrorKind::KeyringAbsent, what)
        .with_hint("use a passphrase, or start a keyring (gnome-keyring, KWallet)")
}

fn locked() -> Error {
    Error::new(ErrorKind::KeyringLocked, "the keyring is locked")
        .with_hint("unlock it and try again, or use a passphrase")
}

/// Says what a person can do. Errors of stores can carry secrets: those are cleared, and not kept as a source.
fn sorted(backend: Backend, error: StoreError) -> Error {
    match error {
        // The kernel's keyrings have no lock: this process has no right to one.
        StoreError::NoStorageAccess(cause) if backend == Backend::Kernel => {
            Error::new(ErrorKind::KeyringAbsent, "this process may not use the kernel's keyring")
                .with_hint("begin a session with one (keyctl session), or use a passphrase")
                .with_source(cause)
        }
        StoreError::NoStorageAccess(cause) => locked().with_source(cause),
        // A collection that was locked in between comes as a failure of the platform.
        StoreError::PlatformFailure(cause) if cause.to_string().contains("IsLocked") => {
            locked().with_source(cause)
        }
        StoreError::PlatformFailure(cause) => absent("the keyring cannot be used").with_source(cause),
        StoreError::BadEncoding(mut bytes) | StoreError::BadDataFormat(mut bytes, _) => {
            bytes.zeroize();
            Error::new(ErrorKind::Damaged, "what the keyring has under this name is no text")
        }
        StoreError::Ambiguous(_) => {
            Error::new(ErrorKind::Damaged, "the keyring has several secrets under this name")
                .with_hint("remove all of them but one")
        }
        StoreError::TooLong(what, most) => Error::new(
            ErrorKind::InvalidInput,
            format!("the keyring takes at most {most} characters for {what}"),
        ),
        StoreError::Invalid(what, _) => {
            Error::new(ErrorKind::InvalidInput, format!("the keyring does not take this {what}"))
        }
        other => absent("the keyring cannot be used").with_source(other.to_string()),
    }
}
