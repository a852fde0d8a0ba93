//! Operations as values: what to send, and how to read what comes back. Sending is somebody else's work.
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DecodeError, lenient};

mod info;
mod request;

pub(crate) use info::info;
pub use info::{ArgumentError, OperationInfo, ParameterInfo, ParameterPlace};
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
    /// The arguments, required ones first.
    const PARAMETERS: &'static [ParameterInfo];
    /// Headers that are always sent, with their values.
    const HEADERS: &'static [(&'static str, &'static str)];
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

/// Starts the request of an operation.
pub(crate) fn start<O: Operation>() -> Request {
    Request {
        method: O::METHOD,
        path: O::PATH.to_owned(),
        query: Vec::new(),
        headers: O::HEADERS.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect(),
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
pub(crate) fn put_bytes(request: &mut Request, body: Vec<u8>) {
    request.body = Some(body);
    request.content_type = Some("application/octet-stream");
}

/// Reads a JSON document.
pub(crate) fn json<T: DeserializeOwned>(
    id: &'static str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<T, DecodeError> {
    if let Some(page) = is_page(content_type) {
        return Err(DecodeError::content_type(id, page));
    }
    lenient::decode(text(id, body)?).map_err(|error| DecodeError::json(id, &error))
}

/// Reads text.
pub(crate) fn plain(
    id: &'static str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<String, DecodeError> {
    match is_page(content_type) {
        Some(page) => Err(DecodeError::content_type(id, page)),
        None => text(id, body).map(str::to_owned),
    }
}

/// The content type of a web page, when it is one.
fn is_page(content_type: Option<&str>) -> Option<&str> {
    content_type.filter(|found| found.trim_start().starts_with("text/html"))
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

macro_rules! operation_place {
    (path) => {
        $crate::ParameterPlace::Path
    };
    (tail) => {
        $crate::ParameterPlace::Tail
    };
    (query) => {
        $crate::ParameterPlace::Query
    };
    (bytes) => {
        $crate::ParameterPlace::Bytes
    };
    (body) => {
        $crate::ParameterPlace::Body
    };
}

macro_rules! operation_argument {
    (tail $wire:literal) => {
        "path"
    };
    ($mode:ident $wire:literal) => {
        $wire
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
        $crate::operation::put_bytes(&mut $request, $value.clone());
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
            const PARAMETERS: &'static [$crate::ParameterInfo] = &[
                $($crate::ParameterInfo {
                    name: operation_argument!($mode $wire),
                    place: operation_place!($mode),
                    required: true,
                },)*
                $($crate::ParameterInfo {
                    name: operation_argument!($fill_mode $fill_wire),
                    place: operation_place!($fill_mode),
                    required: false,
                },)*
                $($crate::ParameterInfo {
                    name: $opt_wire,
                    place: $crate::ParameterPlace::Query,
                    required: false,
                },)*
            ];
            const HEADERS: &'static [(&'static str, &'static str)] = &[$($(($header, $header_value),)*)?];
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
