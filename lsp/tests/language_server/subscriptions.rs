//! Watching a session: from its beginning, in the middle, from a number on, after a restart of the editor; and replay.

use opencode_nexus_testkit::language_client::{ChatScreen, TokenKind, address};
use opencode_nexus_testkit::server::TestServer;
use serde_json::{Value, json};

use super::{Desk, allowing, assert_same, direct, reason, say, send};

#[tokio::test]
async fn after_a_restart_of_the_editor_the_session_is_told_again_from_its_beginning() {
    let server = TestServer::start(allowing()).await.unwrap();
    let desk = Desk::beside(&server);
    let client = desk.chat(&server.directory).await;
    let (session, _) = say(&client, &server.directory, None, "BASH one").await;
    client.finish().await.unwrap();

    let client = desk.chat(&server.directory).await;
    let mut watch = client.watch("again", TokenKind::Session);
    let params = json!({
        "sessionId": session, "root": address(&server.directory), "partialResultToken": "again",
        // Of the process before: it means nothing here.
        "sinceSeq": 3, "epoch": "an older one",
    });
    let subscribed = client.request("nexus/chat/subscribe", params).await.unwrap();
    let mut screen = ChatScreen::default();
    let first = watch.next().await.unwrap().value;
    assert_eq!((&first["kind"], &first["epoch"]), (&json!("reset"), &subscribed["epoch"]));
    let last = |value: &Value, _: &ChatScreen| value["seq"].as_u64() >= subscribed["seq"].as_u64();
    watch.until(&mut screen, last).await.unwrap();
    let direct = direct(&server).await;
    assert_same(&direct, &session, &screen, false).await;

    // It is told what happens from now on as well, turn after turn.
    for prompt in ["two", "three"] {
        let turn = say(&client, &server.directory, Some(&session), prompt);
        let watching = watch.until(&mut screen, |value, _| value["kind"] == "end");
        let (_, end) = tokio::join!(turn, watching);
        assert_eq!(end.unwrap()["reason"], "completed");
    }
    assert_same(&direct, &session, &screen, false).await;
    client.finish().await.unwrap();
}

#[tokio::test]
async fn who_joins_in_the_middle_of_an_answer_has_all_of_it_in_the_end() {
    let server = TestServer::start(allowing()).await.unwrap();
    let desk = Desk::beside(&server);
    let (one, two) = (desk.chat(&server.directory).await, desk.chat(&server.directory).await);
    let mut begun = send(&one, &server.directory, None, "SLOW please").await;
    let mut screen = ChatScreen::default();
    begun.watch.until(&mut screen, |_, screen| screen.deltas > 5).await.unwrap();

    let mut late = two.watch("late", TokenKind::Session);
    let params = json!({
        "sessionId": begun.session, "root": address(&server.directory), "partialResultToken": "late",
    });
    two.request("nexus/chat/subscribe", params).await.unwrap();
    let mut second = ChatScreen::default();
    let idle = |value: &Value, _: &ChatScreen| value["kind"] == "status" && value["status"]["type"] == "idle";
    let (first, late) = tokio::join!(begun.watch.until_end(), late.until(&mut second, idle));
    assert_eq!(reason(&first.unwrap()), "completed");
    late.unwrap();
    assert_same(&direct(&server).await, &begun.session, &second, false).await;
    one.finish().await.unwrap();
    two.finish().await.unwrap();
}

#[tokio::test]
async fn who_names_a_number_of_the_same_epoch_is_told_only_what_is_newer() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let (session, _) = say(&client, &server.directory, None, "one").await;
    let root = address(&server.directory);
    let replay = |since: Value, epoch: Value| json!({"sessionId": session, "root": root, "sinceSeq": since, "epoch": epoch});
    let all = client.request("nexus/chat/replay", replay(Value::Null, Value::Null)).await.unwrap();
    let (_, _) = say(&client, &server.directory, Some(&session), "two").await;
    let newer =
        client.request("nexus/chat/replay", replay(all["seq"].clone(), all["epoch"].clone())).await.unwrap();
    assert_eq!(newer["epoch"], all["epoch"]);
    let seqs = |events: &Value| -> Vec<u64> {
        events["events"].as_array().unwrap().iter().filter_map(|event| event["seq"].as_u64()).collect()
    };
    assert!(seqs(&newer).iter().all(|seq| Some(*seq) > all["seq"].as_u64()), "{newer}");
    assert!(seqs(&newer).is_sorted_by(|a, b| a < b), "{newer}");

    // Both together show what the server has.
    let mut screen = ChatScreen::default();
    for event in [&all, &newer].into_iter().flat_map(|part| part["events"].as_array().unwrap()) {
        screen.show(event);
    }
    assert_same(&direct(&server).await, &session, &screen, false).await;

    // The same by a subscription, which then has nothing to forget.
    let mut watch = client.watch("newer", TokenKind::Session);
    let mut params = replay(all["seq"].clone(), all["epoch"].clone());
    params["partialResultToken"] = json!("newer");
    let subscribed = client.request("nexus/chat/subscribe", params).await.unwrap();
    let mut shown = Vec::new();
    while shown.last() < subscribed["seq"].as_u64().as_ref() {
        let value = watch.next().await.unwrap().value;
        assert_ne!(value["kind"], "reset");
        shown.extend(value["seq"].as_u64());
    }
    assert!(shown.first() > all["seq"].as_u64().as_ref());

    let id = json!({"subscriptionId": subscribed["subscriptionId"]});
    client.request("nexus/chat/unsubscribe", id).await.unwrap();
    while watch.try_next().is_some() {}
    let (_, _) = say(&client, &server.directory, Some(&session), "three").await;
    assert!(watch.try_next().is_none(), "who has left is told nothing");
    client.finish().await.unwrap();
}
