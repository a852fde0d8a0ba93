//! What the client does when what answers is broken, hostile or something else: one clear line with a hint and a
//! stable code, in bounded time, and nothing left behind.

mod events;
mod operations;
mod peer;
mod probes;
mod records;

use std::time::Duration;

use opencode_nexus::transport::{BackoffPolicy, Credentials, Timeouts, TransportConfig};
use opencode_nexus::{Client, Error};
use peer::{Peer, Reply};

/// Everything here is over long before; a test that reaches it has found something that waits for ever.
const BOUND: Duration = Duration::from_secs(20);

const HEALTH: &str = r#"{"healthy":true,"version":"1.18.33"}"#;
const CONNECTED: &str =
    r#"{"id":"evt_201f3cf63001ymeg20K5HIMJER","type":"server.connected","properties":{}}"#;
const SESSION: &str = r#"{"id":"ses_1","slug":"s","projectID":"p","directory":"/p","title":"t","version":"1.18.33","time":{"created":1,"updated":1}}"#;

/// Impatient, and with credentials of its own so that the environment does not count.
fn config() -> TransportConfig {
    TransportConfig {
        credentials: Some(Credentials { user: "opencode".into(), password: "hunter2".into() }),
        timeouts: Timeouts {
            connect: Duration::from_millis(250),
            head: Duration::from_millis(500),
            body_idle: Duration::from_millis(500),
            stream_idle: Duration::from_millis(500),
        },
        retry: BackoffPolicy {
            base: Duration::from_millis(20),
            cap: Duration::from_millis(160),
            attempts: Some(2),
        },
        ..TransportConfig::default()
    }
}

async fn connect(address: &str) -> Result<Client, Error> {
    within("connecting", Client::builder(address).transport(config()).connect()).await
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not end within {BOUND:?}"))
}

/// One line, a hint, the code, and no secret.
#[track_caller]
fn assert_clear(error: &Error, code: &str) {
    let line = error.to_string();
    assert_eq!(error.code(), code, "{error:?}");
    assert!(
        !line.contains('\n') && line.chars().count() < 500 && line.ends_with(&format!("[{code}]")),
        "{line}"
    );
    assert!(error.hint().is_some_and(|h| !h.is_empty()), "no hint: {line}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

/// What a sound server of 1.x answers; `other` has the first word.
fn sound(head: &str, other: impl Fn(&str) -> Option<Reply>) -> Reply {
    let path = head.split([' ', '?']).nth(1).unwrap_or_default();
    other(path).unwrap_or_else(|| match path {
        "/global/health" => Reply::json(HEALTH),
        "/session" if head.starts_with("GET") => Reply::json("[]"),
        "/session" | "/session/ses_1" => Reply::json(SESSION),
        "/session/status" => Reply::json("{}"),
        "/permission"
        | "/question"
        | "/session/ses_1/message"
        | "/session/ses_1/todo"
        | "/session/ses_1/children" => Reply::json("[]"),
        "/event" => Reply::events(&[CONNECTED]),
        _ => Reply::page(),
    })
}

async fn peer(other: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> Peer {
    Peer::start(move |head, _| sound(head, &other)).await
}
