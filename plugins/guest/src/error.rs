//! What can go wrong, in the words that the host shows to the person.

pub use crate::bindings::imports::nexus::plugin::types::{Error, ErrorCode};

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure of a kind; the message is one line for a person.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// What the person gave makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// It is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// The other side cannot be reached.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// Everything else.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// Says what the person can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<serde_json::Error> for Error {
    /// JSON that is not what was expected. What stood there is not repeated.
    fn from(error: serde_json::Error) -> Self {
        Self::invalid(format!("unexpected JSON at line {}, column {}", error.line(), error.column()))
    }
}

/// What a call of the host gives where there is no host: in a native unit test.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn no_host(what: &str) -> Error {
    Error::unavailable(format!("there is no host here that could answer `{what}`")).with_hint(
        "unit tests see the pure parts of a plugin; what calls the host is tested with `nexus plugin test`",
    )
}

/// Calls the host, or says that there is none.
macro_rules! host {
    ($what:literal, $call:expr) => {{
        #[cfg(target_family = "wasm")]
        let answer = $call;
        #[cfg(not(target_family = "wasm"))]
        let answer = {
            // The call is compiled, so that its types are checked in native builds as well.
            let _never = || $call;
            Err($crate::error::no_host($what))
        };
        answer
    }};
}
pub(crate) use host;
