//! Operations as values: what to send, and how to read what comes back. Sending is somebody else's work.
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DecodeError, lenient};

mod request;

use request::segment;
pub use request::{Location, LocationStyle, Request};

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

/// Adds a body of bytes.
pub(crate) fn put_bytes(request: &mut Request, body: &[u8]) {
    request.body = Some(body.to_vec());
    request.content_type = Some("application/octet-stream");
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
    (bytes $request:ident $value:expr, $wire:literal) => {
        $crate::operation::put_bytes(&mut $request, &$value);
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
            $(head { $($header:literal = $header_value:literal,)* })?
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
                $($(request.headers.push(($header.into(), $header_value.to_owned()));)*)?
                request
            }

            #[allow(unused_variables)]
            fn decode(content_type: Option<&str>, body: &[u8]) -> Result<Self::Response, $crate::DecodeError> {
                operation_decode!($kind content_type body)
            }
        }
    )*};
}
