//! Operations that are called by their ids with JSON, as bindings for other languages do it, on both lines.

use std::time::Duration;

use opencode_nexus::dialect::Line;
use opencode_nexus::stream::{RawEvents, RawItem};
use opencode_nexus::{Called, Client, Error};
use opencode_nexus_testkit::server::{PASSWORD, SECOND, TestServer, TestServerOptions, isolated_test};
use serde_json::{Value, json};

use super::{allowed, client, model, within};

async fn called(client: &Client, id: &str, arguments: Value) -> Result<Called, Error> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    client.call_by_id(client.server().line, id, arguments).await
}

async fn json_of(client: &Client, id: &str, arguments: Value) -> Value {
    match called(client, id, arguments).await.unwrap() {
        Called::Json(bytes) => serde_json::from_slice(&bytes).unwrap(),
        other => panic!("{id} answers with {other:?}"),
    }
}

fn stream(client: &Client, id: &str, arguments: Value) -> RawEvents {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    client.stream_by_id(client.server().line, id, arguments).unwrap()
}

/// The kinds of the events of a stream until one that is wanted, or its end.
async fn kinds(stream: &mut RawEvents, last: &str) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    let reading = async {
        while let Some(item) = stream.next().await {
            if let RawItem::Events(batch) = item.unwrap() {
                let all =
                    batch.events.iter().map(|event| String::from_utf8_lossy(batch.get(event).1).into_owned());
                kinds.extend(all);
            }
            if kinds.iter().any(|kind| kind == last) {
                break;
            }
        }
    };
    within("the events", reading).await;
    kinds
}

#[tokio::test]
async fn a_session_is_made_read_and_deleted_by_the_ids_of_the_operations() {
    let server = TestServer::start(allowed()).await.unwrap();
    let client = client(&server).await;
    let mut events = stream(&client, "event.subscribe", json!({}));
    assert_eq!(kinds(&mut events, "server.connected").await, ["server.connected"]);

    let made = json_of(&client, "session.create", json!({"body": {"title": "By id"}})).await;
    assert_eq!(
        (made["title"].as_str(), made["directory"].as_str()),
        (Some("By id"), server.directory.to_str())
    );
    let id = made["id"].as_str().unwrap();
    assert!(kinds(&mut events, "session.created").await.contains(&"session.created".to_owned()));
    assert_eq!(json_of(&client, "session.get", json!({"sessionID": id})).await["id"], id);
    let listed = json_of(&client, "session.list", json!({"limit": 1.0, "search": "By", "roots": true})).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let prompt =
        json!({"sessionID": id, "body": {"parts": [{"type": "text", "text": "hi"}], "noReply": true}});
    assert_eq!(called(&client, "session.prompt_async", prompt).await.unwrap(), Called::Empty);
    assert_eq!(json_of(&client, "session.delete", json!({"sessionID": id})).await, true);
    let gone = called(&client, "session.get", json!({"sessionID": id})).await.unwrap_err();
    assert_eq!((gone.code(), gone.operation()), ("user.not_found", Some("session.get")));

    let socket = json_of(&client, "pty.connect", json!({"ptyID": "pty_1"})).await;
    let url = socket["url"].as_str().unwrap();
    assert!(url.starts_with("ws://127.0.0.1:") && url.contains("/pty/pty_1/connect?directory="), "{url}");
    assert_eq!(socket["headers"], json!({}));
}

#[tokio::test]
async fn what_cannot_be_called_so_is_refused_before_anything_is_sent() {
    let server = TestServer::start(allowed()).await.unwrap();
    let client = client(&server).await;
    for (line, id, arguments, code, said) in [
        (Line::V1, "session.get", json!({}), "user.invalid_input", "`sessionID` is missing"),
        (Line::V1, "session.list", json!({"sessionID": 1}), "user.invalid_input", "`sessionID` is unknown"),
        (Line::V1, "no.such", json!({}), "user.invalid_input", "no operation `no.such`"),
        (Line::V1, "event.subscribe", json!({}), "user.unsupported", "stream of events"),
        (Line::V2, "session.list", json!({}), "user.unsupported", "operation of OpenCode 2"),
    ] {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let error = client.call_by_id(line, id, arguments).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(said) && error.hint().is_some(), "{error}");
    }
    let error = client.stream_by_id(Line::V1, "session.list", serde_json::Map::new()).unwrap_err();
    assert_eq!(error.code(), "user.unsupported");
}

#[test]
fn the_same_works_on_opencode_2_and_shows_no_key() {
    isolated_test(SECOND, || async {
        let options = TestServerOptions { version: SECOND.to_owned(), ..TestServerOptions::with(model()) };
        let server = TestServer::start(options).await.unwrap();
        let client = client(&server).await;
        let made = json_of(&client, "session.create", json!({})).await;
        let id = made.pointer("/data/id").or(made.get("id")).and_then(Value::as_str).unwrap().to_owned();
        assert!(made.to_string().contains(server.directory.to_str().unwrap()), "{made}");
        let renamed = json!({"sessionID": id, "body": {"title": "By id"}});
        called(&client, "session.update", renamed).await.unwrap();
        assert!(
            json_of(&client, "session.get", json!({"sessionID": id})).await.to_string().contains("By id")
        );
        // A server that meets a folder for the first time reads its configuration only then.
        let configured = async {
            loop {
                let providers = json_of(&client, "provider.list", json!({})).await.to_string();
                if providers.contains("scripted") {
                    return providers;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let providers = within("the provider", configured).await;
        assert!(providers.contains("[redacted]") && !providers.contains("scripted-key"), "{providers}");
        let socket = json_of(&client, "pty.connect", json!({"ptyID": "pty_1"})).await;
        let authorization = socket["headers"]["authorization"].as_str().unwrap();
        assert!(authorization.starts_with("Basic ") && !authorization.contains(PASSWORD));
        // The log of a session tells what has happened, and ends.
        let log = kinds(&mut stream(&client, "session.log", json!({"sessionID": id})), "").await;
        assert_eq!(log.last().map(String::as_str), Some("log.synced"), "{log:?}");
    });
}
