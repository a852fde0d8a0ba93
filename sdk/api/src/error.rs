//! Why bytes could not be decoded. Not an API error: what a server says about a failed request is a type of its line.
use std::borrow::Cow;
use std::fmt;

/// What kind of surprise the bytes held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes are not UTF-8 or not JSON.
    Syntax,
    /// The JSON lacks something required or has another type in its place.
    Shape,
    /// The content type says that this is no answer of the API. OpenCode serves its web page, with status 200,
    /// for every route that it does not know.
    ContentType,
}

/// A response or an event that could not be decoded. `Display` is one line and never contains the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    what: Cow<'static, str>,
    reason: String,
}

impl DecodeError {
    pub(crate) fn content_type(what: &'static str, found: &str) -> Self {
        Self {
            kind: DecodeErrorKind::ContentType,
            what: what.into(),
            reason: format!("the content type is {found}"),
        }
    }

    pub(crate) fn syntax(what: impl Into<Cow<'static, str>>, reason: impl fmt::Display) -> Self {
        Self { kind: DecodeErrorKind::Syntax, what: what.into(), reason: reason.to_string() }
    }

    pub(crate) fn json(what: impl Into<Cow<'static, str>>, error: &serde_json::Error) -> Self {
        let kind = if error.is_data() { DecodeErrorKind::Shape } else { DecodeErrorKind::Syntax };
        Self { kind, what: what.into(), reason: error.to_string() }
    }

    /// What kind of surprise it was.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// The operation id or event kind that was decoded.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot decode {}: {}", self.what, self.reason)
    }
}

impl std::error::Error for DecodeError {}
