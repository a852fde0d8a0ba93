//! Operations as values: what to send, and how to read what comes back. Sending is somebody else's work.
use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DecodeError, WorkspaceId, lenient};

/// RFC 3986 §2.3: everything but the unreserved characters is encoded in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The method's name as HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What a successful response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseKind {
    /// One JSON document.
    Json,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// No content.
    Empty,
    /// Server-sent events; [`Operation::decode`] reads the data of one frame.
    EventStream,
    /// The connection is upgraded to a WebSocket.
    WebSocket,
}

/// How a request names the directory and workspace in which it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocationStyle {
    /// It does not: the operation concerns the server.
    None,
    /// `?directory=…&workspace=…`
    Query,
    /// `?location[directory]=…&location[workspace]=…`
    Bracket,
}

/// Where a request runs. Without one, the server uses its own working directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Location {
    /// The directory of the project, as the server sees it.
    pub directory: Option<String>,
    /// The workspace.
    pub workspace: Option<WorkspaceId>,
}

impl Location {
    /// A directory without workspace.
    pub fn directory(directory: impl Into<String>) -> Self {
        Self { directory: Some(directory.into()), workspace: None }
    }
}

/// A request without server: scheme, host and credentials are added by who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path from the server's root, percent-encoded.
    pub path: String,
    /// Query parameters, not encoded yet.
    pub query: Vec<(Cow<'static, str>, String)>,
    /// Headers that the operation needs beside the content type.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The body's content type.
    pub content_type: Option<&'static str>,
    /// How [`Request::located`] names a location.
    pub location_style: LocationStyle,
}

impl Request {
    /// Lets the request run in a directory or workspace; does nothing for operations that have no location.
    #[must_use]
    pub fn located(mut self, location: &Location) -> Self {
        let names = match self.location_style {
            LocationStyle::None => return self,
            LocationStyle::Query => ("directory", "workspace"),
            LocationStyle::Bracket => ("location[directory]", "location[workspace]"),
        };
        if let Some(directory) = &location.directory {
            // Servers of 1.x decode `?directory=` twice (1.14.48 to 1.18.33, seen), so its percent signs are encoded
            // once more: the folder `50%41` must not become `50A`.
            let directory = match self.location_style {
                LocationStyle::Query => directory.replace('%', "%25"),
                _ => directory.clone(),
            };
            self.query.push((names.0.into(), directory));
        }
        if let Some(workspace) = &location.workspace {
            self.query.push((names.1.into(), workspace.to_string()));
        }
        self
    }

    /// Path and query as one request target, percent-encoded.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = self.path.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.extend(utf8_percent_encode(name, SEGMENT));
            target.push('=');
            target.extend(utf8_percent_encode(value, SEGMENT));
        }
        target
    }
}

/// One operation of a server's API, with its parameters.
pub trait Operation {
    /// The operation's id in the interface document.
    const ID: &'static str;
    /// The method.
    const METHOD: Method;
    /// The path with its parameters in braces.
    const PATH: &'static str;
    /// What a successful response is.
    const RESPONSE: ResponseKind;
    /// How the request names a location.
    const LOCATION: LocationStyle;
    /// Whether the operation runs in a directory.
    const LOCATED: bool = !matches!(Self::LOCATION, LocationStyle::None);
    /// What a successful response says.
    type Response;

    /// The request to send.
    fn request(&self) -> Request;

    /// Reads the body of a successful response.
    ///
    /// # Errors
    /// When the content type says that this is no answer of the API, or the body does not have the expected shape.
    fn decode(content_type: Option<&str>, body: &[u8]) -> Result<Self::Response, DecodeError>;
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
}

/// The row of one operation.
pub(crate) const fn info<O: Operation>() -> OperationInfo {
    OperationInfo {
        id: O::ID,
        method: O::METHOD,
        path: O::PATH,
        response: O::RESPONSE,
        location: O::LOCATION,
    }
}

/// Starts the request of an operation.
pub(crate) fn start<O: Operation>() -> Request {
    Request {
        method: O::METHOD,
        path: O::PATH.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        content_type: None,
        location_style: O::LOCATION,
    }
}

/// Encodes one segment. A segment of dots only is spelt out: URL parsers would resolve it away, and the request would
/// reach another route. (Some parsers resolve even `%2E`; a server's ids and paths have no such segments.)
fn segment(text: &str) -> Cow<'_, str> {
    match text {
        "." => "%2E".into(),
        ".." => "%2E%2E".into(),
        _ => utf8_percent_encode(text, SEGMENT).into(),
    }
}

/// Puts a path parameter in its place.
pub(crate) fn put_path(request: &mut Request, name: &str, value: &str) {
    request.path = request.path.replacen(&format!("{{{name}}}"), &segment(value), 1);
}

/// Puts the rest of a path, which keeps its slashes, in the place of its `*`.
pub(crate) fn put_tail(request: &mut Request, value: &str) {
    let segments: Vec<_> = value.trim_start_matches('/').split('/').map(segment).collect();
    request.path = request.path.replacen('*', &segments.join("/"), 1);
}

/// Adds a query parameter.
pub(crate) fn put_query(request: &mut Request, name: &'static str, value: &impl ToString) {
    request.query.push((name.into(), value.to_string()));
}

/// Adds a JSON body. The body types have string keys only, so that encoding them cannot fail.
pub(crate) fn put_body(request: &mut Request, body: &impl Serialize) {
    request.body = serde_json::to_vec(body).ok();
    request.content_type = Some("application/json");
}

/// Reads a JSON document.
pub(crate) fn json<T: DeserializeOwned>(
    id: &'static str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<T, DecodeError> {
    if let Some(found) = content_type.filter(|found| found.trim_start().starts_with("text/html")) {
        return Err(DecodeError::content_type(id, found));
    }
    lenient::decode(text(id, body)?).map_err(|error| DecodeError::json(id, &error))
}

/// Reads text.
pub(crate) fn plain(
    id: &'static str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<String, DecodeError> {
    match content_type.filter(|found| found.trim_start().starts_with("text/html")) {
        Some(found) => Err(DecodeError::content_type(id, found)),
        None => text(id, body).map(str::to_owned),
    }
}

/// Bytes as text: a line of JSON decoded from text needs no further checks of its encoding.
pub(crate) fn text<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| DecodeError::syntax(what, error))
}

macro_rules! operation_response {
    (Json $type:ty) => { $type };
    (EventStream $type:ty) => { $type };
    (Text $type:ty) => { String };
    (Bytes $type:ty) => { Vec<u8> };
    ($kind:ident $type:ty) => { () };
}

macro_rules! operation_decode {
    (Json $content_type:ident $body:ident) => {
        $crate::operation::json(Self::ID, $content_type, $body)
    };
    (EventStream $content_type:ident $body:ident) => {
        $crate::operation::json(Self::ID, $content_type, $body)
    };
    (Text $content_type:ident $body:ident) => {
        $crate::operation::plain(Self::ID, $content_type, $body)
    };
    (Bytes $content_type:ident $body:ident) => {
        Ok($body.to_vec())
    };
    ($kind:ident $content_type:ident $body:ident) => {
        Ok(())
    };
}

macro_rules! operation_put {
    (path $request:ident $value:expr, $wire:literal) => {
        $crate::operation::put_path(&mut $request, $wire, $value.as_ref());
    };
    (tail $request:ident $value:expr, $wire:literal) => {
        $crate::operation::put_tail(&mut $request, $value.as_ref());
    };
    (query $request:ident $value:expr, $wire:literal) => {
        $crate::operation::put_query(&mut $request, $wire, &$value);
    };
    (body $request:ident $value:expr, $wire:literal) => {
        $crate::operation::put_body(&mut $request, &$value);
    };
}

macro_rules! operations {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident($id:literal, $method:ident, $path:literal, $location:ident, $kind:ident, $response:ty) {
            new { $($mode:ident $(#[$field_meta:meta])* $field:ident: $type:ty = $wire:literal,)* }
            fill { $($fill_mode:ident $fill_field:ident: $fill_type:ty = $fill_wire:literal,)* }
            opt { $($opt_field:ident: $opt_type:ty = $opt_wire:literal,)* }
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $(
                #[doc = concat!("`", $wire, "` (", stringify!($mode), ")")]
                $(#[$field_meta])*
                pub $field: $type,
            )*
            $(
                #[doc = concat!("`", $fill_wire, "` (", stringify!($fill_mode), "); empty unless set")]
                pub $fill_field: $fill_type,
            )*
            $(
                #[doc = concat!("`", $opt_wire, "` (query), optional")]
                pub $opt_field: Option<$opt_type>,
            )*
        }

        impl $name {
            /// The operation with what it requires, and nothing else set.
            #[must_use]
            pub fn new($($field: impl Into<$type>),*) -> Self {
                Self {
                    $($field: $field.into(),)*
                    $($fill_field: Default::default(),)*
                    $($opt_field: None,)*
                }
            }
        }

        impl $crate::Operation for $name {
            const ID: &'static str = $id;
            const METHOD: $crate::Method = $crate::Method::$method;
            const PATH: &'static str = $path;
            const RESPONSE: $crate::ResponseKind = $crate::ResponseKind::$kind;
            const LOCATION: $crate::LocationStyle = $crate::LocationStyle::$location;
            type Response = operation_response!($kind $response);

            #[allow(unused_mut)]
            fn request(&self) -> $crate::Request {
                let mut request = $crate::operation::start::<Self>();
                $(operation_put!($mode request self.$field, $wire);)*
                $(operation_put!($fill_mode request self.$fill_field, $fill_wire);)*
                $(
                    if let Some(value) = &self.$opt_field {
                        $crate::operation::put_query(&mut request, $opt_wire, value);
                    }
                )*
                request
            }

            #[allow(unused_variables)]
            fn decode(content_type: Option<&str>, body: &[u8]) -> Result<Self::Response, $crate::DecodeError> {
                operation_decode!($kind content_type body)
            }
        }
    )*};
}
