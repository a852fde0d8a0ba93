//! Requests to servers of 1.x as they go over the wire, and answers that are none.
use opencode_api::v1::operations::{auth, event, file, global, permission, pty, session, v2};
use opencode_api::v1::{ApiAuth, OPERATIONS, TextPartInput, bodies};
use opencode_api::{DecodeErrorKind, Location, LocationStyle, Method, Operation, ResponseKind, Value};

mod documents;

use documents::Document;

#[test]
fn the_table_has_every_operation_of_the_document() {
    let document = Document::new(documents::V1);
    let expected = document.operations().into_iter().map(|(id, method, path, _)| (id, method, path));
    let ours = OPERATIONS.iter().map(|row| (row.id, row.method.as_str().to_owned(), row.path));
    assert!(ours.eq(expected));
    assert_eq!(OPERATIONS.len(), 188);
}

#[test]
fn path_parameters_are_percent_encoded() {
    let request = session::Get::new("ses 1/é%?#").request();
    assert_eq!(request.path, "/session/ses%201%2F%C3%A9%25%3F%23");
    // A URL parser would resolve these away and reach another route.
    assert_eq!(session::Get::new("..").request().path, "/session/%2E%2E");
    assert_eq!(session::Get::new(".").request().path, "/session/%2E");
    let part = session::Message::new("ses_1", "{sessionID}").request();
    assert_eq!(part.path, "/session/ses_1/message/%7BsessionID%7D");
    let read = v2::fs::Read::new("src/a b/é.rs").request();
    assert_eq!(read.path, "/api/fs/read/src/a%20b/%C3%A9.rs");
    let up = v2::fs::Read::new("/../../etc/./x").request();
    assert_eq!(up.path, "/api/fs/read/%2E%2E/%2E%2E/etc/%2E/x");
}

#[test]
fn a_location_is_named_as_the_operation_wants_it() {
    let location = Location { directory: Some("/home/é x".into()), workspace: Some("wrk_1".into()) };
    let list = session::List { limit: Some(5), roots: Some(true), ..session::List::new() };
    let target = list.request().located(&location).target();
    assert_eq!(target, "/session?roots=true&limit=5&directory=%2Fhome%2F%C3%A9%20x&workspace=wrk_1");
    // Servers of 1.x decode the directory twice.
    let target = session::Create::new().request().located(&Location::directory("/50%41")).target();
    assert_eq!(target, "/session?directory=%2F50%252541");
    assert_eq!(v2::agent::List::LOCATION, LocationStyle::Bracket);
    let target = v2::agent::List::new().request().located(&Location::directory("/p")).target();
    assert_eq!(target, "/api/agent?location%5Bdirectory%5D=%2Fp");
    const { assert!(!global::Health::LOCATED) };
    assert_eq!(global::Health::new().request().located(&location).target(), "/global/health");
}

#[test]
fn a_prompt_has_the_body_that_the_server_wants() {
    let text = TextPartInput { text: "hello".into(), ..Default::default() };
    let body = bodies::SessionPromptBody { parts: vec![text.into()], ..Default::default() };
    let request = session::PromptAsync::new("ses_1", body).request();
    assert_eq!((request.method, request.path.as_str()), (Method::Post, "/session/ses_1/prompt_async"));
    assert_eq!(request.content_type, Some("application/json"));
    let sent: Value = serde_json::from_slice(&request.body.expect("a body")).expect("JSON");
    assert_eq!(sent, serde_json::json!({ "parts": [{ "type": "text", "text": "hello" }] }));
    assert_eq!(session::PromptAsync::RESPONSE, ResponseKind::Empty);
    assert_eq!(session::PromptAsync::decode(None, b""), Ok(()));
}

#[test]
fn a_body_without_anything_set_is_an_empty_object() {
    let request = session::Create::new().request();
    assert_eq!(request.body.as_deref(), Some(&b"{}"[..]));
    assert_eq!(session::Get::new("ses_1").request().body, None);
}

#[test]
fn a_credential_is_tagged() {
    let key = ApiAuth { key: "k".into(), ..Default::default() };
    let request = auth::Set::new("anthropic", key).request();
    assert_eq!(request.path, "/auth/anthropic");
    assert_eq!(request.body.as_deref(), Some(&br#"{"type":"api","key":"k"}"#[..]));
}

#[test]
fn the_web_page_for_unknown_routes_is_no_answer() {
    let error =
        session::List::decode(Some("text/html; charset=utf-8"), b"<!doctype html>").expect_err("no JSON");
    assert_eq!(error.kind(), DecodeErrorKind::ContentType);
    assert_eq!(error.to_string(), "cannot decode session.list: the content type is text/html; charset=utf-8");
    let error = session::List::decode(Some("application/json"), b"[").expect_err("no JSON");
    assert_eq!(error.kind(), DecodeErrorKind::Syntax);
    let error = session::List::decode(None, b"{}").expect_err("no list");
    assert_eq!((error.kind(), error.what()), (DecodeErrorKind::Shape, "session.list"));
    let error = session::List::decode(None, b"\xff").expect_err("no text");
    assert_eq!(error.kind(), DecodeErrorKind::Syntax);
}

#[test]
fn kinds_of_responses_are_known() {
    assert_eq!(event::Subscribe::RESPONSE, ResponseKind::EventStream);
    assert_eq!(pty::Connect::RESPONSE, ResponseKind::WebSocket);
    assert_eq!(v2::pty::Connect::RESPONSE, ResponseKind::WebSocket);
    assert_eq!(v2::fs::Read::RESPONSE, ResponseKind::Bytes);
    assert_eq!(file::Read::RESPONSE, ResponseKind::Json);
    let healthy =
        global::Health::decode(Some("application/json"), br#"{"healthy":true,"version":"1.18.33"}"#);
    assert_eq!(healthy.expect("health").version, "1.18.33");
    let event =
        event::Subscribe::decode(None, br#"{"type":"server.connected","properties":{}}"#).expect("an event");
    assert_eq!(event.event.kind(), "server.connected");
}

#[test]
fn an_answer_with_one_odd_field_is_still_an_answer() {
    let sent = br#"[{"id":"per_1","sessionID":"ses_1","permission":"bash","patterns":"*","metadata":null,"always":[],"tool":7}]"#;
    let asked = permission::List::decode(Some("application/json"), sent).expect("a list");
    assert_eq!((asked[0].patterns.len(), asked[0].tool.is_none()), (0, true));
    assert_eq!(asked[0].extra.get("patterns"), Some(&Value::from("*")));
    let encoded: Value = serde_json::to_value(&asked).expect("encodes");
    assert_eq!(encoded, serde_json::from_slice::<Value>(sent).expect("JSON"));
}
