//! Ghost text: off unless it is turned on, one at a time, and nothing stays of it.

use std::time::Duration;

use opencode_nexus::dialect::SessionFilter;
use opencode_nexus_testkit::language_client::{ClientOptions, LanguageClient, address};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::{Value, json};

use super::{Desk, direct};

/// So long may it take until a session is deleted.
const GONE: Duration = Duration::from_secs(20);

async fn server() -> TestServer {
    let hangs = vec![vec![Action::text("never"), Action::hang()]];
    let behaviour = Behaviour::new(vec![
        Conversation::new("(?s)^Complete the text.*let slow = ", hangs),
        Conversation::new("(?s)^Complete the text", vec![vec![Action::text("```rust\n1 + 2;\n```")]]),
    ]);
    TestServer::start(TestServerOptions { snapshot: false, ..TestServerOptions::with(behaviour) })
        .await
        .unwrap()
}

async fn editor(server: &TestServer, desk: &Desk, is_on: bool) -> LanguageClient {
    let mut command = desk.command();
    if is_on {
        command.env("NEXUS_EDITOR_INLINE", "true");
    }
    LanguageClient::start(command, ClientOptions::in_folders([&*server.directory])).await.unwrap()
}

fn at(uri: &str, character: u32, trigger: u32) -> Value {
    json!({
        "textDocument": {"uri": uri},
        "position": {"line": 1, "character": character},
        "context": {"triggerKind": trigger},
    })
}

/// Waits until the server has no session.
async fn until_none(server: &TestServer) {
    let direct = direct(server).await;
    let until = tokio::time::Instant::now() + GONE;
    loop {
        let sessions = direct.sessions(&SessionFilter::default()).await.unwrap();
        if sessions.is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{sessions:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_suggestion_is_what_belongs_at_the_cursor_and_its_session_is_deleted() {
    let server = server().await;
    let desk = Desk::beside(&server);
    let client = editor(&server, &desk, true).await;
    let uri = address(&server.directory.join("a.rs"));
    client.open(&uri, "rust", "fn main() {\n    let x = ;\n}\n");
    // The cursor stands before the semicolon, which the model repeats.
    let answer = client.request("textDocument/inlineCompletion", at(&uri, 12, 1)).await.unwrap();
    assert_eq!(answer[0]["insertText"], "1 + 2");
    assert_eq!(answer[0]["range"]["start"], json!({"line": 1, "character": 12}));
    until_none(&server).await;
    client.finish().await.unwrap();
}

#[tokio::test]
async fn it_is_off_unless_somebody_turns_it_on() {
    let server = server().await;
    let desk = Desk::beside(&server);
    let client = editor(&server, &desk, false).await;
    let uri = address(&server.directory.join("a.rs"));
    client.open(&uri, "rust", "fn main() {\n    let x = ;\n}\n");
    assert_eq!(client.request("textDocument/inlineCompletion", at(&uri, 12, 1)).await.unwrap(), Value::Null);
    assert_eq!(server.model.prompts().len(), 0);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_newer_request_and_taking_it_back_stop_the_model_and_delete_the_session() {
    let server = server().await;
    let desk = Desk::beside(&server);
    let client = editor(&server, &desk, true).await;
    let uri = address(&server.directory.join("a.rs"));
    client.open(&uri, "rust", "fn main() {\n    let slow = ;\n}\n");
    let older = client.begin("textDocument/inlineCompletion", at(&uri, 15, 1));
    let newer = client.begin("textDocument/inlineCompletion", at(&uri, 15, 1));
    assert_eq!(client.answer("the older one", older).await.unwrap(), Value::Null);
    client.notify("$/cancelRequest", json!({"id": newer.id}));
    let answer = client.answer("the newer one", newer).await.unwrap_err();
    assert_eq!(answer.answered().map(|(code, _)| code), Some(-32800), "{answer}");
    until_none(&server).await;
    client.finish().await.unwrap();
}
