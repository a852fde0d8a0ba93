//! Several folders: each session belongs to one, and none is guessed.

use opencode_nexus_testkit::language_client::{ClientOptions, LanguageClient, address};
use opencode_nexus_testkit::server::TestServer;
use serde_json::json;

use super::{Desk, allowing, refused, say};

/// A second project beside the server's.
fn second(server: &TestServer) -> std::path::PathBuf {
    let folder = server.directory.with_file_name("second");
    std::fs::create_dir(&folder).unwrap();
    let git = std::process::Command::new("git").args(["init", "--quiet"]).current_dir(&folder).status();
    assert!(git.expect("install git, for example by apt").success());
    folder
}

#[tokio::test]
async fn two_folders_have_conversations_of_their_own() {
    let server = TestServer::start(allowing()).await.unwrap();
    let other = second(&server);
    let desk = Desk::beside(&server);
    let options = ClientOptions::in_folders([server.directory.as_path(), &other]).with_chat();
    let client = LanguageClient::start(desk.command(), options).await.unwrap();
    let ((left, one), (right, two)) = tokio::join!(
        say(&client, &server.directory, None, "BASH left"),
        say(&client, &other, None, "BASH right")
    );
    assert_eq!(
        (one.texts("text"), two.texts("text")),
        (vec!["I run it.".into(), "It ran.".into()], one.texts("text"))
    );
    for (root, session, foreign) in [(&server.directory, &left, &right), (&other, &right, &left)] {
        let list = client.request("nexus/session/list", json!({"root": address(root)})).await.unwrap();
        let sessions: Vec<_> = list["sessions"].as_array().unwrap().iter().collect();
        let own = sessions.iter().find(|s| s["id"] == session.as_str()).unwrap_or_else(|| panic!("{list}"));
        assert_eq!(own["directory"], root.to_string_lossy().as_ref());
        assert!(sessions.iter().all(|s| s["id"] != foreign.as_str()), "{list}");
    }
    let status = client.request("nexus/status", json!({})).await.unwrap();
    assert_eq!(status["roots"].as_array().unwrap().len(), 2, "{status}");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn with_two_folders_none_is_guessed() {
    let server = TestServer::start(allowing()).await.unwrap();
    let other = second(&server);
    let desk = Desk::beside(&server);
    let options = ClientOptions::in_folders([server.directory.as_path(), &other]).with_chat();
    let client = LanguageClient::start(desk.command(), options).await.unwrap();
    let parts = json!([{"type": "text", "text": "Where?"}]);
    for (method, params) in [
        ("nexus/chat/send", json!({"parts": parts})),
        ("nexus/session/create", json!({})),
        ("nexus/models", json!({})),
    ] {
        let failure = refused(&client, method, params).await;
        assert_eq!(failure.stable_code(), "user.invalid_input", "{failure}");
    }
    client.finish().await.unwrap();
}

#[tokio::test]
async fn folders_come_and_go_while_the_editor_runs() {
    let server = TestServer::start(allowing()).await.unwrap();
    let other = second(&server);
    let client = Desk::beside(&server).chat(&server.directory).await;
    client.request("nexus/models", json!({})).await.unwrap();
    let named = |path| json!({"uri": address(path), "name": "x"});
    let change = |added, removed| json!({"event": {"added": added, "removed": removed}});
    client.notify("workspace/didChangeWorkspaceFolders", change(json!([named(&other)]), json!([])));
    refused(&client, "nexus/models", json!({})).await;
    say(&client, &other, None, "In the new one").await;
    client.notify("workspace/didChangeWorkspaceFolders", change(json!([]), json!([named(&other)])));
    client.request("nexus/models", json!({})).await.unwrap();
    client.finish().await.unwrap();
}
