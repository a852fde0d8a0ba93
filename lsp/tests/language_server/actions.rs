//! Code actions: what is offered, and what comes of it with and without a plugin.

use std::time::Duration;

use opencode_nexus::chat::{ConversationOptions, Transcript};
use opencode_nexus::model::Role;
use opencode_nexus_testkit::language_client::{LanguageClient, address};
use opencode_nexus_testkit::server::TestServer;
use serde_json::{Value, json};

use super::{Desk, allowing, direct};

/// So long may a turn take.
const BOUND: Duration = Duration::from_secs(60);

/// Offers for the first line of a file, with one diagnostic there.
async fn offered(client: &LanguageClient, uri: &str) -> Vec<Value> {
    let line = json!({"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}});
    let problem = json!({"range": line, "message": "no such word", "severity": 1, "source": "spell"});
    let context = json!({"diagnostics": [problem], "triggerKind": 1});
    let asked = json!({"textDocument": {"uri": uri}, "range": line, "context": context});
    client.request("textDocument/codeAction", asked).await.unwrap().as_array().unwrap().clone()
}

async fn run(client: &LanguageClient, actions: &[Value], title: &str) {
    let is_it = |action: &&Value| action["title"].as_str().unwrap().starts_with(title);
    let action = actions.iter().find(is_it).unwrap_or_else(|| panic!("{title} is not in {actions:#?}"));
    client.request("workspace/executeCommand", action["command"].clone()).await.unwrap();
}

async fn shown(client: &LanguageClient) -> (String, String) {
    let notice = client.notice("the chat", |notice| notice.method == "nexus/chat/show").await.unwrap();
    let word =
        |name: &str| notice.params[name].as_str().unwrap_or_else(|| panic!("{:?}", notice.params)).to_owned();
    (word("sessionId"), word("turnId"))
}

/// Waits until a session has an answer that is complete, and the language server knows it.
async fn until_idle(client: &LanguageClient, server: &TestServer, session: &str) {
    let conversation = direct(server).await.open(session, ConversationOptions::default()).await.unwrap();
    let mut feed = conversation.subscribe();
    let answered = |t: &Transcript| {
        let answer = t.messages().last().filter(|message| message.role == Role::Assistant);
        t.status().is_idle() && answer.is_some_and(|answer| answer.completed.is_some())
    };
    let waiting = async {
        while !conversation.with_transcript(answered) {
            feed.next().await.unwrap().unwrap();
        }
        while client.request("nexus/status", json!({})).await.unwrap()["roots"][0]["turns"] != 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(BOUND, waiting).await.unwrap();
}

#[tokio::test]
async fn fixing_begins_in_the_chat_of_the_editor_and_the_next_action_goes_on_there() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let uri = address(&server.directory.join("hello.txt"));
    client.open(&uri, "plaintext", "hello\n");
    let actions = offered(&client, &uri).await;
    run(&client, &actions, "Fix with OpenCode: no such word").await;
    let (session, _) = shown(&client).await;
    until_idle(&client, &server, &session).await;
    let sent = server.model.prompts().last().unwrap().body.to_string();
    for part in ["Fix the problems below", "line 1, error: no such word (spell)", "hello.txt"] {
        assert!(sent.contains(part), "{part} is not in {sent}");
    }

    // What is not saved is what counts.
    client.type_in(&uri, 0..5, "unsaved words").unwrap();
    run(&client, &actions, "Explain the selection").await;
    let (again, _) = shown(&client).await;
    assert_eq!(again, session);
    until_idle(&client, &server, &session).await;
    let sent = server.model.prompts().last().unwrap().body.to_string();
    assert!(sent.contains("Explain this code") && sent.contains("unsaved words"), "{sent}");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn an_editor_without_a_chat_gets_a_chat_file() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    let uri = address(&server.directory.join("hello.txt"));
    client.open(&uri, "plaintext", "hello\n");
    let actions = offered(&client, &uri).await;
    run(&client, &actions, "Explain the selection").await;
    let asked = async {
        while server.model.prompts().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(BOUND, asked).await.unwrap();
    let sent = server.model.prompts().last().unwrap().body.to_string();
    assert!(sent.contains("Explain this code") && sent.contains("hello.txt"), "{sent}");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_file_outside_of_the_workspace_is_one_clear_message() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let uri = "file:///somewhere/else.txt";
    client.open(uri, "plaintext", "hello\n");
    run(&client, &offered(&client, uri).await, "Explain the selection").await;
    client.notice("the message", |notice| notice.says("in no folder of the workspace")).await.unwrap();
    client.finish().await.unwrap();
}
