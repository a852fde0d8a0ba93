//! An error of the SDK as JavaScript gets it: JSON, of which `ts/errors.ts` makes the class.

use opencode_nexus::{Error, ErrorKind, Retry};
use serde::Serialize;

#[derive(Serialize)]
struct Failure<'a> {
    code: &'static str,
    /// One line, without hint and code.
    message: &'a str,
    hint: Option<&'a str>,
    operation: Option<&'a str>,
    retryable: bool,
    /// Seconds, where the server named a time.
    #[serde(rename = "retryAfter")]
    retry_after: Option<f64>,
    /// Everything, with the causes.
    report: String,
}

/// The JSON of an error.
pub fn to_json(error: &Error) -> String {
    let retry = error.retry();
    let failure = Failure {
        code: error.code(),
        message: error.message(),
        hint: error.hint(),
        operation: error.operation(),
        retryable: retry != Retry::Never,
        retry_after: match retry {
            Retry::After(wait) => Some(wait.as_secs_f64()),
            Retry::Now | Retry::Never => None,
        },
        report: format!("{error:?}"),
    };
    serde_json::to_string(&failure).unwrap_or_default()
}

/// What JavaScript has said cannot be read: the package checks it before, so a name is wrong.
pub fn unreadable(error: serde_json::Error) -> Error {
    let said = error.to_string();
    // Where in the JSON it stands says nothing to those who wrote an object.
    let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
    Error::new(ErrorKind::InvalidInput, said)
        .with_hint("look for a name that is written differently")
        .with_source(error)
}

/// A handle that was closed.
pub fn closed(what: &str) -> Error {
    Error::new(ErrorKind::Aborted, format!("the {what} was closed")).with_hint("open it anew")
}

/// A server's JSON is UTF-8 (RFC 8259 §8.1).
pub fn not_utf8(error: std::string::FromUtf8Error) -> Error {
    Error::new(ErrorKind::Protocol, "the answer is no UTF-8").with_source(error)
}

/// An error that nobody can be told: the thread of JavaScript has ended.
pub fn unheard(what: &str, error: &Error) {
    tracing::warn!(%error, "{what}");
}
