//! Bytes that are no messages, and messages at the wrong time: an answer that says so where there can be one, and the
//! language server stays.

use std::time::Duration;

use opencode_nexus_testkit::language_client::{ClientOptions, Failure, LanguageClient, encode, with_header};
use serde_json::{Value, json};

use super::Desk;

/// How long a ping that may have been swallowed is waited for, before the next one is sent.
const PATIENCE: Duration = Duration::from_millis(250);

async fn editor(desk: &Desk) -> LanguageClient {
    let folder = desk.path("home");
    let client = desk.chat(&folder).await;
    client.tolerate_nameless();
    client
}

/// Whether it answers again. Behind a header that promises more than comes, the next messages are what it promised: so one
/// asks several times.
async fn answers(client: &LanguageClient) -> bool {
    for _ in 0..100 {
        let ping = client.request("nexus/ping", json!({}));
        match tokio::time::timeout(PATIENCE, ping).await {
            Ok(Ok(_)) => return true,
            Ok(Err(_)) => return false,
            Err(_) => {}
        }
    }
    false
}

/// Waits for the answer without a number that something unreadable gets.
async fn complaint(client: &LanguageClient, about: &str) -> Failure {
    let failure = client.nameless(about).await.unwrap();
    let code = failure.answered().map(|(code, _)| code);
    // JSON-RPC 2.0: parse error, or invalid request.
    assert!(matches!(code, Some(-32700 | -32600)), "{about}: {failure}");
    failure
}

#[tokio::test]
async fn a_message_that_is_cut_anywhere_is_answered_with_an_error_and_the_next_one_is_read() {
    let desk = Desk::alone();
    let client = editor(&desk).await;
    let whole = json!({"jsonrpc": "2.0", "id": 7, "method": "nexus/ping", "params": {"a": ["é", 1.5, null]}})
        .to_string();
    for cut in 1..whole.len() {
        client.raw(with_header(&whole.as_bytes()[..cut]));
        complaint(&client, &format!("cut at {cut}")).await;
    }
    assert!(answers(&client).await);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn whatever_byte_of_a_message_is_changed_the_next_one_is_read() {
    let desk = Desk::alone();
    let client = editor(&desk).await;
    // No answer can be expected by name: the number, or the method, may be what was changed.
    client.tolerate_unexpected();
    let whole =
        json!({"jsonrpc": "2.0", "id": 900_000, "method": "nexus/ping", "params": {"a": "é"}}).to_string();
    for at in 0..whole.len() {
        for byte in [0, b'"', b'{', b'}', b'9', 0xff] {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] = byte;
            client.raw(with_header(&bytes));
        }
        client.request("nexus/ping", json!({})).await.unwrap();
    }
    client.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_json_but_no_request_is_answered_with_an_error() {
    let desk = Desk::alone();
    let client = editor(&desk).await;
    for message in [
        json!(null),
        json!([]),
        json!(17),
        json!("text"),
        json!({}),
        json!({"jsonrpc": "2.0"}),
        json!({"jsonrpc": "1.0", "id": {"a": 1}, "method": 5}),
        json!({"id": [], "method": "nexus/ping"}),
        json!({"jsonrpc": "2.0", "method": {"a": 1}}),
    ] {
        client.raw(encode(&message));
        complaint(&client, &message.to_string()).await;
    }
    // An answer to a question that was never asked is let go.
    client.raw(encode(&json!({"jsonrpc": "2.0", "id": 12345, "result": null})));
    assert!(answers(&client).await);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn after_a_bad_header_it_finds_its_way_back() {
    let desk = Desk::alone();
    let headers: [&[u8]; 12] = [
        b"\r\n\r\n",
        b"\n\n\n",
        b"Content-Length\r\n\r\n{}",
        b"Content-Length: \r\n\r\n{}",
        b"Content-Length: -5\r\n\r\n{}",
        b"Content-Length: many\r\n\r\n{}",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 99999999999999999999999999\r\n\r\n{}",
        b"Content-Type: text/plain; charset=latin1\r\n\r\n{}",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\xff\xfe\x00\x00 no text at all \x80\r\n\r\n",
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"nexus/ping\"}\n",
    ];
    for header in headers {
        let client = editor(&desk).await;
        client.raw(header);
        assert!(answers(&client).await, "{}\n{}", String::from_utf8_lossy(header), client.log());
        client.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_header_that_promises_gigabytes_costs_no_memory_and_is_not_waited_for() {
    let desk = Desk::alone();
    for length in ["2000000000", "4294967296", "99999999999", "9223372036854775807"] {
        let client = editor(&desk).await;
        client.raw(format!("Content-Length: {length}\r\n\r\n{{}}"));
        assert!(answers(&client).await, "{length}\n{}", client.log());
        let resident = super::resident_kb(client.pid().unwrap());
        assert!(resident < 200_000, "{length}: {resident} kB");
        client.finish().await.unwrap();
    }
}

#[tokio::test]
async fn texts_and_numbers_that_cannot_be_read_are_answered_with_an_error() {
    let desk = Desk::alone();
    let client = editor(&desk).await;
    let params = |inner: &[u8]| {
        let head: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nexus/ping\",\"params\":[";
        [head, inner, b"]}"].concat()
    };
    let deep = ["[".repeat(200), "]".repeat(200)].concat();
    let bad: [&[u8]; 5] = [b"\"\xff\xfe\"", b"\"\\ud83d\"", b"1e999", b"\"\n\"", deep.as_bytes()];
    for inner in bad {
        client.raw(with_header(&params(inner)));
        complaint(&client, &String::from_utf8_lossy(inner)).await;
    }
    assert!(answers(&client).await);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn nothing_but_initialize_is_served_before_it_and_nothing_after_shutdown() {
    let desk = Desk::alone();
    let client = LanguageClient::spawn(desk.command(), ClientOptions::in_folders([])).unwrap();
    let code = |failure: Failure| failure.answered().map(|(code, _)| code);
    for method in ["nexus/ping", "nexus/chat/send", "textDocument/completion", "shutdown"] {
        let failure = client.request(method, json!({})).await.unwrap_err();
        // LSP 3.18, ServerNotInitialized
        assert_eq!(code(failure), Some(-32002), "{method}");
    }
    client.notify(
        "textDocument/didOpen",
        json!({"textDocument": {"uri": "file:///a", "languageId": "x", "version": 1, "text": ""}}),
    );
    client.initialize().await.unwrap();
    client.request("nexus/ping", json!({})).await.unwrap();
    let twice = client.request("initialize", json!({"capabilities": {}})).await.unwrap_err();
    assert_eq!(code(twice), Some(-32600));
    client.request("shutdown", Value::Null).await.unwrap();
    let failure = client.request("nexus/ping", json!({})).await.unwrap_err();
    assert_eq!(code(failure), Some(-32600), "LSP 3.18, shutdown");
    client.notify("exit", Value::Null);
    assert!(client.hang_up().await.unwrap().success());
}

#[tokio::test]
async fn exit_without_shutdown_is_an_exit_code() {
    let desk = Desk::alone();
    let client = editor(&desk).await;
    client.notify("exit", Value::Null);
    // LSP 3.18, exit
    assert_eq!(client.hang_up().await.unwrap().code(), Some(1));
}
