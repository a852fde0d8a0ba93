//! A whole chat by `nexus/*`: prompts, several at once, what a session is called.

use opencode_nexus_testkit::server::TestServer;
use serde_json::json;

use super::{Desk, allowing, asking, assert_same, direct, reason, say, send};

#[tokio::test]
async fn an_answer_streams_and_is_what_the_server_has() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let (session, mut screen) = say(&client, &server.directory, None, "Hello é 😀").await;
    assert_eq!(screen.texts("text"), ["Echo: Hello é 😀"]);
    let (same, more) = say(&client, &server.directory, Some(&session), "BASH it").await;
    assert_eq!(same, session);
    assert_eq!(more.texts("text"), ["I run it.", "It ran."]);
    let direct = direct(&server).await;
    assert_same(&direct, &session, &more, true).await;
    screen.join(more);
    assert_same(&direct, &session, &screen, false).await;
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_slow_answer_comes_in_pieces_and_not_at_its_end() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let (session, screen) = say(&client, &server.directory, None, "SLOW please").await;
    // 150 words at 60 a second, told at least every 40 ms, are some sixty pieces.
    assert!(screen.deltas > 10, "{} pieces", screen.deltas);
    assert_same(&direct(&server).await, &session, &screen, false).await;
    client.finish().await.unwrap();
}

#[tokio::test]
async fn several_conversations_run_at_once_and_stay_apart() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let direct = direct(&server).await;
    let prompts: Vec<String> = (0..8).map(|n| format!("SLOW number {n}")).collect();
    let turns = prompts.iter().map(|prompt| say(&client, &server.directory, None, prompt));
    let done = futures_util::future::join_all(turns).await;
    for (session, screen) in &done {
        assert_same(&direct, session, screen, false).await;
        assert_eq!(done.iter().filter(|(other, _)| other == session).count(), 1);
    }
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_request_of_the_agent_is_answered_by_the_plugin() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    for (reply, answer) in [("once", "It ran."), ("reject", "I run it.")] {
        let mut begun = send(&client, &server.directory, None, &format!("BASH {reply}")).await;
        let mut screen = Default::default();
        let ask = begun.watch.until(&mut screen, |value, _| value["kind"] == "permission").await.unwrap();
        assert_eq!((ask["action"].as_str(), ask["patterns"][0].as_str()), (Some("bash"), Some("echo done")));
        let reply = json!({"sessionId": begun.session, "permissionId": ask["permissionId"], "reply": reply});
        let result = client.request("nexus/permission/reply", reply.clone()).await.unwrap();
        assert_eq!(result["accepted"], true);
        begun.watch.until(&mut screen, |value, _| value["kind"] == "end").await.unwrap();
        assert_eq!(reason(&screen), "completed");
        assert_eq!(screen.texts("text").last().map(String::as_str), Some(answer));
        assert!(screen.asks.is_empty(), "what was answered is told to be closed");
        let again = client.request("nexus/permission/reply", reply).await.unwrap();
        assert_eq!(again["accepted"], false, "what is settled does not count again");
        assert_same(&direct(&server).await, &begun.session, &screen, false).await;
    }
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_question_is_answered_or_rejected_by_the_plugin() {
    let server = TestServer::start(asking()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    for answers in [json!([["Blue"]]), json!(null)] {
        let mut begun = send(&client, &server.directory, None, &format!("ASK me, {answers}")).await;
        let mut screen = Default::default();
        let ask = begun.watch.until(&mut screen, |value, _| value["kind"] == "question").await.unwrap();
        assert_eq!(ask["items"][0]["options"][1]["label"], "Blue");
        let reply = json!({"sessionId": begun.session, "questionId": ask["questionId"], "answers": answers});
        assert_eq!(client.request("nexus/question/reply", reply).await.unwrap()["accepted"], true);
        begun.watch.until(&mut screen, |value, _| value["kind"] == "end").await.unwrap();
        assert!(screen.asks.is_empty());
        assert_same(&direct(&server).await, &begun.session, &screen, false).await;
    }
    client.finish().await.unwrap();
}
