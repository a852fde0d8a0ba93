//! What a session has changed, reviewed hunk by hunk in an editor, on a real server that takes snapshots.

use std::path::Path;

use opencode_nexus_testkit::language_client::{ClientOptions, Failure, LanguageClient, address};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use serde_json::{Value, json};

use super::{Desk, say};

fn editing() -> TestServerOptions {
    let read = |path: &str| Action::tool("read", json!({"filePath": path}));
    let edit = |path: &str, old: &str, new: &str| {
        Action::tool("edit", json!({"filePath": path, "oldString": old, "newString": new}))
    };
    let bash =
        |command: &str| Action::tool("bash", json!({"command": command, "description": "Change files"}));
    let says = |text: &str| vec![Action::text(text)];
    let many = "rm hello.txt; printf 'x\\r\\ny2 😀\\r\\nz\\r\\n' > crlf.txt; printf 'a\\nb\\nc!' > bare.txt; printf 'one\\n' > 'new é.txt'";
    let behaviour = Behaviour::new(vec![
        Conversation::new(
            "^EDIT",
            vec![
                vec![read("sub/a.txt")],
                vec![edit("sub/a.txt", "l2\n", "L two\n")],
                vec![edit("sub/a.txt", "l18\n", "l18\nnew after 18\n")],
                says("Edited."),
            ],
        ),
        Conversation::new(
            "^AGAIN",
            vec![vec![read("sub/a.txt")], vec![edit("sub/a.txt", "L two\n", "L 2\n")], says("Again.")],
        ),
        Conversation::new("^MANY", vec![vec![bash(many)], says("Many.")]),
        Conversation::new("^HERE", vec![vec![bash("printf 'l1\\nhere\\n' > a.txt")], says("Here.")]),
        Conversation::new("", vec![says("Echo: {{user}}")]),
    ]);
    TestServerOptions {
        permission: json!({"bash": "allow", "edit": "allow"}),
        ..TestServerOptions::with(behaviour)
    }
}

fn numbered() -> String {
    (1..=20).map(|n| format!("l{n}\n")).collect()
}

/// A project with files to change.
async fn project() -> TestServer {
    let server = TestServer::start(editing()).await.unwrap();
    std::fs::create_dir(server.directory.join("sub")).unwrap();
    for (name, text) in
        [("sub/a.txt", &*numbered()), ("crlf.txt", "x\r\ny\r\nz\r\n"), ("bare.txt", "a\nb\nc")]
    {
        std::fs::write(server.directory.join(name), text).unwrap();
    }
    server
}

/// Loads a file, as an editor does that sees that it was written.
fn load(client: &LanguageClient, file: &Path) -> String {
    let uri = address(file);
    if client.document(&uri).is_some() {
        client.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    }
    client.open(&uri, "plaintext", &std::fs::read_to_string(file).unwrap());
    uri
}

fn save(client: &LanguageClient, file: &Path) {
    std::fs::write(file, client.document(&address(file)).unwrap().text).unwrap();
}

async fn list(client: &LanguageClient, session: &str) -> Vec<Value> {
    let answer = client.request("nexus/review/list", json!({"sessionId": session})).await.unwrap();
    answer["files"].as_array().unwrap().clone()
}

/// Path, status, and the states of the hunks.
fn states(files: &[Value]) -> Vec<(&str, &str, Vec<&str>)> {
    (files.iter())
        .map(|file| {
            let hunks = file["hunks"].as_array().unwrap().iter();
            let states = hunks.map(|hunk| hunk["state"].as_str().unwrap()).collect();
            (file["path"].as_str().unwrap(), file["status"].as_str().unwrap(), states)
        })
        .collect()
}

fn decision(file: &Value, hunk: usize, accept: bool) -> Value {
    json!({"uri": file["uri"], "hunkId": file["hunks"][hunk]["id"], "accept": accept})
}

async fn decide(client: &LanguageClient, session: &str, decisions: Value) -> Result<Vec<Value>, Failure> {
    let params = json!({"sessionId": session, "decisions": decisions});
    let answer = client.request("nexus/review/decide", params).await?;
    Ok(answer["files"].as_array().unwrap().clone())
}

#[tokio::test]
async fn one_hunk_is_kept_and_one_taken_back_and_undo_brings_it_again() {
    let server = project().await;
    let client = Desk::beside(&server).chat(&server.directory).await;
    let file = server.directory.join("sub/a.txt");
    let uri = load(&client, &file);
    let (session, _) = say(&client, &server.directory, None, "EDIT it").await;
    load(&client, &file);

    let files = list(&client, &session).await;
    assert_eq!(states(&files), [("sub/a.txt", "modified", vec!["pending", "pending"])]);
    let hunks = &files[0]["hunks"];
    assert_eq!(hunks[0]["lines"], json!([" l1", "-l2", "+L two", " l3", " l4", " l5"]));
    assert_eq!(hunks[1]["lines"], json!([" l16", " l17", " l18", "+new after 18", " l19", " l20"]));
    assert_eq!(hunks[1]["range"]["start"], json!({"line": 18, "character": 0}));

    // The person writes above; then decides.
    client.type_in(&uri, 0..0, "mine\n").unwrap();
    let decisions = json!([decision(&files[0], 0, true), decision(&files[0], 1, false)]);
    let decided = decide(&client, &session, decisions).await.unwrap();
    assert_eq!(states(&decided), [("sub/a.txt", "modified", vec!["accepted", "rejected"])]);
    let wanted = format!("mine\n{}", numbered().replace("l2\n", "L two\n"));
    assert_eq!(client.document(&uri).unwrap().text, wanted);
    assert_eq!(states(&list(&client, &session).await), states(&decided));
    save(&client, &file);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), wanted);

    let place = wanted.find("l19").unwrap();
    client.type_in(&uri, place..place, "new after 18\n").unwrap();
    save(&client, &file);
    let again = list(&client, &session).await;
    assert_eq!(states(&again), [("sub/a.txt", "modified", vec!["accepted", "pending"])]);
    client.type_in(&uri, place..place + 3, "NEW").unwrap();
    save(&client, &file);
    let changed = list(&client, &session).await;
    assert_eq!(states(&changed)[0].2[1], "changed");
    let refused = decide(&client, &session, json!([decision(&changed[0], 1, false)])).await.unwrap_err();
    assert_eq!(refused.stable_code(), "user.conflict", "{refused}");
    let unknown = json!([{"uri": uri, "hunkId": "none", "accept": false}]);
    assert_eq!(decide(&client, &session, unknown).await.unwrap_err().stable_code(), "user.not_found");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn two_prompts_that_change_the_same_line_are_one_hunk_with_the_first_text() {
    let server = project().await;
    let client = Desk::beside(&server).chat(&server.directory).await;
    let file = server.directory.join("sub/a.txt");
    let (session, _) = say(&client, &server.directory, None, "EDIT it").await;
    say(&client, &server.directory, Some(&session), "AGAIN").await;
    let uri = load(&client, &file);
    let files = list(&client, &session).await;
    assert_eq!(files[0]["hunks"][0]["lines"], json!([" l1", "-l2", "+L 2", " l3", " l4", " l5"]));
    let all = json!([decision(&files[0], 0, false), decision(&files[0], 1, false)]);
    decide(&client, &session, all).await.unwrap();
    assert_eq!(client.document(&uri).unwrap().text, numbered());
    client.finish().await.unwrap();
}

#[tokio::test]
async fn files_that_came_went_or_end_differently_are_as_before_when_all_is_taken_back() {
    let server = project().await;
    let desk = Desk::beside(&server);
    let mut options = ClientOptions::in_folders([&*server.directory]).with_chat();
    options.capabilities["workspace"]["workspaceEdit"]["resourceOperations"] = json!(["create", "delete"]);
    let client = LanguageClient::start(desk.command(), options).await.unwrap();
    let (session, _) = say(&client, &server.directory, None, "MANY").await;
    let file = |name: &str| server.directory.join(name);
    let uris: Vec<String> =
        ["crlf.txt", "bare.txt", "new é.txt"].map(|name| load(&client, &file(name))).into();
    let files = list(&client, &session).await;
    let pending = || vec!["pending"];
    assert_eq!(
        states(&files),
        [
            ("bare.txt", "modified", pending()),
            ("crlf.txt", "modified", pending()),
            ("hello.txt", "deleted", pending()),
            ("new é.txt", "added", pending()),
        ]
    );
    let all: Vec<Value> = files.iter().map(|file| decision(file, 0, false)).collect();
    let decided = decide(&client, &session, json!(all)).await.unwrap();
    assert!(states(&decided).iter().all(|(_, _, states)| states == &["rejected"]), "{decided:?}");
    assert_eq!(client.document(&uris[0]).unwrap().text, "x\r\ny\r\nz\r\n");
    assert_eq!(client.document(&uris[1]).unwrap().text, "a\nb\nc");
    assert_eq!(client.document(&uris[2]), None);
    assert_eq!(client.document(&address(&file("hello.txt"))).unwrap().text, "hello\n");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn paths_are_right_in_a_folder_below_the_repository() {
    let server = project().await;
    let sub = server.directory.join("sub");
    let client = Desk::beside(&server).chat(&sub).await;
    let (session, _) = say(&client, &sub, None, "HERE").await;
    let file = sub.join("a.txt");
    let uri = load(&client, &file);
    let files = list(&client, &session).await;
    assert_eq!((files[0]["path"].as_str(), files[0]["uri"].as_str()), (Some("a.txt"), Some(&*uri)));
    let all: Vec<Value> = (0..files[0]["hunks"].as_array().unwrap().len())
        .map(|hunk| decision(&files[0], hunk, false))
        .collect();
    decide(&client, &session, json!(all)).await.unwrap();
    assert_eq!(client.document(&uri).unwrap().text, numbered());
    client.finish().await.unwrap();
}

#[tokio::test]
async fn an_editor_without_a_plugin_has_lenses_and_actions_in_the_file() {
    let server = project().await;
    let client = Desk::beside(&server).plain(&server.directory).await;
    let file = server.directory.join("sub/a.txt");
    say(&client, &server.directory, None, "EDIT it").await;
    client.notice("the hint", |notice| notice.says("OpenCode changed sub/a.txt")).await.unwrap();
    let uri = load(&client, &file);
    let named = json!({"uri": uri});
    let lenses = client.request("textDocument/codeLens", json!({"textDocument": named})).await.unwrap();
    let titles: Vec<_> =
        lenses.as_array().unwrap().iter().map(|lens| lens["command"]["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Keep", "Take back", "Keep", "Take back"]);

    let at = json!({"start": {"line": 18, "character": 3}, "end": {"line": 18, "character": 3}});
    let asked =
        json!({"textDocument": named, "range": at, "context": {"diagnostics": [], "only": ["quickfix"]}});
    let actions = client.request("textDocument/codeAction", asked).await.unwrap();
    let actions = actions.as_array().unwrap();
    assert_eq!(actions[1]["title"], "Take this change of the agent back");
    assert_eq!(actions.len(), 4, "keep and take back, of this one and of all: {actions:?}");
    client.request("workspace/executeCommand", actions[1]["command"].clone()).await.unwrap();
    let wanted = numbered().replace("l2\n", "L two\n");
    client.until_document(&uri, "the old lines", |text| text == wanted).await.unwrap();

    client.request("workspace/executeCommand", lenses[0]["command"].clone()).await.unwrap();
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_transcript_is_a_document() {
    let server = project().await;
    let client = Desk::beside(&server).chat(&server.directory).await;
    let (session, _) = say(&client, &server.directory, None, "Hello there").await;
    let uri = json!({"uri": format!("nexus://session/{session}.md")});
    let answer = client.request("workspace/textDocumentContent", uri).await.unwrap();
    let text = answer["text"].as_str().unwrap();
    assert!(
        text.starts_with("# ") && text.contains("\nHello there\n") && text.contains("\nEcho: Hello there\n"),
        "{text}"
    );
    let wrong = client.request("workspace/textDocumentContent", json!({"uri": "nexus://session/../x"})).await;
    assert_eq!(wrong.unwrap_err().stable_code(), "user.invalid_input");
    client.finish().await.unwrap();
}

#[test]
fn opencode_2_is_reviewed_in_the_same_way() {
    isolated_test(SECOND, || async {
        let command = "printf 'l1\nhere\n' > hello.txt; printf 'one\n' > new.txt";
        let shell = Action::tool("shell", json!({"command": command, "description": "Change files"}));
        let behaviour =
            Behaviour::new(vec![Conversation::new("^HERE", vec![vec![shell], vec![Action::text("Here.")]])]);
        let permission = json!({"bash": "allow", "edit": "allow"});
        let version = SECOND.to_owned();
        let options = TestServerOptions { version, permission, ..TestServerOptions::with(behaviour) };
        let server = TestServer::start(options).await.unwrap();
        let client = Desk::beside(&server).chat(&server.directory).await;
        let (session, _) = say(&client, &server.directory, None, "HERE").await;
        let file = server.directory.join("hello.txt");
        let uri = load(&client, &file);
        let files = list(&client, &session).await;
        let expected = [("hello.txt", "modified", vec!["pending"]), ("new.txt", "added", vec!["pending"])];
        assert_eq!(states(&files), expected);
        decide(&client, &session, json!([decision(&files[0], 0, false)])).await.unwrap();
        assert_eq!(client.document(&uri).unwrap().text, "hello\n");
        client.finish().await.unwrap();
    });
}
