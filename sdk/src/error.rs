//! The one error type of the SDK: what went wrong, whether trying again can help, and what a person should do.
//!
//! `Display` is one line without secrets. `Debug` is the full report with the chain of causes. Every kind has a
//! stable [code](ErrorKind::code) that is the same in Rust, Python, Node and LSP. This file maps nothing from
//! the wire: the shapes in which servers report errors are known to `dialect`, those of sockets to `transport`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong. The group is in the name of the [code](Self::code) before the first dot.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A value that the caller gave cannot be used (a malformed URL, an unknown model, an empty prompt).
    InvalidInput,
    /// Configuration or environment is wrong.
    Configuration,
    /// The thing asked for does not exist on the server.
    NotFound,
    /// The session is busy with another turn.
    Busy,
    /// The operation collides with the state of the server (already answered, already exists).
    Conflict,
    /// This line of OpenCode has no such thing; [`Capabilities`](crate::dialect::Capabilities) say so before.
    Unsupported,
    /// The caller or another client stopped it.
    Aborted,
    /// A hook on prompts does not let it be sent.
    Blocked,
    /// No connection: refused, unreachable, reset, DNS.
    Unreachable,
    /// A phase took longer than its bound.
    Timeout,
    /// The peer sent bytes that are not what the protocol says (HTML, truncated JSON, a bad frame).
    Protocol,
    /// One event or answer is larger than the configured limit.
    TooLarge,
    /// The server itself failed (5xx or an internal error).
    Server,
    /// The model's provider failed (rate limit, bad key, overloaded).
    Provider,
    /// What listens there is not an OpenCode server, or one that this build cannot speak to.
    Incompatible,
    /// A local OpenCode could not be found, installed or started.
    LocalServer,
    /// A file or process operation failed.
    Io,
    /// Wrong or missing credentials.
    Unauthorized,
    /// The credentials are good but not for this.
    Forbidden,
    /// TLS: certificate or handshake.
    Tls,
    /// Events were missed and the state could not be read again.
    GapNotRecovered,
    /// The server never said how the turn ended.
    TurnLost,
    /// The history is locked: nobody is logged in.
    Locked,
    /// The passphrase or recovery key is wrong.
    WrongPassphrase,
    /// Too many failed attempts; [`Retry::After`] says how long to wait.
    LockedOut,
    /// The keyring of the operating system is locked, absent, silent, or not the one that was used before.
    Keyring,
    /// What is stored is not what was written.
    Damaged,
    /// The disk is full, or the folder cannot be written.
    Storage,
    /// What is stored was written by a newer version.
    NewerFormat,
    /// A plugin failed: it trapped, could not be started, or was disabled.
    Plugin,
    /// A defect in this crate.
    Internal,
}

impl ErrorKind {
    /// The stable code, `group.kind`; groups are `user`, `system`, `security` and `recovery`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidInput => "user.invalid_input",
            Self::Configuration => "user.configuration",
            Self::NotFound => "user.not_found",
            Self::Busy => "user.busy",
            Self::Conflict => "user.conflict",
            Self::Unsupported => "user.unsupported",
            Self::Aborted => "user.aborted",
            Self::Blocked => "user.blocked",
            Self::Unreachable => "system.unreachable",
            Self::Timeout => "system.timeout",
            Self::Protocol => "system.protocol",
            Self::TooLarge => "system.too_large",
            Self::Server => "system.server",
            Self::Provider => "system.provider",
            Self::Incompatible => "system.incompatible",
            Self::LocalServer => "system.local_server",
            Self::Io => "system.io",
            Self::Storage => "system.storage",
            Self::NewerFormat => "system.newer_format",
            Self::Plugin => "system.plugin",
            Self::Internal => "system.internal",
            Self::Unauthorized => "security.unauthorized",
            Self::Forbidden => "security.forbidden",
            Self::Tls => "security.tls",
            Self::Locked => "security.locked",
            Self::WrongPassphrase => "security.wrong_passphrase",
            Self::LockedOut => "security.locked_out",
            Self::Keyring => "security.keyring",
            Self::GapNotRecovered => "recovery.gap_not_recovered",
            Self::TurnLost => "recovery.turn_lost",
            Self::Damaged => "recovery.damaged",
        }
    }

    /// Exit code of the `nexus` executable: 2 user, 3 system, 4 security, 5 recovery.
    pub fn exit_code(self) -> u8 {
        match self.code().split('.').next() {
            Some("user") => 2,
            Some("security") => 4,
            Some("recovery") => 5,
            _ => 3,
        }
    }
}

/// May the same operation be tried again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request would fail in the same way.
    Never,
    /// It did not reach the server, or had no effect there: at once, with backoff.
    Now,
    /// The server named a time.
    After(Duration),
}

/// An error: [`kind`](Self::kind), [`retry`](Self::retry), a one-line message and a [`hint`](Self::hint).
///
/// It is one pointer wide, so `Result<T>` stays small.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    message: String,
    hint: Option<Cow<'static, str>>,
    operation: Option<Cow<'static, str>>,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A new error that may not be retried; `message` is one line and holds no secret.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: Retry::Never,
            message: message.into(),
            hint: None,
            operation: None,
            context: Vec::new(),
            source: None,
        }))
    }

    /// Says that trying again may help.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Says what the person should do: an imperative sentence, with the command where there is one.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the operation that failed, for example `session.create`.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    /// Adds a fact for the full report; never a secret.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.context.push((key, value.into()));
        self
    }

    /// Keeps the cause, for [`std::error::Error::source`] and the full report.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code of the kind.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// Whether the same operation may be tried again.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The message alone, without operation and hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the person should do, if there is something.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The operation that failed.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// A fact of the full report.
    pub fn context(&self, key: &str) -> Option<&str> {
        self.0.context.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str())
    }

    /// A copy for another waiter; the cause is kept as its text.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            retry: self.0.retry,
            message: self.0.message.clone(),
            hint: self.0.hint.clone(),
            operation: self.0.operation.clone(),
            context: self.0.context.clone(),
            source: self.0.source.as_ref().map(|s| s.to_string().into()),
        }))
    }
}

impl fmt::Display for Error {
    /// One line: `message (hint) [code]`; line breaks inside are turned into spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, text: &str| -> fmt::Result {
            for (i, piece) in text.split(['\r', '\n']).filter(|p| !p.is_empty()).enumerate() {
                if i > 0 {
                    f.write_str(" ")?;
                }
                f.write_str(piece)?;
            }
            Ok(())
        };
        if let Some(operation) = &self.0.operation {
            write!(f, "{operation}: ")?;
        }
        line(f, &self.0.message)?;
        if let Some(hint) = &self.0.hint {
            f.write_str("; ")?;
            line(f, hint)?;
        }
        write!(f, " [{}]", self.code())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{self}")?;
        writeln!(f, "  retry: {:?}", self.0.retry)?;
        for (key, value) in &self.0.context {
            writeln!(f, "  {key}: {value}")?;
        }
        let mut source = self.0.source.as_deref().map(|s| s as &dyn std::error::Error);
        while let Some(cause) = source {
            writeln!(f, "  caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

/// What went wrong in a vault, in the words of this crate.
impl From<nexus_vault::Error> for Error {
    fn from(error: nexus_vault::Error) -> Self {
        use nexus_vault::ErrorKind as Vault;
        let kind = match error.kind() {
            Vault::WrongKey => ErrorKind::WrongPassphrase,
            Vault::Locked => ErrorKind::Locked,
            Vault::Damaged => ErrorKind::Damaged,
            Vault::Newer => ErrorKind::NewerFormat,
            Vault::Foreign | Vault::InvalidInput | Vault::Parameters => ErrorKind::InvalidInput,
            Vault::NotFound => ErrorKind::NotFound,
            Vault::Exists => ErrorKind::Conflict,
            Vault::Full | Vault::ReadOnly => ErrorKind::Storage,
            Vault::Busy => ErrorKind::Busy,
            Vault::LockedOut => ErrorKind::LockedOut,
            Vault::KeyringLocked
            | Vault::KeyringAbsent
            | Vault::KeyringHung
            | Vault::KeyringChanged
            | Vault::KeyringEmpty => ErrorKind::Keyring,
            Vault::Io => ErrorKind::Io,
            _ => ErrorKind::Internal,
        };
        let mut new = Self::new(kind, error.message());
        if let Some(hint) = error.hint() {
            new = new.with_hint(hint.to_owned());
        }
        if let Some(wait) = error.wait() {
            new = new.with_retry(Retry::After(wait));
        }
        new.with_source(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_hint_and_code() {
        let error = Error::new(ErrorKind::Unreachable, "connection\nrefused")
            .with_hint("start a server with `nexus demo`")
            .with_operation("global.health");
        let text = error.to_string();
        assert_eq!(
            text,
            "global.health: connection refused; start a server with `nexus demo` [system.unreachable]"
        );
        assert!(!text.contains('\n'));
    }

    #[test]
    fn debug_holds_context_and_the_chain_of_causes() {
        let cause = std::io::Error::other("deep reason");
        let error = Error::from(cause).with_context("path", "x.json");
        let report = format!("{error:?}");
        assert!(report.contains("path: x.json") && report.contains("caused by: deep reason"), "{report}");
    }
}
