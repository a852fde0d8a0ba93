//! Operations that are called by their ids: the same requests as those of the types.
use opencode_api::v1::operations::{find, session};
use opencode_api::v1::{OPERATIONS, bodies};
use opencode_api::{
    DecodeErrorKind, JsonObject, Location, Operation, OperationInfo, ParameterPlace, Request, Value, v2,
};
use serde_json::json;

fn row(id: &str) -> &'static OperationInfo {
    OPERATIONS.iter().chain(v2::OPERATIONS).find(|row| row.id == id).expect("an operation")
}

fn request(id: &str, arguments: Value) -> Request {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    row(id).request(arguments).expect("a request")
}

fn refused(id: &str, arguments: Value) -> String {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    row(id).request(arguments).expect_err("a refusal").to_string()
}

#[test]
fn a_request_is_the_same_whether_it_is_made_from_a_type_or_from_an_id() {
    let typed = session::List { limit: Some(5), roots: Some(true), ..session::List::new() }.request();
    // The order of query parameters is that of the document.
    assert_eq!(request("session.list", json!({"limit": 5, "roots": true})).target(), typed.target());
    let typed = session::Get::new("ses 1/é").request();
    assert_eq!(request("session.get", json!({"sessionID": "ses 1/é"})), typed);
    let typed = find::Text::new("a b").request();
    assert_eq!(request("find.text", json!({"pattern": "a b"})), typed);
    let body = bodies::SessionUpdateBody { title: Some("t".into()), ..Default::default() };
    let typed = session::Update { body, ..session::Update::new("ses_1") }.request();
    assert_eq!(request("session.update", json!({"sessionID": "ses_1", "body": {"title": "t"}})), typed);
    assert_eq!(request("session.create", json!({})), session::Create::new().request());
    let typed = v2::operations::file::Write::new("a", b"\0\xff".to_vec()).request();
    assert_eq!(request("file.write", json!({"path": "a", "body": "AP8="})), typed);
    let typed = v2::operations::pty::connect::Token::new("pty_1").request();
    assert_eq!(request("pty.connect.token", json!({"ptyID": "pty_1"})), typed);
}

#[test]
fn every_operation_of_both_lines_can_be_called_with_what_it_requires_and_not_without() {
    for row in OPERATIONS.iter().chain(v2::OPERATIONS) {
        let all: JsonObject = (row.parameters.iter().filter(|p| p.required))
            .map(|p| {
                let value = if p.place == ParameterPlace::Body { json!({}) } else { json!("eA==") };
                (p.name.to_owned(), value)
            })
            .collect();
        let made = row.request(all.clone()).expect(row.id).located(&Location::directory("/p"));
        assert!(!made.path.contains(['{', '*']), "{}: {}", row.id, made.path);
        assert_eq!(made.headers.len(), row.headers.len());
        for name in all.keys() {
            let mut without = all.clone();
            without.remove(name);
            let error = row.request(without).expect_err(row.id);
            assert_eq!(error.to_string(), format!("the argument `{name}` is missing"));
        }
    }
}

#[test]
fn what_cannot_be_sent_is_named() {
    for (id, arguments, said) in [
        (
            "session.get",
            json!({"sessionID": ""}),
            "the argument `sessionID` must be a text that is not empty",
        ),
        (
            "session.get",
            json!({"sessionID": ["x"]}),
            "the argument `sessionID` must be a text that is not empty",
        ),
        ("session.get", json!({"sessionID": null}), "the argument `sessionID` is missing"),
        ("session.get", json!({"sessionID": "x", "a\nb": 1}), "the argument `a\\nb` is unknown"),
        (
            "session.list",
            json!({"limit": {}}),
            "the argument `limit` must be a text, a number, or true or false",
        ),
        ("file.write", json!({"path": "a", "body": "?"}), "the argument `body` must be base64 text"),
    ] {
        assert_eq!(refused(id, arguments), said);
    }
}

#[test]
fn a_whole_number_is_written_without_a_point_and_null_is_nothing() {
    let target = request("session.list", json!({"limit": 5.0, "search": null})).target();
    assert_eq!(target, "/session?limit=5");
    assert_eq!(request("session.list", json!({"start": 1.5})).target(), "/session?start=1.5");
}

#[test]
fn an_answer_is_looked_at_without_a_type() {
    let row = row("session.get");
    assert_eq!(row.check(Some("application/json"), br#"{"anything": 1}"#), Ok(()));
    let kind = |content_type, body| row.check(content_type, body).map_err(|error| error.kind());
    assert_eq!(kind(Some("text/html;charset=UTF-8"), b"{}"), Err(DecodeErrorKind::ContentType));
    for broken in [&b"{\"cut"[..], b"", b"{} {}", b"\"\xff\""] {
        assert_eq!(kind(None, broken), Err(DecodeErrorKind::Syntax));
    }
}
