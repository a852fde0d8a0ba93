//! From what went wrong on the wire to one [`Error`]. Sans-IO, and fed to the fuzzer.
//!
//! Servers report errors in six shapes: `{name, data: {message}}`, `{_tag, message}`, a bare `{_tag}`, plain text,
//! nothing at all, and an HTML page (OpenCode 1.18 and 2.0, seen).

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Retry};

/// The longest piece of a server's own words that is shown.
const SHOWN: usize = 300;

/// An answer with a status of 400 or above.
pub(crate) fn from_status(status: u16, headers: &HeaderMap, body: &[u8], address: &str) -> Error {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let mut error = classify(status, header("content-type"), body);
    if let Some(seconds) = header("retry-after").and_then(|v| v.trim().parse::<u64>().ok())
        && error.retry() != Retry::Never
    {
        error = error.with_retry(Retry::After(Duration::from_secs(seconds)));
    }
    error.with_context("address", address)
}

/// The same without headers: from status, content type and body alone.
pub(crate) fn classify(status: u16, content_type: Option<&str>, body: &[u8]) -> Error {
    let said = said(content_type, body);
    let name = said.name.as_deref().unwrap_or_default();
    let (kind, fallback) = match status {
        401 => (ErrorKind::Unauthorized, "the server wants other credentials"),
        403 => (ErrorKind::Forbidden, "the credentials are not allowed to do this"),
        404 => (ErrorKind::NotFound, "the server does not know this"),
        409 if name.contains("Busy") => (ErrorKind::Busy, "the session is busy"),
        409 => (ErrorKind::Conflict, "the server's state does not allow this"),
        408 => (ErrorKind::Timeout, "the server gave up waiting for the request"),
        413 => (ErrorKind::TooLarge, "the request is too large for the server"),
        429 => (ErrorKind::Provider, "too many requests"),
        400..=499 => (ErrorKind::InvalidInput, "the server refused the request"),
        _ => (ErrorKind::Server, "the server failed"),
    };
    let message = match (&said.message, &said.name) {
        (Some(message), Some(name)) if !message.contains(name.as_str()) => format!("{message} ({name})"),
        (Some(message), _) => message.clone(),
        (None, Some(name)) => format!("{fallback} ({name})"),
        (None, None) => format!("{fallback} (HTTP {status})"),
    };
    // 500 is how 1.x answers malformed input too, so it is not repeated; the others come from what stands between.
    let retry = match status {
        408 | 425 | 429 | 502..=504 => Retry::Now,
        _ => Retry::Never,
    };
    let error = Error::new(kind, message).with_retry(retry).with_context("status", status.to_string());
    match status {
        401 => error.with_hint(
            "set OPENCODE_SERVER_PASSWORD (OpenCode 2: OPENCODE_PASSWORD), or put user and password into the address",
        ),
        403 => error.with_hint("ask the server's owner for access"),
        502..=504 => error.with_hint("the server may be starting or overloaded; try again in a moment"),
        _ if said.html => error.with_hint("what answers there is a web page; check the address and the port"),
        _ => error,
    }
}

struct Said {
    name: Option<String>,
    message: Option<String>,
    html: bool,
}

fn said(content_type: Option<&str>, body: &[u8]) -> Said {
    let text = String::from_utf8_lossy(&body[..body.len().min(64 * 1024)]);
    let text = text.trim();
    if content_type.is_some_and(|t| t.starts_with("text/html")) || looks_like_html(text) {
        return Said { name: None, message: None, html: true };
    }
    let plain = || Said { name: None, message: (!text.is_empty()).then(|| shorten(text)), html: false };
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(body) else { return plain() };
    let string = |v: Option<&Value>| v.and_then(Value::as_str).filter(|s| !s.is_empty()).map(shorten);
    let name = string(object.get("name"))
        .or_else(|| string(object.get("_tag")))
        .or_else(|| string(object.get("code")));
    let data = object.get("data");
    let message = string(object.get("message"))
        .or_else(|| string(data.and_then(|d| d.get("message"))))
        .or_else(|| string(object.get("error")))
        .or_else(|| string(object.get("error").and_then(|e| e.get("message"))))
        .or_else(|| string(data.and_then(|d| d.get("kind"))))
        .or_else(|| string(object.get("kind")));
    if name.is_none() && message.is_none() {
        return plain();
    }
    Said { name, message, html: false }
}

fn looks_like_html(text: &str) -> bool {
    let head: String = text.chars().take(15).collect::<String>().to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

fn shorten(text: &str) -> String {
    let line: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{line}…") } else { line }
}

/// An answer with a good status whose body is not what the operation says.
pub(crate) fn from_decode(
    error: &opencode_api::DecodeError,
    content_type: Option<&str>,
    body: &[u8],
) -> Error {
    let head = String::from_utf8_lossy(&body[..body.len().min(200)]);
    if content_type.is_some_and(|t| t.starts_with("text/html")) || looks_like_html(head.trim_start()) {
        // OpenCode servers answer 200 with their web page where they know no route.
        return page().with_source(error.clone());
    }
    // Why may quote what was found there, however long it is.
    let why = shorten(&error.to_string());
    Error::new(ErrorKind::Protocol, format!("the answer cannot be read: {why}"))
        .with_hint("what answers there may be no OpenCode server, or a proxy that cuts answers short")
        .with_context("bytes", body.len().to_string())
        .with_source(error.clone())
}

pub(crate) fn not_an_event_stream(content_type: &str, address: &str) -> Error {
    let what = if content_type.is_empty() { "something without a type" } else { content_type };
    Error::new(
        ErrorKind::Incompatible,
        format!("the event stream is {} instead of text/event-stream", shorten(what)),
    )
    .with_hint("check the address; what answers there is no OpenCode server that this client can speak to")
    .with_context("address", address)
}

/// An answer that sends us elsewhere. It is not followed: our credentials are not for others.
pub(crate) fn redirected(headers: &HeaderMap, address: &str) -> Error {
    let to = headers.get("location").and_then(|v| v.to_str().ok()).map(super::redact::public_text);
    let to = to.map_or_else(|| "elsewhere".to_owned(), |to| shorten(&to));
    Error::new(
        ErrorKind::Incompatible,
        format!("{address} redirects to {to}, and redirects are not followed"),
    )
    .with_hint("give the address to which it leads, if that is the OpenCode server")
}

/// A web page where nothing should have come: the server knows no such route, and has done nothing.
pub(crate) fn page() -> Error {
    Error::new(ErrorKind::Incompatible, "the server answered with a web page where data was expected")
        .with_hint("check the address; if it is right, this server speaks another version of the interface")
}

pub(crate) fn too_large(limit: usize) -> Error {
    Error::new(ErrorKind::TooLarge, format!("the server sent more than {limit} bytes at once"))
        .with_hint("raise the limit (TransportConfig::body_limit) if this is expected")
}

pub(crate) fn timeout(what: &str, after: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what} within {} s", after.as_secs_f32()))
        .with_retry(Retry::Now)
        .with_hint("the server may be overloaded or half-dead; check it, or restart it")
}

/// An error of the HTTP client, before or in the middle of an answer.
pub(crate) fn from_reqwest(error: reqwest::Error, address: &str) -> Error {
    let error = error.without_url();
    let causes: String = std::iter::successors(std::error::Error::source(&error), |e| e.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ");
    let last = causes.rsplit(": ").next().unwrap_or_default().to_owned();
    let tls = is_tls(&error);
    let mapped = if error.is_timeout() {
        Error::new(ErrorKind::Timeout, format!("no connection to {address} in time"))
            .with_retry(Retry::Now)
            .with_hint("check that the server runs and that no firewall is in between")
    } else if error.is_connect() && tls {
        Error::new(ErrorKind::Tls, format!("no trusted connection to {address}: {last}"))
            .with_hint("give the certificate of its authority with TlsPolicy::extra_ca, or allow TLS 1.2")
    } else if error.is_connect() {
        Error::new(ErrorKind::Unreachable, format!("cannot reach {address}: {last}"))
            .with_retry(Retry::Now)
            .with_hint("start the server, or check address and port")
    } else {
        Error::new(ErrorKind::Unreachable, format!("the connection to {address} broke: {last}"))
            .with_retry(Retry::Now)
            .with_hint("the server may have stopped; check that it runs")
    };
    let sent = if error.is_connect() { "no" } else { "perhaps" };
    mapped.with_context("sent", sent).with_context("cause", causes).with_source(error)
}

/// Whether TLS itself says no somewhere in the chain. Its errors travel inside I/O errors, and those hide what they
/// hold from `source`.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || held.is_some_and(|e| is_tls(e)) || error.source().is_some_and(is_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_the_servers_gives_kind_and_message() {
        let html = "<!doctype html><html><body>hi</body></html>";
        for (status, kind, body, code, text) in [
            (
                404,
                "application/json",
                r#"{"name":"NotFoundError","data":{"message":"Session not found: ses_x"}}"#,
                "user.not_found",
                "Session not found: ses_x (NotFoundError)",
            ),
            (
                400,
                "application/json",
                r#"{"_tag":"BadRequest"}"#,
                "user.invalid_input",
                "the server refused the request (BadRequest)",
            ),
            (
                409,
                "application/json",
                r#"{"_tag":"SessionBusyError","message":"busy"}"#,
                "user.busy",
                "busy (SessionBusyError)",
            ),
            (401, "", "", "security.unauthorized", "the server wants other credentials (HTTP 401)"),
            (500, "text/plain", "Internal Server Error", "system.server", "Internal Server Error"),
            (500, "text/html", html, "system.server", "the server failed (HTTP 500)"),
            (
                400,
                "application/json",
                r#"{"data":{"kind":"Body"},"_tag":"InvalidRequestError"}"#,
                "user.invalid_input",
                "Body (InvalidRequestError)",
            ),
            (502, "application/json", "{trunc", "system.server", "{trunc"),
        ] {
            let error = classify(status, Some(kind).filter(|k| !k.is_empty()), body.as_bytes());
            assert_eq!((error.code(), error.message()), (code, text), "{status} {body}");
        }
    }

    #[test]
    fn a_long_or_wild_message_stays_one_short_line() {
        let body = format!("{{\"message\":\"a\\nb{}\"}}", "x".repeat(5000));
        let error = classify(500, None, body.as_bytes());
        assert!(error.message().chars().count() <= SHOWN + 1 && !error.message().contains('\n'));
    }
}
