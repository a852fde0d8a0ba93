//! Well-formed messages with nonsense in them: each is answered once, clearly, and the language server stays.

use opencode_nexus_testkit::language_client::{Failure, LanguageClient, address};
use opencode_nexus_testkit::server::TestServer;
use serde_json::{Value, json};

use super::{Desk, allowing, refused};

/// Every request that the language server knows.
const REQUESTS: &[&str] = &[
    "nexus/chat/send",
    "nexus/chat/cancel",
    "nexus/chat/subscribe",
    "nexus/chat/unsubscribe",
    "nexus/chat/replay",
    "nexus/session/list",
    "nexus/session/create",
    "nexus/session/fork",
    "nexus/session/revert",
    "nexus/session/rename",
    "nexus/session/delete",
    "nexus/session/search",
    "nexus/models",
    "nexus/agents",
    "nexus/commands",
    "nexus/permission/reply",
    "nexus/question/reply",
    "nexus/review/list",
    "nexus/review/decide",
    "nexus/context/suggest",
    "nexus/status",
    "nexus/ping",
    "textDocument/completion",
    "completionItem/resolve",
    "textDocument/codeAction",
    "textDocument/codeLens",
    "textDocument/inlineCompletion",
    "workspace/executeCommand",
    "workspace/textDocumentContent",
];

/// Every notification.
const NOTIFICATIONS: &[&str] = &[
    "initialized",
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didClose",
    "textDocument/didSave",
    "workspace/didChangeConfiguration",
    "workspace/didChangeWorkspaceFolders",
    "workspace/didChangeWatchedFiles",
    "$/cancelRequest",
    "$/setTrace",
    "$/progress",
    "window/workDoneProgress/cancel",
    "nexus/nonsense",
];

fn nonsense() -> Vec<Value> {
    let deep = (0..30).fold(json!(1), |inner, _| json!({ "a": [inner] }));
    let uri = "file:///nowhere/at/all";
    let everywhere =
        json!({"start": {"line": u32::MAX, "character": u32::MAX}, "end": {"line": 0, "character": 0}});
    vec![
        Value::Null,
        json!([]),
        json!([1, "two", null]),
        json!({}),
        json!({"root": 5}),
        json!({"root": "not an address"}),
        json!({"root": "http://example.org/x", "sessionId": "ses_x"}),
        json!({"root": uri, "sessionId": {"a": 1}, "parts": "text", "partialResultToken": []}),
        json!({"root": uri, "sessionId": "ses_x/../..", "parts": [], "partialResultToken": 1, "messageId": "x", "title": "",
            "query": "\"", "typed": "@", "permissionId": "x", "questionId": "x", "reply": "perhaps", "decisions": [{}],
            "subscriptionId": "none"}),
        json!({"root": uri, "sessionId": "ses_x", "parts": [{"type": "hologram"}]}),
        json!({"textDocument": {"uri": uri}, "position": {"line": -1, "character": 0}, "range": everywhere, "context": {}}),
        json!({"textDocument": {"uri": uri, "version": 1}, "position": {"line": u32::MAX, "character": u32::MAX},
            "range": everywhere, "context": {"diagnostics": [], "triggerKind": 1}}),
        json!({"textDocument": {"uri": "", "languageId": 3, "version": "x", "text": []}, "contentChanges": 1}),
        json!({"command": "nexus.server.send", "arguments": [uri]}),
        json!({"command": "nexus.server.accept", "arguments": [{"a": 1}, 2]}),
        json!({"command": "rm", "arguments": null}),
        json!({"uri": "nexus://session/none.md"}),
        json!({"uri": "nexus:", "label": 1}),
        json!({"label": "x", "data": {"nexus": 1}}),
        json!({"token": "nobody", "value": 1, "id": "nobody", "event": [], "settings": 1, "changes": {}}),
        deep,
    ]
}

/// A person is shown what went wrong with a command that an editor ran; one line each.
fn look_at_messages(client: &LanguageClient) {
    for notice in client.notices(|notice| notice.says("")) {
        assert!(!notice.message().contains('\n'), "{}", notice.message());
    }
}

#[tokio::test]
async fn wrong_parameters_of_every_method_are_answered_once_and_clearly() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    for method in REQUESTS {
        for params in nonsense() {
            match client.request(method, params.clone()).await {
                Ok(_) => {}
                Err(Failure::Answered { code, message, .. }) => {
                    assert!(!message.trim().is_empty(), "{method} {params}: {code}");
                    // An internal error is a panic that was caught, or one that nobody has thought of.
                    assert_ne!(code, -32603, "{method} {params}: {message}");
                    assert!(!message.trim_end().contains('\n'), "{method} {params}: {message}");
                }
                Err(other) => panic!("{method} {params}: {other}"),
            }
        }
        look_at_messages(&client);
    }
    client.request("nexus/ping", json!({})).await.unwrap();
    look_at_messages(&client);
    client.tolerate_notices();
    client.finish().await.unwrap();
}

#[tokio::test]
async fn wrong_parameters_of_notifications_are_let_go() {
    let desk = Desk::alone();
    let client = desk.chat(&desk.path("home")).await;
    for method in NOTIFICATIONS {
        for params in nonsense() {
            client.notify(method, params);
        }
        client.request("nexus/ping", json!({})).await.unwrap();
    }
    look_at_messages(&client);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn an_unknown_method_is_answered_with_its_name() {
    let desk = Desk::alone();
    let client = desk.chat(&desk.path("home")).await;
    for method in ["nexus/nonsense", "textDocument/teleport", "nexus/$malformed/not", "$/unknown"] {
        let failure = refused(&client, method, json!({})).await;
        assert_eq!(failure.answered().map(|(code, _)| code), Some(-32601), "{method}: {failure}");
    }
    client.notify("nexus/nonsense", json!({}));
    client.notify("$/unknown", json!({}));
    client.request("nexus/ping", json!({})).await.unwrap();
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_document_of_50_mb_is_opened_changed_and_completed_in_bounded_memory() {
    let desk = Desk::alone();
    let folder = desk.path("home");
    let client = desk.plain(&folder).await;
    let uri = address(&folder.join("large.md"));
    let line = "A line with an é and a 😀 that is repeated until the document is large enough.\n";
    let mut text = line.repeat(50_000_000 / line.len());
    text.push('@');
    client.open(&uri, "markdown", &text);
    client.request("nexus/ping", json!({})).await.unwrap();
    for _ in 0..50 {
        client.type_in(&uri, 12..12, "x").unwrap();
    }
    let document = client.document(&uri).unwrap();
    let end = opencode_nexus_testkit::language_client::position(&document.text, document.text.len());
    for method in ["textDocument/completion", "textDocument/codeLens"] {
        let params = json!({"textDocument": {"uri": uri}, "position": end});
        client.request(method, params).await.unwrap();
    }
    let range = json!({"start": {"line": 0, "character": 0}, "end": end});
    let params = json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []}});
    client.request("textDocument/codeAction", params).await.unwrap();
    let resident = super::resident_kb(client.pid().unwrap());
    assert!(resident < 600_000, "{resident} kB");
    client.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    client.request("nexus/ping", json!({})).await.unwrap();
    look_at_messages(&client);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn positions_outside_of_a_text_and_in_the_middle_of_a_character_break_nothing() {
    let desk = Desk::alone();
    let folder = desk.path("home");
    let client = desk.plain(&folder).await;
    let uri = address(&folder.join("small.md"));
    let text = "é😀@\r\n\n😀";
    let numbers = [0, 1, 2, 3, 4, 5, 999, u32::MAX];
    let mut version = 1;
    for line in numbers {
        for character in numbers {
            client.open(&uri, "markdown", text);
            let position = json!({"line": line, "character": character});
            let named = json!({"uri": uri});
            let at = json!({"textDocument": named, "position": position, "context": {"triggerKind": 1}});
            client.request("textDocument/completion", at.clone()).await.unwrap();
            client.request("textDocument/inlineCompletion", at).await.unwrap();
            for (start, end) in
                [(position.clone(), position.clone()), (position, json!({"line": 0, "character": 0}))]
            {
                let range = json!({"start": start, "end": end});
                let params = json!({"textDocument": named, "range": range, "context": {"diagnostics": []}});
                client.request("textDocument/codeAction", params).await.unwrap();
                version += 1;
                let document = json!({"uri": uri, "version": version});
                let change =
                    json!({"textDocument": document, "contentChanges": [{"range": range, "text": "x😀"}]});
                client.notify("textDocument/didChange", change);
            }
            client.request("nexus/ping", json!({})).await.unwrap();
            client.notify("textDocument/didClose", json!({ "textDocument": named }));
        }
    }
    client.finish().await.unwrap();
}
