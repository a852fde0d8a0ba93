//! Any operation of the server's interface by its id, with arguments as JSON: what bindings for other languages stand on.
//! Nothing is decoded into types here. In Rust, [`Client::call`] with the types of `opencode-api` is the better way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use opencode_api::{OperationInfo, Request, ResponseKind};
use serde_json::{Map, Value};

use super::Client;
use crate::dialect::{Line, operation};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::{Decode, RawEvents, Source};
use crate::transport::{BackoffPolicy, Transport};

/// How long a stream that tells of one thing may be silent: servers send no heartbeat there (`session.log` of 2.0.14, seen), and
/// that the peer is gone is noticed by the keep-alive of TCP.
const SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// What an operation answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// One document of JSON, in UTF-8; its shape is what the server makes of it.
    Json(Bytes),
    /// Text.
    Text(String),
    /// Bytes, for example of a file.
    Bytes(Bytes),
    /// Nothing: it was done.
    Empty,
}

impl Client {
    /// Calls an operation by its id in the interface document of a line, for example `session.list`. `arguments` holds
    /// path and query parameters by their names on the wire, the rest of a path that ends with `*` as `path`, and the body
    /// as `body` (a body of bytes as base64). The folder is the client's. As in [`call`](Self::call), only operations
    /// without effect are repeated, and secrets of providers are `[redacted]`.
    ///
    /// An operation that is upgraded to a WebSocket is not called: its answer is what a library for WebSockets needs,
    /// `{"url": …, "headers": {…}}`. The headers hold the server's password; do not log them.
    ///
    /// # Errors
    /// `user.invalid_input` for an id that the line does not have, and for arguments that are missing, unknown or of a
    /// kind that cannot be sent; `user.unsupported` when the server speaks the other line, and for event streams; what
    /// the server or the connection says.
    pub async fn call_by_id(&self, line: Line, id: &str, arguments: Map<String, Value>) -> Result<Called> {
        let (row, request) = self.request(line, id, arguments)?;
        let transport = &self.inner.transport;
        match row.response {
            ResponseKind::EventStream => Err(Error::new(
                ErrorKind::Unsupported,
                "this is a stream of events, which has no single answer",
            )
            .with_hint("use the client's events")
            .with_operation(row.id)),
            ResponseKind::WebSocket => {
                let (url, headers) = transport.web_socket(request)?;
                let headers: Map<String, Value> =
                    headers.into_iter().map(|(name, value)| (name, value.into())).collect();
                Ok(Called::Json(serde_json::json!({ "url": url, "headers": headers }).to_string().into()))
            }
            kind => {
                let body = transport.call_row(row, request).await?;
                Ok(match kind {
                    ResponseKind::Json => Called::Json(body),
                    // It was checked.
                    ResponseKind::Text => Called::Text(String::from_utf8_lossy(&body).into_owned()),
                    ResponseKind::Bytes => Called::Bytes(body),
                    _ => Called::Empty,
                })
            }
        }
    }

    /// Opens a stream of events by the id of its operation, for example `event.subscribe`, with arguments as those of
    /// [`call_by_id`](Self::call_by_id). A stream of all that happens is made again when it breaks, as
    /// [`raw_events`](Self::raw_events) is. One of a single thing (the log of a session) is not: it ends with an error when it
    /// breaks, and with `None` where the server ends it; open it again behind the last event that came, as its arguments allow.
    ///
    /// # Errors
    /// As [`call_by_id`](Self::call_by_id); `user.unsupported` for an operation that is no stream.
    pub fn stream_by_id(&self, line: Line, id: &str, arguments: Map<String, Value>) -> Result<RawEvents> {
        let (row, request) = self.request(line, id, arguments)?;
        if row.response != ResponseKind::EventStream {
            return Err(Error::new(ErrorKind::Unsupported, "this is no stream of events")
                .with_hint("call it")
                .with_operation(row.id));
        }
        let transport = self.inner.transport.clone();
        let request = request.located(transport.location());
        let usual = self.inner.spoken.events();
        let source = Arc::new(Named { transport, row, request, usual });
        Ok(if source.is_of_one_thing() { RawEvents::once(source) } else { RawEvents::new(source) })
    }

    /// What is sent for an id and its arguments, if it can be.
    fn request(
        &self,
        line: Line,
        id: &str,
        arguments: Map<String, Value>,
    ) -> Result<(&'static OperationInfo, Request)> {
        let row = known(line, id)?;
        let server = self.server();
        if server.line != line {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "this is an operation of {}, and the server has version {}",
                    name(line),
                    server.version
                ),
            )
            .with_hint(format!("call the operations of {}", name(server.line)))
            .with_operation(row.id));
        }
        let request = row.request(arguments).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, error.to_string())
                .with_hint(takes(row))
                .with_operation(row.id)
        })?;
        Ok((row, request))
    }
}

/// An event stream whose operation somebody else has chosen.
struct Named {
    transport: Transport,
    row: &'static OperationInfo,
    request: Request,
    /// The stream of this line, which knows the rest.
    usual: Arc<dyn Source>,
}

impl Named {
    /// Whether the stream tells of one thing only: then the thing is among its arguments.
    fn is_of_one_thing(&self) -> bool {
        !self.row.parameters.is_empty()
    }
}

impl Source for Named {
    fn open(&self) -> BoxFuture<'_, Result<reqwest::Response>> {
        self.transport.open(self.row.id, &self.request).boxed()
    }

    fn decoder(&self) -> Box<dyn Decode> {
        self.usual.decoder()
    }

    fn limits(&self) -> (Duration, usize) {
        let (idle, limit) = self.usual.limits();
        (if self.is_of_one_thing() { SILENCE } else { idle }, limit)
    }

    fn backoff(&self) -> BackoffPolicy {
        self.usual.backoff()
    }
}

/// The row of an operation, or what to do instead.
fn known(line: Line, id: &str) -> Result<&'static OperationInfo> {
    let other = match line {
        Line::V1 => Line::V2,
        Line::V2 => Line::V1,
    };
    operation(line, id).ok_or_else(|| {
        let shown: String = id.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let error = Error::new(ErrorKind::InvalidInput, format!("{} has no operation `{shown}`", name(line)));
        match operation(other, id) {
            Some(_) => error.with_hint(format!("{} has one: name that line", name(other))),
            None => error.with_hint("ids are written as in the interface document, for example session.list"),
        }
    })
}

/// The line's name for people.
fn name(line: Line) -> &'static str {
    match line {
        Line::V1 => "OpenCode 1.x",
        Line::V2 => "OpenCode 2",
    }
}

/// What an operation takes, as a sentence.
fn takes(row: &OperationInfo) -> String {
    let names: Vec<String> = (row.parameters.iter())
        .map(|p| if p.required { p.name.to_owned() } else { format!("{} (optional)", p.name) })
        .collect();
    match names.as_slice() {
        [] => format!("{} takes no arguments", row.id),
        names => format!("{} takes {}", row.id, names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_operation_is_one_clear_line_that_may_name_the_other_line() {
        let error = known(Line::V1, "session.context").unwrap_err();
        assert_eq!(
            (error.code(), error.hint()),
            ("user.invalid_input", Some("OpenCode 2 has one: name that line"))
        );
        let error = known(Line::V2, "no\nsuch.thing").unwrap_err();
        assert_eq!(error.message(), "OpenCode 2 has no operation `no such.thing`");
        assert!(error.hint().is_some_and(|hint| hint.contains("session.list")));
    }

    #[test]
    fn what_an_operation_takes_is_told() {
        let told = |id| takes(operation(Line::V1, id).unwrap());
        assert_eq!(told("global.health"), "global.health takes no arguments");
        assert_eq!(told("find.text"), "find.text takes pattern");
        assert_eq!(told("v2.fs.read"), "v2.fs.read takes path");
        assert!(told("session.messages").contains("limit (optional)"));
    }
}
