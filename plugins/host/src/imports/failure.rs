//! Failures as guests hear them.

use opencode_nexus::{Error, ErrorKind};

use super::wit::types::{self, ErrorCode};
use crate::plain::one_line;

/// Each text of a failure has at most so many bytes.
const TEXT: usize = 2048;

/// What a call of a guest gives: the outer result is a trap, which no call here makes.
pub(crate) type Answer<T> = Result<T, types::Error>;

/// A failure without a hint.
pub(crate) fn failure(code: ErrorCode, message: impl AsRef<str>) -> types::Error {
    types::Error { code, message: one_line(message.as_ref(), TEXT), hint: None }
}

/// A failure that says what to do.
pub(crate) fn failure_with(code: ErrorCode, message: impl AsRef<str>, hint: impl AsRef<str>) -> types::Error {
    types::Error { hint: Some(one_line(hint.as_ref(), TEXT)), ..failure(code, message) }
}

/// An error of the SDK as a guest hears it: kind, message and hint, without its causes.
pub(crate) fn from_sdk(error: &Error) -> types::Error {
    let code = match error.kind() {
        ErrorKind::InvalidInput => ErrorCode::Invalid,
        ErrorKind::NotFound => ErrorCode::NotFound,
        ErrorKind::Timeout => ErrorCode::Timeout,
        ErrorKind::TooLarge => ErrorCode::Quota,
        ErrorKind::Busy | ErrorKind::Conflict => ErrorCode::Conflict,
        ErrorKind::Aborted => ErrorCode::Cancelled,
        ErrorKind::Forbidden | ErrorKind::Unauthorized => ErrorCode::Denied,
        ErrorKind::Unreachable
        | ErrorKind::Unsupported
        | ErrorKind::Server
        | ErrorKind::Provider
        | ErrorKind::Incompatible
        | ErrorKind::LocalServer
        | ErrorKind::Io
        | ErrorKind::Tls
        | ErrorKind::Locked => ErrorCode::Unavailable,
        _ => ErrorCode::Internal,
    };
    match error.hint() {
        Some(hint) => failure_with(code, error.message(), hint),
        None => failure(code, error.message()),
    }
}

/// Something that cannot happen, or a disk that fails: the guest learns that it was not its fault, the log why.
pub(crate) fn internal(what: &str, why: impl std::fmt::Display) -> types::Error {
    tracing::warn!(target: "plugin", "{what}: {why}");
    failure(ErrorCode::Internal, what)
}
