//! The one error type of the vault: what kind, one line for a person, and what to do about it.

use std::fmt;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The passphrase, recovery key or keyring secret does not open this vault.
    WrongKey,
    /// The vault was locked, or never unlocked.
    Locked,
    /// Bytes are not what was written: a flipped bit, a cut file, a row from elsewhere or from before.
    Damaged,
    /// Made by a newer version of this crate; it is left alone.
    Newer,
    /// Not a vault (or archive, or key-slot file) at all.
    Foreign,
    /// Nothing is there.
    NotFound,
    /// Something is there already.
    Exists,
    /// A value of the caller cannot be used: an empty passphrase, too large a record.
    InvalidInput,
    /// Key derivation parameters outside of what is accepted; nothing was allocated for them.
    Parameters,
    /// No space is left, or a quota is reached.
    Full,
    /// The folder or file cannot be written.
    ReadOnly,
    /// Another process or thread holds it; waiting has ended.
    Busy,
    /// Too many failed attempts; see [`Error::wait`].
    LockedOut,
    /// The keyring of the operating system is there, and locked.
    KeyringLocked,
    /// There is no keyring on this machine, or no bus to reach it.
    KeyringAbsent,
    /// The keyring did not answer in time.
    KeyringHung,
    /// The keyring that holds the secret is not the one that is used now.
    KeyringChanged,
    /// The keyring works and holds no secret of this vault.
    KeyringEmpty,
    /// A file operation failed in another way.
    Io,
    /// A defect in this crate.
    Internal,
}

/// An error: a kind, one line, and a hint. Neither holds secrets or content.
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    wait: Option<std::time::Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A new error; `message` is one line without secrets or content.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, wait: None, source: None }
    }

    /// Says what the person should do.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says after how long another attempt makes sense.
    #[must_use]
    pub(crate) fn with_wait(mut self, wait: std::time::Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// One line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the person should do, if there is something.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// After how long another attempt makes sense ([`ErrorKind::LockedOut`]).
    pub fn wait(&self) -> Option<std::time::Duration> {
        self.wait
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} [{:?}]", self.kind)?;
        let mut source = self.source.as_deref().map(|s| s as &dyn std::error::Error);
        while let Some(cause) = source {
            write!(f, "\n  caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

/// Sorts file errors by what a person can do about them. An error of this crate that came through a reader or a writer
/// is itself again.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let error = match error.downcast::<Self>() {
            Ok(ours) => return ours,
            Err(error) => error,
        };
        let (kind, hint) = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded => (ErrorKind::Full, Some("free some space and try again")),
            Io::ReadOnlyFilesystem | Io::PermissionDenied => {
                (ErrorKind::ReadOnly, Some("look at the permissions of the folder"))
            }
            Io::NotFound => (ErrorKind::NotFound, None),
            _ => (ErrorKind::Io, None),
        };
        let new = Self::new(kind, error.to_string()).with_source(error);
        match hint {
            Some(hint) => new.with_hint(hint),
            None => new,
        }
    }
}

/// For readers and writers; [`Error::from`] brings the error back.
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind {
            ErrorKind::Damaged | ErrorKind::Foreign | ErrorKind::Newer => Io::InvalidData,
            ErrorKind::Full => Io::StorageFull,
            ErrorKind::ReadOnly => Io::PermissionDenied,
            ErrorKind::NotFound => Io::NotFound,
            ErrorKind::InvalidInput => Io::InvalidInput,
            _ => Io::Other,
        };
        Self::new(kind, error)
    }
}
