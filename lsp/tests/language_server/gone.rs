//! What is not there, and what goes away: no OpenCode, a server that is killed, an editor that dies.

use std::time::Duration;

use opencode_nexus::server::PINNED;
use opencode_nexus_testkit::language_client::{BOUND, ChatScreen, ClientOptions, LanguageClient};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions, opencode_binary};
use serde_json::{Value, json};

use super::{Desk, allowing, reason, refused, say, send};

#[tokio::test]
async fn without_opencode_there_is_one_message_that_says_what_to_do() {
    let desk = Desk::alone();
    let project = desk.path("project");
    std::fs::create_dir(&project).unwrap();
    let mut command = desk.command();
    // Neither opencode nor npm, and nothing that was installed before.
    command.env("PATH", desk.path("nothing"));
    let client = LanguageClient::start(command, ClientOptions::in_folders([project.as_path()]).with_chat())
        .await
        .unwrap();
    let parts = json!([{"type": "text", "text": "Hello"}]);
    for _ in 0..3 {
        let failure = refused(&client, "nexus/chat/send", json!({"parts": parts})).await;
        let Some((_, message)) = failure.answered() else { panic!("{failure}") };
        assert!(message.contains("install") && !message.contains('\n'), "{message}");
    }
    let shown = client.notice("the message", |notice| notice.says("install")).await.unwrap();
    assert!(!shown.message().contains('\n'), "{}", shown.message());
    assert!(client.notices(|notice| notice.says("")).is_empty(), "it is shown once");
    client.request("nexus/ping", json!({})).await.unwrap();
    let status = client.request("nexus/status", json!({})).await.unwrap();
    assert_eq!(status["roots"][0]["state"], "failed", "{status}");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_turn_ends_when_its_server_is_killed_and_the_next_one_goes_on() {
    let mut server = TestServer::start(TestServerOptions { lasting_home: true, ..allowing() }).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let mut begun = send(&client, &server.directory, None, "HANG please").await;
    let mut screen = ChatScreen::default();
    begun.watch.until(&mut screen, |_, screen| screen.said.contains("It begins.")).await.unwrap();
    server.kill_and_restart().await.unwrap();
    begun.watch.until(&mut screen, |value, _| value["kind"] == "end").await.unwrap();
    assert_ne!(reason(&screen), "completed");
    let (_, screen) = say(&client, &server.directory, Some(&begun.session), "Again").await;
    assert_eq!(screen.texts("text"), ["Echo: Again"]);
    client.notices(|notice| notice.says(""));
    client.finish().await.unwrap();
}

/// An editor that starts OpenCode itself, and the address of that.
async fn with_own_server(desk: &Desk) -> (LanguageClient, String) {
    let project = desk.path("project");
    std::fs::create_dir(&project).unwrap();
    let mut command = desk.command();
    command.env("NEXUS_OPENCODE_BIN", opencode_binary(PINNED).await.unwrap());
    let client = LanguageClient::start(command, ClientOptions::in_folders([project.as_path()]).with_chat())
        .await
        .unwrap();
    client.request("nexus/models", json!({})).await.unwrap();
    let status = client.request("nexus/status", json!({})).await.unwrap();
    let server = &status["roots"][0]["server"];
    assert_eq!(
        (&status["roots"][0]["state"], &server["ours"]),
        (&json!("ready"), &Value::Bool(true)),
        "{status}"
    );
    let address = server["address"].as_str().unwrap().trim_end_matches('/').replace("http://", "");
    assert!(is_there(&address).await, "{address}");
    (client, address)
}

async fn is_there(address: &str) -> bool {
    tokio::net::TcpStream::connect(address).await.is_ok()
}

/// Waits until nobody listens there any more.
async fn until_gone(address: &str) {
    let waiting = async {
        while is_there(address).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(BOUND, waiting).await.expect("OpenCode has been left behind");
}

#[tokio::test]
async fn an_editor_that_leaves_politely_leaves_no_server_behind() {
    let desk = Desk::alone();
    let (client, address) = with_own_server(&desk).await;
    client.finish().await.unwrap();
    until_gone(&address).await;
}

#[tokio::test]
async fn an_editor_that_dies_leaves_neither_process_nor_server_behind() {
    let desk = Desk::alone();
    let (client, address) = with_own_server(&desk).await;
    client.hang_up().await.unwrap();
    until_gone(&address).await;
}

#[tokio::test]
async fn a_language_server_that_is_killed_leaves_no_server_behind() {
    let desk = Desk::alone();
    let (client, address) = with_own_server(&desk).await;
    let pid = client.pid().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    client.hang_up().await.unwrap();
    until_gone(&address).await;
}

#[tokio::test]
async fn an_editor_that_dies_in_the_middle_of_an_answer_is_noticed() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let mut begun = send(&client, &server.directory, None, "SLOW please").await;
    begun
        .watch
        .until(&mut ChatScreen::default(), |_, screen| screen.said.contains("It begins."))
        .await
        .unwrap();
    client.hang_up().await.unwrap();
}
