//! What an editor without a plugin has in its documents: chats in Markdown files, completion, code actions, review.

use opencode_nexus_testkit::language_client::{Choice, ClientOptions, LanguageClient, address, position};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::{Value, json};

use super::{Desk, allowing, asking, say};

/// An editor without any plugin that tells the server's edits back at once, or a moment later.
async fn plain_editor(server: &TestServer, echo_edits: bool) -> LanguageClient {
    let options = ClientOptions { echo_edits, ..ClientOptions::in_folders([server.directory.as_path()]) };
    LanguageClient::start(Desk::beside(server).command(), options).await.unwrap()
}

/// Makes a chat by the command for that; its address.
async fn new_chat(client: &LanguageClient, server: &TestServer) -> String {
    execute(client, "nexus.server.newChat", json!([address(&server.directory)])).await;
    client.until_shown().await.unwrap()
}

async fn execute(client: &LanguageClient, command: &str, arguments: Value) {
    let params = json!({"command": command, "arguments": arguments});
    client.request("workspace/executeCommand", params).await.unwrap();
}

/// Writes at the end of a document.
fn write(client: &LanguageClient, uri: &str, text: &str) {
    let end = client.document(uri).unwrap().text.len();
    client.type_in(uri, end..end, text).unwrap();
}

/// Runs the lens whose title or command holds this, of those that a document has now; waits until there is one.
async fn press(client: &LanguageClient, uri: &str, command: &str) {
    let bound = tokio::time::Instant::now() + super::REST;
    loop {
        let params = json!({"textDocument": {"uri": uri}});
        let lenses = client.request("textDocument/codeLens", params).await.unwrap();
        let wanted =
            lenses.as_array().into_iter().flatten().find(|lens| lens["command"]["command"] == command);
        if let Some(lens) = wanted {
            return execute(client, command, lens["command"]["arguments"].clone()).await;
        }
        assert!(tokio::time::Instant::now() < bound, "no lens {command} among {lenses}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Waits until an answer is complete: the person has the next word under a new heading.
async fn until_answered(client: &LanguageClient, uri: &str, turns: usize, word: &str) -> String {
    let done = |text: &str| text.contains(word) && text.matches("## You").count() > turns;
    client.until_document(uri, &format!("the answer with `{word}`"), done).await.unwrap()
}

#[tokio::test]
async fn a_chat_in_a_file_is_sent_by_its_lens_and_answered_below() {
    let server = TestServer::start(allowing()).await.unwrap();
    for echo_edits in [true, false] {
        let client = plain_editor(&server, echo_edits).await;
        let uri = new_chat(&client, &server).await;
        write(&client, &uri, "Hello é 😀 from a file");
        press(&client, &uri, "nexus.server.send").await;
        until_answered(&client, &uri, 1, "Echo: Hello é 😀 from a file").await;
        write(&client, &uri, "SLOW please");
        press(&client, &uri, "nexus.server.send").await;
        let text = until_answered(&client, &uri, 2, "It begins. ").await;
        assert_eq!(text.matches("It begins.").count(), 1, "{text}");
        client.tolerate_notices();
        client.finish().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_in_a_file_is_stopped_by_its_lens() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    let uri = new_chat(&client, &server).await;
    write(&client, &uri, "HANG please");
    press(&client, &uri, "nexus.server.send").await;
    client.until_document(&uri, "its beginning", |text| text.contains("It begins.")).await.unwrap();
    press(&client, &uri, "nexus.server.stop").await;
    until_answered(&client, &uri, 1, "It begins.").await;
    client.tolerate_notices();
    client.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_typed_while_an_answer_streams_stays() {
    let server = TestServer::start(allowing()).await.unwrap();
    for (turns, echo_edits) in [(1, true), (2, false)] {
        let client = plain_editor(&server, echo_edits).await;
        let uri = new_chat(&client, &server).await;
        write(&client, &uri, "SLOW please");
        press(&client, &uri, "nexus.server.send").await;
        client.until_document(&uri, "its beginning", |text| text.contains("It begins.")).await.unwrap();
        // Above the answer, while it grows: in what was asked.
        for _ in 0..10 {
            let before = client.document(&uri).unwrap();
            let at = before.text.find("SLOW please").unwrap();
            client.type_in(&uri, at..at, "x").unwrap();
            let more = |text: &str| text.len() > before.text.len() + 1;
            client.until_document(&uri, "more of it", more).await.unwrap();
        }
        let text = until_answered(&client, &uri, 1, "It begins.").await;
        assert!(text.contains("xxxxxxxxxxSLOW please"), "{text}");
        assert_eq!(server.model.prompts().len(), turns, "nothing was sent twice");
        client.tolerate_notices();
        client.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_permission_in_a_file_chat_is_a_message_with_buttons() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    let uri = new_chat(&client, &server).await;
    client.choose(Choice::press("Allow"));
    write(&client, &uri, "BASH it");
    press(&client, &uri, "nexus.server.send").await;
    until_answered(&client, &uri, 1, "It ran.").await;
    client.tolerate_notices();
    client.finish().await.unwrap();
}

#[tokio::test]
async fn the_bytes_of_an_answer_in_a_file_grow_with_its_length_and_not_faster() {
    let answer = |times: usize| {
        let words = Action { chunk: Some(60), ..Action::tokens(400 * times, 5) };
        Conversation::new(&format!("^LENGTH {times} "), vec![vec![words, Action::text("\n\nThat is all.")]])
    };
    let behaviour = Behaviour::new([1, 10, 100].map(answer).to_vec());
    let server = TestServer::start(TestServerOptions { behaviour, ..allowing() }).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    let mut bytes = Vec::new();
    for times in [1, 10, 100] {
        let uri = new_chat(&client, &server).await;
        write(&client, &uri, &format!("LENGTH {times} please"));
        let before = client.bytes_read();
        press(&client, &uri, "nexus.server.send").await;
        until_answered(&client, &uri, 1, "That is all.").await;
        bytes.push((client.bytes_read() - before) as f64);
    }
    let growth = [bytes[1] / bytes[0], bytes[2] / bytes[1]];
    assert!(growth.iter().all(|times| *times < 13.0), "{bytes:?}, {growth:.2?}");
    client.tolerate_notices();
    client.finish().await.unwrap();
}

/// What is offered at the end of a document.
async fn completed(client: &LanguageClient, uri: &str) -> Vec<Value> {
    let text = client.document(uri).unwrap().text;
    let at = position(&text, text.len());
    let params = json!({"textDocument": {"uri": uri}, "position": at});
    let answer = client.request("textDocument/completion", params).await.unwrap();
    let items = answer.get("items").unwrap_or(&answer);
    items.as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn files_providers_and_commands_are_completed_in_a_chat() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    let uri = new_chat(&client, &server).await;
    write(&client, &uri, "Look at @hel");
    let holds = |items: &[Value], word: &str| {
        items.iter().any(|item| item["label"].as_str().is_some_and(|l| l.contains(word)))
    };
    let items = completed(&client, &uri).await;
    assert!(holds(&items, "hello.txt"), "{items:?}");
    let file =
        items.iter().find(|item| item["label"].as_str().is_some_and(|l| l.contains("hello.txt"))).unwrap();
    client.request("completionItem/resolve", file.clone()).await.unwrap();
    write(&client, &uri, "\n@git");
    let items = completed(&client, &uri).await;
    assert!(holds(&items, "git-diff"), "{items:?}");
    write(&client, &uri, "\n\n/");
    let text = client.document(&uri).unwrap().text;
    let at = text.find("Look at").unwrap();
    client.type_in(&uri, at..text.len(), "/in").unwrap();
    let items = completed(&client, &uri).await;
    assert!(holds(&items, "init"), "{items:?}");
    client.tolerate_notices();
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_code_action_begins_a_conversation_with_the_diagnostic() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    let path = server.directory.join("broken.rs");
    std::fs::write(&path, "fn main() { let x: u8 = 300; }\n").unwrap();
    let uri = address(&path);
    client.open(&uri, "rust", "fn main() { let x: u8 = 300; }\n");
    let range = json!({"start": {"line": 0, "character": 24}, "end": {"line": 0, "character": 27}});
    let diagnostic =
        json!({"range": range, "severity": 1, "source": "rustc", "message": "literal out of range for `u8`"});
    let params =
        json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": [diagnostic]}});
    let actions = client.request("textDocument/codeAction", params).await.unwrap();
    let command = |action: &Value| action["command"]["command"].as_str().map(str::to_owned);
    let commands: Vec<String> = actions.as_array().unwrap().iter().filter_map(command).collect();
    for wanted in ["explain", "fix", "tests", "document", "reviewSelection"] {
        assert!(commands.contains(&format!("nexus.server.{wanted}")), "{wanted}: {actions}");
    }
    let fix = actions
        .as_array()
        .unwrap()
        .iter()
        .find(|a| command(a).as_deref() == Some("nexus.server.fix"))
        .unwrap();
    execute(&client, "nexus.server.fix", fix["command"]["arguments"].clone()).await;
    let chat = client.until_shown().await.unwrap();
    client.until_document(&chat, "an answer", |text| text.contains("Echo:")).await.unwrap();
    let asked = server.model.prompts()[0].body.to_string();
    assert!(asked.contains("literal out of range") && asked.contains("300"), "{asked}");
    client.tolerate_notices();
    client.finish().await.unwrap();
}

#[tokio::test]
async fn one_change_of_a_session_is_rejected_through_the_editor() {
    let edit = |old: &str, new: &str| {
        let args = json!({"filePath": "list.txt", "oldString": old, "newString": new});
        Action::tool("edit", args)
    };
    let read = Action::tool("read", json!({"filePath": "list.txt"}));
    let turns = vec![
        vec![read],
        vec![edit("two", "TWO")],
        vec![edit("nineteen", "NINETEEN")],
        vec![Action::text("Done.")],
    ];
    let behaviour = Behaviour::new(vec![Conversation::new("^EDIT", turns)]);
    let options = TestServerOptions { behaviour, snapshot: true, ..allowing() };
    let server = TestServer::start(options).await.unwrap();
    let path = server.directory.join("list.txt");
    let words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen";
    let before = words.replace(' ', "\n") + "\n";
    std::fs::write(&path, &before).unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let (session, _) = say(&client, &server.directory, None, "EDIT it").await;
    let after = std::fs::read_to_string(&path).unwrap();
    assert_eq!(after, before.replace("two", "TWO").replace("nineteen", "NINETEEN"));

    let which = json!({"sessionId": session, "root": address(&server.directory)});
    let listed = client.request("nexus/review/list", which.clone()).await.unwrap();
    let file = &listed["files"][0];
    assert_eq!(
        (&file["path"], file["hunks"].as_array().map(Vec::len)),
        (&json!("list.txt"), Some(2)),
        "{listed}"
    );
    let decision = |hunk: usize, accept: bool| json!({"uri": file["uri"], "hunkId": file["hunks"][hunk]["id"], "accept": accept});
    let mut decide = which;
    decide["decisions"] = json!([decision(0, false), decision(1, true)]);
    let decided = client.request("nexus/review/decide", decide).await.unwrap();
    let states: Vec<&Value> =
        decided["files"][0]["hunks"].as_array().unwrap().iter().map(|h| &h["state"]).collect();
    assert_eq!(states, ["rejected", "accepted"], "{decided}");
    let document = client.document(file["uri"].as_str().unwrap()).unwrap();
    assert_eq!(
        document.text,
        before.replace("nineteen", "NINETEEN"),
        "through the editor, so that undo works"
    );
    client.tolerate_notices();
    client.finish().await.unwrap();
}
