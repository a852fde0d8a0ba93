//! More than one client on a server: joining in the middle, and keeping out of each other's way.

use opencode_nexus::chat::{ChatEvent, ConversationOptions, OutcomeKind};
use opencode_nexus_testkit::server::TestServer;
use opencode_nexus_testkit::stories::Screen;

use super::{allowed, answers, assert_same, client, texts, until, until_said, watch};

#[tokio::test]
async fn who_joins_in_the_middle_of_an_answer_has_all_of_it_in_the_end() {
    let server = TestServer::start(allowed()).await.unwrap();
    let first = client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let mut turn = first.prompt("SLOW please").await.unwrap();
    until_said(&mut turn, "It begins.", &mut screen).await;

    let second =
        client(&server).await.open(first.session_id().clone(), ConversationOptions::default()).await.unwrap();
    let ((shown, was_idle), mut feed) = second.watch(|t| (texts(t), t.status().is_idle()));
    let mut late = Screen { texts: shown, ..Screen::default() };
    assert!(!was_idle, "it joined while the turn was running");
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    until(&mut feed, &mut late, "the end", |e| matches!(e, ChatEvent::Status(s) if s.is_idle())).await;
    assert_same(&first, &screen).await;
    // Idle comes after the answer, but the answer may still be on its way to the second client.
    let complete = || second.with_transcript(|t| t.messages().iter().skip(1).all(|m| m.completed.is_some()));
    if !complete() {
        until(&mut feed, &mut late, "the whole answer", |_| complete()).await;
    }
    assert_eq!(answers(&second), answers(&first));
    assert_same(&second, &late).await;
}

#[tokio::test]
async fn two_clients_on_one_server_see_only_their_own_conversations() {
    let server = TestServer::start(allowed()).await.unwrap();
    let (one, two) = (client(&server).await, client(&server).await);
    let (first, second) = (one.create(None).await.unwrap(), two.create(None).await.unwrap());
    let (mut left, mut right) = (Screen::default(), Screen::default());
    let (a, b) = (first.prompt("SLOW left").await.unwrap(), second.prompt("SLOW right").await.unwrap());
    let (a, b) = tokio::join!(watch(a, &mut left), watch(b, &mut right));
    assert_eq!((a.unwrap().kind, b.unwrap().kind), (OutcomeKind::Completed, OutcomeKind::Completed));
    assert_same(&first, &left).await;
    assert_same(&second, &right).await;
    assert!(left.texts.keys().all(|part| !right.texts.contains_key(part)));
}

#[tokio::test]
async fn the_second_client_can_stop_what_the_first_has_started() {
    let server = TestServer::start(allowed()).await.unwrap();
    let first = client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let mut turn = first.prompt("HANG please").await.unwrap();
    until_said(&mut turn, "It begins.", &mut screen).await;
    let second =
        client(&server).await.open(first.session_id().clone(), ConversationOptions::default()).await.unwrap();
    second.abort().await.unwrap();
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Aborted);
    assert_same(&first, &screen).await;
}
