//! Whether a server answers: `GET /global/health`, or `GET /api/info` of OpenCode 2; each probe bounded on its own.
//!
//! A probe that the server accepts while it still starts can hang for ever, so one long wait would not do. Plain
//! TCP on purpose: loopback needs neither TLS nor a pool, and this must work before any client exists.

use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::watch::machine::Probed;

/// A health answer is below 100 bytes; anything much larger is not one.
const ANSWER_BYTES: u64 = 64 * 1024;
const PROBE_BOUND: Duration = Duration::from_secs(2);
/// A refused connection to loopback costs some 20 µs, so asking often costs nothing, and every pause is one that people
/// wait for.
const PROBE_PAUSE: Duration = Duration::from_millis(2);

/// Asks until the server says that it is healthy, and gives its version. Unbounded: the caller has the deadline.
pub(in crate::server) async fn healthy(port: u16, authorization: Option<&str>) -> String {
    let host = format!("127.0.0.1:{port}");
    loop {
        if let Ok(Probed::Healthy { version }) =
            tokio::time::timeout(PROBE_BOUND, probe(&host, authorization)).await
        {
            return version;
        }
        tokio::time::sleep(PROBE_PAUSE).await;
    }
}

/// Asks once how the server at this host (`name:port`) is, in the words of both lines. Unbounded: the caller has the bound.
pub(in crate::server) async fn probe(host: &str, authorization: Option<&str>) -> Probed {
    let mut said = None;
    for path in ["/global/health", "/api/info"] {
        match ask(host, path, authorization).await {
            Ok(answer) => match object_of(&answer).as_ref().and_then(version_of) {
                Some(version) => return Probed::Healthy { version },
                None => {
                    said = said.or(status_of(&answer).filter(|status| *status != "200").map(str::to_owned))
                }
            },
            Err(error) => return Probed::Silent(format!("{host}: {error}")),
        }
    }
    match said.as_deref() {
        // The second line answers so until it is ready.
        Some("503") => Probed::Silent("it says that it is not ready (503)".to_owned()),
        Some("401" | "403") => Probed::Foreign("a server that asks for another password".to_owned()),
        _ => Probed::Foreign("something that is not an OpenCode server".to_owned()),
    }
}

/// The value of the `authorization` header for these credentials.
pub(in crate::server) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// The JSON object that this host (`name:port`) answers with status 200. Unbounded.
pub(in crate::server) async fn get(host: &str, path: &str, authorization: Option<&str>) -> Option<Value> {
    object_of(&ask(host, path, authorization).await.ok()?)
}

/// One request; the answer as far as it was needed. Unbounded.
async fn ask(host: &str, path: &str, authorization: Option<&str>) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host).await?;
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\n");
    if let Some(value) = authorization {
        request.push_str(&format!("authorization: {value}\r\n"));
    }
    request.push_str("connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut stream = stream.take(ANSWER_BYTES);
    // The object is enough: not every server is quick to close the connection.
    while stream.read_buf(&mut answer).await? > 0 && object_of(&answer).is_none() {}
    if answer.is_empty() {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it closed the connection"));
    }
    Ok(answer)
}

fn status_of(answer: &[u8]) -> Option<&str> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    std::str::from_utf8(line).ok()?.split_whitespace().nth(1)
}

fn object_of(answer: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    if head.split_whitespace().nth(1)? != "200" {
        return None;
    }
    // The body may be chunked; the one JSON object in it starts at the first brace either way.
    let object = body.get(body.find('{')?..)?;
    serde_json::Deserializer::from_str(object).into_iter().next()?.ok()
}

fn version_of(value: &Value) -> Option<String> {
    // The second line has no such word: it answers 503 until it is ready.
    let healthy =
        value.get("healthy").map_or(value.get("pid").is_some(), |word| word.as_bool() == Some(true));
    healthy.then(|| value.get("version")?.as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::{object_of, version_of};

    fn version(answer: &[u8]) -> Option<String> {
        version_of(&object_of(answer)?)
    }

    #[test]
    fn health_is_read_from_plain_and_chunked_answers_and_from_nothing_else() {
        let body = r#"{"healthy":true,"version":"1.2.3"}"#;
        let plain = format!("HTTP/1.1 200 OK\r\ncontent-length: 34\r\n\r\n{body}");
        let chunked =
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n22\r\n{body}\r\n0\r\n\r\n");
        assert_eq!(version(plain.as_bytes()).as_deref(), Some("1.2.3"));
        assert_eq!(version(chunked.as_bytes()).as_deref(), Some("1.2.3"));
        for wrong in [
            "",
            "HTTP/1.1 503 no\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\n\r\n<html>",
            "HTTP/1.1 200 OK\r\n\r\n{\"healthy\":false,\"version\":\"1\"}",
            "HTTP/1.1 200 OK\r\n\r\n{\"healthy\":tr",
        ] {
            assert_eq!(version(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
