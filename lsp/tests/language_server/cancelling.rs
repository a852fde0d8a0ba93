//! Stopping: a turn, one of several, one that has ended, and requests.

use opencode_nexus_testkit::language_client::ChatScreen;
use opencode_nexus_testkit::server::TestServer;
use serde_json::json;

use super::{Desk, allowing, assert_same, direct, reason, say, send};

#[tokio::test]
async fn a_turn_that_is_stopped_ends_as_stopped_with_all_that_was_said() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let mut begun = send(&client, &server.directory, None, "HANG please").await;
    let mut screen = ChatScreen::default();
    begun.watch.until(&mut screen, |_, screen| screen.said.contains("It begins.")).await.unwrap();
    let cancel = json!({"sessionId": begun.session, "turnId": begun.turn});
    client.request("nexus/chat/cancel", cancel).await.unwrap();
    begun.watch.until(&mut screen, |value, _| value["kind"] == "end").await.unwrap();
    assert_eq!(reason(&screen), "aborted");
    assert_same(&direct(&server).await, &begun.session, &screen, false).await;
    // The session goes on.
    let (_, screen) = say(&client, &server.directory, Some(&begun.session), "Again").await;
    assert_eq!(screen.texts("text"), ["Echo: Again"]);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn one_of_two_turns_is_stopped_and_the_other_goes_on() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let mut slow = send(&client, &server.directory, None, "SLOW please").await;
    let mut hangs = send(&client, &server.directory, None, "HANG please").await;
    let mut screen = ChatScreen::default();
    hangs.watch.until(&mut screen, |_, screen| screen.said.contains("It begins.")).await.unwrap();
    client.request("nexus/chat/cancel", json!({"sessionId": hangs.session})).await.unwrap();
    let (slow, hangs) = tokio::join!(slow.watch.until_end(), hangs.watch.until_end());
    assert_eq!((reason(&slow.unwrap()), reason(&hangs.unwrap())), ("completed", "aborted"));
    client.finish().await.unwrap();
}

#[tokio::test]
async fn stopping_what_has_ended_or_never_was_changes_nothing() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let mut begun = send(&client, &server.directory, None, "Hello").await;
    assert_eq!(reason(&begun.watch.until_end().await.unwrap()), "completed");
    let cancel = json!({"sessionId": begun.session, "turnId": begun.turn});
    client.request("nexus/chat/cancel", cancel).await.unwrap();
    let unknown = super::refused(&client, "nexus/chat/cancel", json!({"sessionId": "ses_nobody"})).await;
    assert_eq!(unknown.stable_code(), "user.not_found", "{unknown}");
    let (_, screen) = say(&client, &server.directory, Some(&begun.session), "Again").await;
    assert_eq!(screen.texts("text"), ["Echo: Again"]);
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_cancelled_is_answered_once() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    for _ in 0..20 {
        let pending = client.begin("nexus/models", json!({}));
        client.notify("$/cancelRequest", json!({"id": pending.id}));
        match client.answer("nexus/models", pending).await {
            Ok(models) => assert!(models["models"].is_array()),
            // LSP 3.18, RequestCancelled
            Err(failure) => assert_eq!(failure.answered().map(|(code, _)| code), Some(-32800), "{failure}"),
        }
    }
    client.finish().await.unwrap();
}
