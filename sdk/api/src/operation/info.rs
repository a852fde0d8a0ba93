//! The table of all operations, and how a row of it becomes a request: for callers who know an operation by its id only,
//! and its arguments as JSON. Whoever knows the operation's type has [`Operation`] instead.
use std::fmt;

use base64::Engine as _;
use serde_json::Value;

use super::{
    LocationStyle, Method, Operation, Request, ResponseKind, is_page, put_body, put_bytes, put_path,
    put_tail, text,
};
use crate::{DecodeError, JsonObject};

/// Where an argument of an operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParameterPlace {
    /// One segment of the path.
    Path,
    /// The rest of the path, which keeps its slashes. The argument is called `path`.
    Tail,
    /// The query.
    Query,
    /// The whole JSON body. The argument is called `body`.
    Body,
    /// A body of bytes. The argument is called `body`; in JSON it is base64 (RFC 4648 §4).
    Bytes,
}

/// An argument of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Its name on the wire; those that have none there are named by [`ParameterPlace`].
    pub name: &'static str,
    /// Where it goes.
    pub place: ParameterPlace,
    /// Whether the server refuses the request without it.
    pub required: bool,
}

/// A row of the table of all operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationInfo {
    /// The operation's id in the interface document.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// What a successful response is.
    pub response: ResponseKind,
    /// How a request names a location.
    pub location: LocationStyle,
    /// The arguments, required ones first. A location is none of them.
    pub parameters: &'static [ParameterInfo],
    /// Headers that are always sent, with their values.
    pub headers: &'static [(&'static str, &'static str)],
}

/// The row of one operation.
pub(crate) const fn info<O: Operation>() -> OperationInfo {
    OperationInfo {
        id: O::ID,
        method: O::METHOD,
        path: O::PATH,
        response: O::RESPONSE,
        location: O::LOCATION,
        parameters: O::PARAMETERS,
        headers: O::HEADERS,
    }
}

/// An argument that an operation cannot be called with. `Display` is one line that names it and not its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentError {
    name: String,
    reason: &'static str,
}

impl ArgumentError {
    fn new(name: impl Into<String>, reason: &'static str) -> Self {
        Self { name: name.into(), reason }
    }

    /// The argument's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An unknown name may be anything.
        write!(f, "the argument `{}` {}", self.name.escape_debug(), self.reason)
    }
}

impl std::error::Error for ArgumentError {}

impl OperationInfo {
    /// The request for arguments by their names. `null` in the path or the query is as good as nothing; a body is sent as
    /// it is, and is an empty object when it is optional and left out.
    ///
    /// # Errors
    /// When a required argument is missing, one is unknown, or one cannot stand in its place.
    pub fn request(&self, mut arguments: JsonObject) -> Result<Request, ArgumentError> {
        let mut request = Request {
            method: self.method,
            path: self.path.to_owned(),
            query: Vec::new(),
            headers: (self.headers.iter())
                .map(|(name, value)| ((*name).into(), (*value).to_owned()))
                .collect(),
            body: None,
            content_type: None,
            location_style: self.location,
        };
        for parameter in self.parameters {
            put(&mut request, parameter, arguments.remove(parameter.name))?;
        }
        match arguments.keys().next() {
            Some(unknown) => Err(ArgumentError::new(unknown, "is unknown")),
            None => Ok(request),
        }
    }

    /// Looks at the body of a successful response without decoding it into a type: what should be JSON is one document of
    /// JSON in UTF-8, what should be text is UTF-8, and neither is a web page.
    ///
    /// # Errors
    /// When it is not so.
    pub fn check(&self, content_type: Option<&str>, body: &[u8]) -> Result<(), DecodeError> {
        if let (false, Some(page)) = (self.response == ResponseKind::Bytes, is_page(content_type)) {
            return Err(DecodeError::content_type(self.id, page));
        }
        match self.response {
            ResponseKind::Json => {
                let checked = serde_json::from_str::<serde::de::IgnoredAny>(text(self.id, body)?);
                checked.map(|_| ()).map_err(|error| DecodeError::json(self.id, &error))
            }
            ResponseKind::Text => text(self.id, body).map(|_| ()),
            _ => Ok(()),
        }
    }
}

fn put(request: &mut Request, parameter: &ParameterInfo, value: Option<Value>) -> Result<(), ArgumentError> {
    let wrong = |reason| ArgumentError::new(parameter.name, reason);
    let is_body = parameter.place == ParameterPlace::Body;
    let Some(value) = value.filter(|value| is_body || !value.is_null()) else {
        if parameter.required {
            return Err(wrong("is missing"));
        }
        if is_body {
            put_body(request, &JsonObject::new());
        }
        return Ok(());
    };
    match parameter.place {
        ParameterPlace::Body => put_body(request, &value),
        ParameterPlace::Bytes => {
            let decoded =
                value.as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
            put_bytes(request, decoded.ok_or_else(|| wrong("must be base64 text"))?);
        }
        ParameterPlace::Query => {
            let value = plain(value).ok_or_else(|| wrong("must be a text, a number, or true or false"))?;
            request.query.push((parameter.name.into(), value));
        }
        ParameterPlace::Tail => {
            let value = plain(value).ok_or_else(|| wrong("must be a text"))?;
            put_tail(request, &value);
        }
        ParameterPlace::Path => {
            // An empty segment would reach another route.
            let value = plain(value).filter(|value| !value.is_empty());
            put_path(
                request,
                parameter.name,
                &value.ok_or_else(|| wrong("must be a text that is not empty"))?,
            );
        }
    }
    Ok(())
}

/// A value as it is written in an address.
fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(flag) => Some(flag.to_string()),
        // Where all numbers are floating-point ones, 5 may arrive as 5.0.
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        }),
        _ => None,
    }
}
