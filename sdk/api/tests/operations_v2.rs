//! Requests to servers of OpenCode 2 as they go over the wire, and short answers that such servers gave.
use opencode_api::v2::operations::{
    experimental, file, form, message, model, permission, persistent_pty, pty, server, session,
};
use opencode_api::v2::{ApiError, Delivery, LocationPublicRef, OPERATIONS, PermissionReply, bodies};
use opencode_api::{Location, LocationStyle, Method, Operation, Request, ResponseKind, Value};
use serde_json::json;

mod documents;

use documents::Document;

#[test]
fn the_table_has_every_operation_of_both_documents() {
    let ours: Vec<(&str, &str)> = OPERATIONS.iter().map(|row| (row.method.as_str(), row.path)).collect();
    for (text, count) in [(documents::V2, 142), (documents::V2_OLDER, 136)] {
        let document = Document::new(text);
        let theirs = document.operations();
        assert_eq!(theirs.len(), count);
        for (id, method, path, _) in &theirs {
            assert!(ours.contains(&(method.as_str(), path)), "{id} is missing");
        }
    }
    // Two of them only the older document describes.
    assert_eq!(OPERATIONS.len(), 144);
}

#[test]
fn operations_have_the_ids_of_the_newest_document() {
    let document = Document::new(documents::V2);
    let newest: Vec<&str> = document.operations().into_iter().map(|(id, ..)| id).collect();
    let only_older: Vec<&str> =
        OPERATIONS.iter().map(|row| row.id).filter(|id| !newest.contains(id)).collect();
    assert_eq!(only_older, ["pty.connect", "persistentPty.connect"]);
}

/// Method, target and JSON body of a request.
fn sent(request: &Request) -> (&'static str, String, Value) {
    let body = request.body.as_deref().map(|body| serde_json::from_slice(body).expect("JSON"));
    assert_eq!(request.content_type, body.as_ref().map(|_| "application/json"));
    (request.method.as_str(), request.target(), body.unwrap_or_default())
}

#[test]
fn a_prompt_has_the_body_that_the_server_wants() {
    let body = bodies::SessionPromptBody {
        id: Some("msg_1".into()),
        text: "hello".into(),
        delivery: Some(Delivery::Queue),
        ..Default::default()
    };
    let request = session::Prompt::new("ses_1", body).request().located(&Location::directory("/p"));
    let expected = json!({ "id": "msg_1", "text": "hello", "delivery": "queue" });
    // A session knows where it runs.
    assert_eq!(sent(&request), ("POST", "/api/session/ses_1/prompt".to_owned(), expected));
}

#[test]
fn a_location_is_named_in_brackets() {
    let location = Location::directory("/home/é x/50%41");
    let request = model::List::new().request().located(&location);
    // Unlike 1.x, these servers decode it once.
    let target = "/api/model?location%5Bdirectory%5D=%2Fhome%2F%C3%A9%20x%2F50%2541";
    assert_eq!(sent(&request), ("GET", target.to_owned(), Value::Null));
    assert_eq!(request.query, [("location[directory]".into(), "/home/é x/50%41".to_owned())]);
    assert_eq!(form::List::LOCATION, LocationStyle::Bracket);
    assert_eq!(server::Info::LOCATION, LocationStyle::None);
    let list = file::Find { limit: Some(5), ..file::Find::new("a&b") };
    let target = list.request().located(&Location::directory("/p")).target();
    assert_eq!(target, "/api/fs/find?query=a%26b&limit=5&location%5Bdirectory%5D=%2Fp");
}

#[test]
fn a_session_is_created_where_its_body_says() {
    assert_eq!(session::Create::LOCATION, LocationStyle::Body);
    const { assert!(session::Create::LOCATED) };
    let location = Location::directory("/p");
    let request = session::Create::new().request().located(&location);
    let expected = json!({ "location": { "directory": "/p" } });
    assert_eq!(sent(&request), ("POST", "/api/session".to_owned(), expected));
    // A location that is there already was meant.
    let there = LocationPublicRef { directory: "/q".into(), ..Default::default() };
    let body = bodies::SessionCreateBody { location: Some(there), ..Default::default() };
    let create = session::Create { body };
    assert_eq!(sent(&create.request().located(&location)).2, json!({ "location": { "directory": "/q" } }));
    let nowhere = session::Create::new().request().located(&Location::default());
    assert_eq!(nowhere.body.as_deref(), Some(&b"{}"[..]));
}

#[test]
fn sessions_are_listed_by_a_filter_that_is_no_location() {
    let list = session::List { directory: Some("/p q".into()), limit: Some(5), ..session::List::new() };
    assert_eq!(session::List::LOCATION, LocationStyle::None);
    let target = list.request().located(&Location::directory("/elsewhere")).target();
    assert_eq!(target, "/api/session?limit=5&directory=%2Fp%20q");
    let page = message::List { cursor: Some("a+b=".into()), ..message::List::new("ses_1") };
    assert_eq!(page.request().target(), "/api/session/ses_1/message?cursor=a%2Bb%3D");
}

#[test]
fn a_permission_is_answered() {
    let body = bodies::PermissionReplyBody {
        decision: PermissionReply::Reject,
        message: Some("use another way".into()),
        ..Default::default()
    };
    let request = permission::Reply::new("ses_1", "per_1", body).request();
    let expected = json!({ "decision": "reject", "message": "use another way" });
    assert_eq!(sent(&request), ("POST", "/api/session/ses_1/permission/per_1/reply".to_owned(), expected));
    assert_eq!(permission::Reply::RESPONSE, ResponseKind::Empty);
}

#[test]
fn a_form_is_answered_or_cancelled() {
    let answer = [("q0".to_owned(), json!("Red")), ("q1".to_owned(), json!(["a", "b"]))];
    let body = bodies::SessionFormReplyBody { answer: answer.into(), ..Default::default() };
    let request = session::form::Reply::new("ses_1", "frm_1", body).request();
    let expected = json!({ "answer": { "q0": "Red", "q1": ["a", "b"] } });
    assert_eq!(sent(&request), ("POST", "/api/session/ses_1/form/frm_1/reply".to_owned(), expected));
    let cancel =
        session::form::Cancel { message: Some("no".into()), ..session::form::Cancel::new("ses_1", "frm_1") };
    let expected = ("DELETE", "/api/session/ses_1/form/frm_1?message=no".to_owned(), Value::Null);
    assert_eq!(sent(&cancel.request()), expected);
    assert_eq!(session::form::List::new("ses_1").request().target(), "/api/session/ses_1/form");
}

#[test]
fn bytes_tickets_and_sockets_are_what_they_are() {
    let request = file::Write::new("a b.txt", b"\xff\0".to_vec()).request();
    assert_eq!(
        (request.method, request.target().as_str()),
        (Method::Post, "/api/experimental/fs/write?path=a%20b.txt")
    );
    assert_eq!(
        (request.body.as_deref(), request.content_type),
        (Some(&b"\xff\0"[..]), Some("application/octet-stream"))
    );
    let ticket = [("x-opencode-ticket".into(), "1".to_owned())];
    assert_eq!(pty::connect::Token::new("pty_1").request().headers, ticket);
    assert_eq!(experimental::persistent_pty::ConnectToken::new("pty_1").request().headers, ticket);
    assert_eq!(pty::Connect::RESPONSE, ResponseKind::WebSocket);
    assert_eq!(persistent_pty::Connect::RESPONSE, ResponseKind::WebSocket);
    assert_eq!(file::Read::new("src/é.rs").request().path, "/api/fs/read/src/%C3%A9.rs");
    assert_eq!(file::Read::RESPONSE, ResponseKind::Bytes);
}

#[test]
fn short_answers_of_a_real_server_are_understood() {
    let json = Some("application/json");
    let active = session::Active::decode(json, br#"{"data":{"ses_1":{"type":"running"}}}"#).expect("active");
    assert_eq!(active.data["ses_1"].kind, "running");
    let done = session::Interrupt::decode(json, br#"{"interrupted":true}"#).expect("interrupted");
    assert!(done.interrupted);
    let pending = br#"{"data":[{"id":"per_1","sessionID":"ses_1","action":"shell","resources":["ls -la"],"save":["ls *"],"source":{"type":"tool","messageID":"msg_1","id":"call_1"}}]}"#;
    let pending = permission::List::decode(json, pending).expect("requests");
    assert_eq!(pending.data[0].source.as_ref().map(|source| source.message_id.as_str()), Some("msg_1"));
    let forms = br#"{"data":[{"id":"frm_1","sessionID":"ses_1","title":"Questions","metadata":{"kind":"question"},"fields":[{"key":"q0","title":"Colour","type":"string","options":[{"value":"Red","label":"Red"}],"custom":true}]}]}"#;
    let forms = session::form::List::decode(json, forms).expect("forms");
    assert!(
        matches!(&forms.data[0].fields[..], [opencode_api::v2::FormField::String(field)] if field.key == "q0")
    );
    let queued = br#"{"data":{"id":"msg_1","sessionID":"ses_1","time":{"created":1795331534185},"type":"user","payload":{"text":"hello"},"delivery":"steer"}}"#;
    let queued = session::Prompt::decode(json, queued).expect("an entry of the inbox");
    assert_eq!((queued.data.id.as_str(), queued.data.payload.text.as_str()), ("msg_1", "hello"));
}

#[test]
fn a_failure_is_told_by_its_tag() {
    let settled =
        r#"{"_tag":"FormAlreadySettledError","id":"frm_1","message":"Form already settled: frm_1"}"#;
    let error: ApiError = serde_json::from_str(settled).expect("a failure");
    assert!(matches!(&error, ApiError::FormAlreadySettledError(error) if error.id == "frm_1"), "{error:?}");
    assert_eq!(serde_json::to_string(&error).expect("encodes").len(), settled.len());
    let newer: ApiError = serde_json::from_str(r#"{"_tag":"Dreamt","message":"m"}"#).expect("a failure");
    assert!(matches!(&newer, ApiError::Unknown(raw) if raw.text("message").as_deref() == Some("m")));
    assert_eq!(newer.kind(), "Dreamt");
}
