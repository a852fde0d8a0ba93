//! A request as a value, and how it names where it runs. Which requests there are is told by the operations.
use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Method, put_body};
use crate::{JsonObject, WorkspaceId};

/// RFC 3986 §2.3: everything but the unreserved characters is encoded in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
    /// `{"location": {"directory": …, "workspaceID": …}}` in the JSON body.
    Body,
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
            LocationStyle::Body => return self.located_in_body(location),
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

    /// Puts the location into the body. A body that names a location already keeps it: it was meant.
    fn located_in_body(mut self, location: &Location) -> Self {
        let Some(Ok(mut body)) = self.body.as_deref().map(serde_json::from_slice::<JsonObject>) else {
            return self;
        };
        let mut fields = JsonObject::new();
        if let Some(directory) = &location.directory {
            fields.insert("directory".to_owned(), directory.clone().into());
        }
        if let Some(workspace) = &location.workspace {
            fields.insert("workspaceID".to_owned(), workspace.as_str().into());
        }
        if !fields.is_empty() && body.get("location").is_none_or(serde_json::Value::is_null) {
            body.insert("location".to_owned(), fields.into());
            put_body(&mut self, &body);
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

/// Encodes one segment. A segment of dots only is spelt out: URL parsers would resolve it away, and the request would
/// reach another route. (Some parsers resolve even `%2E`; a server's ids and paths have no such segments.)
pub(super) fn segment(text: &str) -> Cow<'_, str> {
    match text {
        "." => "%2E".into(),
        ".." => "%2E%2E".into(),
        _ => utf8_percent_encode(text, SEGMENT).into(),
    }
}
