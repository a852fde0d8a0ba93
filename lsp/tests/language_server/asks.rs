//! What an agent asks, where no plugin shows it: messages with buttons.

use opencode_nexus_testkit::language_client::Choice;
use opencode_nexus_testkit::server::TestServer;

use super::{Desk, asking, assert_same, direct, reason, say, send};

#[tokio::test]
async fn a_permission_is_a_message_with_buttons() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    client.choose(Choice::press("Allow once"));
    let (session, screen) = say(&client, &server.directory, None, "BASH allowed").await;
    assert_eq!(screen.texts("text"), ["I run it.", "It ran."]);
    let asked = client.notice("the question", |notice| notice.says("echo done")).await.unwrap();
    assert_eq!(asked.method, "window/showMessageRequest");
    assert_same(&direct(&server).await, &session, &screen, false).await;

    client.choose(Choice::press("Deny"));
    let (session, screen) = say(&client, &server.directory, None, "BASH rejected").await;
    assert_same(&direct(&server).await, &session, &screen, false).await;
    assert!(screen.tool_states().iter().any(|state| state == "error"), "{:?}", screen.tool_states());
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_closed_answers_nothing_and_the_turn_can_be_stopped() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    client.choose(Choice::Dismiss);
    let mut begun = send(&client, &server.directory, None, "BASH dismissed").await;
    client.notice("the question", |notice| notice.says("echo done")).await.unwrap();
    // Another way to answer is still there.
    let (_, screen) = say(&client, &server.directory, None, "Meanwhile").await;
    assert_eq!(screen.texts("text"), ["Echo: Meanwhile"]);
    client.request("nexus/chat/cancel", serde_json::json!({"sessionId": begun.session})).await.unwrap();
    assert_eq!(reason(&begun.watch.until_end().await.unwrap()), "aborted");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn two_permissions_at_once_are_two_messages() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    client.choose(Choice::press("Allow once"));
    client.choose(Choice::press("Allow once"));
    let (session, screen) = say(&client, &server.directory, None, "TWICE please").await;
    assert_eq!(screen.tool_states(), ["completed", "completed"]);
    assert_same(&direct(&server).await, &session, &screen, false).await;
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_question_is_a_message_with_its_options_as_buttons() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    client.choose(Choice::press("Blue"));
    let (session, screen) = say(&client, &server.directory, None, "ASK me").await;
    client.notice("the question", |notice| notice.says("Which colour?")).await.unwrap();
    let model = server.model.prompts().last().unwrap().body.to_string();
    assert!(model.contains("Blue"), "the model is told: {model}");
    assert_same(&direct(&server).await, &session, &screen, false).await;
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_message_that_nobody_answers_holds_up_nothing_else() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).plain(&server.directory).await;
    client.choose(Choice::Leave);
    let mut waits = send(&client, &server.directory, None, "BASH waits").await;
    client.notice("the question", |notice| notice.says("echo done")).await.unwrap();
    let (_, screen) = say(&client, &server.directory, None, "Meanwhile").await;
    assert_eq!(screen.texts("text"), ["Echo: Meanwhile"]);
    let cancel = serde_json::json!({"sessionId": waits.session});
    client.request("nexus/chat/cancel", cancel).await.unwrap();
    assert_eq!(reason(&waits.watch.until_end().await.unwrap()), "aborted");
    client.finish().await.unwrap();
}
