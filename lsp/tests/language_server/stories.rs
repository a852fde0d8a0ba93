//! The stories that every client must get right, played by `nexus/*` on a real server: what was told on the token of each
//! turn is what the server has.

use opencode_nexus::chat::OutcomeKind;
use opencode_nexus::dialect::Line;
use opencode_nexus::model::PermissionReply;
use opencode_nexus_testkit::language_client::{ChatScreen, LanguageClient, TokenKind, address};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::{Story, behaviour, stories};
use serde_json::{Value, json};

use super::{Desk, assert_same, direct, reason};

#[tokio::test]
async fn every_story_is_told_as_the_server_has_it() {
    let server = TestServer::start(TestServerOptions {
        snapshot: false,
        ..TestServerOptions::with(behaviour(Line::V1))
    });
    play_all(server.await.unwrap(), &stories(Line::V1)).await;
}

/// A few at once: enough that they meet, not so many that one is starved on a small machine.
const AT_ONCE: usize = 4;

pub(super) async fn play_all(server: TestServer, stories: &[Story]) {
    let client = Desk::beside(&server).chat(&server.directory).await;
    let direct = direct(&server).await;
    let root = address(&server.directory);
    for some in stories.chunks(AT_ONCE) {
        let played = some.iter().map(|story| play(&client, &root, story));
        let played = futures_util::future::join_all(played).await;
        for (story, (session, screen)) in some.iter().zip(played) {
            let wanted = match story.outcome {
                OutcomeKind::Completed => "completed",
                OutcomeKind::Aborted => "aborted",
                OutcomeKind::Failed => "failed",
            };
            assert_eq!(reason(&screen), wanted, "{}: {:?}\n{}", story.name, screen.end, client.log());
            assert!(screen.asks.is_empty(), "{}: {:?}", story.name, screen.asks);
            assert_same(&direct, &session, &screen, true).await;
        }
    }
    client.finish().await.unwrap();
}

/// Says the prompt, answers what is asked, stops where the story says so.
async fn play(client: &LanguageClient, root: &str, story: &Story) -> (String, ChatScreen) {
    let mut watch = client.watch(story.name, TokenKind::Turn);
    let parts = json!([{"type": "text", "text": story.prompt(1), "plain": true}]);
    let params = json!({"root": root, "parts": parts, "partialResultToken": story.name});
    let sent = client.request("nexus/chat/send", params).await.unwrap();
    let session = sent["sessionId"].as_str().unwrap().to_owned();
    let mut screen = ChatScreen::default();
    let mut stopped = false;
    loop {
        let value = watch.next().await.unwrap().value;
        screen.show(&value);
        let kind = value["kind"].as_str().unwrap_or_default();
        if kind == "end" && value["child"].is_null() {
            return (session, screen);
        }
        let stops = story.stop_at.is_some_and(|word| match word {
            "?" => kind == "permission",
            word => screen.said.contains(word),
        });
        if stops && !stopped {
            stopped = true;
            client.request("nexus/chat/cancel", json!({"sessionId": session})).await.unwrap();
        } else if let Some((method, reply)) = reply(story, kind, &value) {
            let mut params = reply;
            params["sessionId"] = session.as_str().into();
            client.request(method, params).await.unwrap();
        }
    }
}

fn reply(story: &Story, kind: &str, value: &Value) -> Option<(&'static str, Value)> {
    match kind {
        "permission" => {
            let reply = match story.answering.permission {
                PermissionReply::Always => "always",
                PermissionReply::Reject { .. } => "reject",
                _ => "once",
            };
            Some(("nexus/permission/reply", json!({"permissionId": value["permissionId"], "reply": reply})))
        }
        "question" => {
            let first = |item: &Value| json!([item["options"][0]["label"]]);
            let items = value["items"].as_array().into_iter().flatten();
            let answers: Option<Value> = story.answering.questions.then(|| items.map(first).collect());
            Some(("nexus/question/reply", json!({"questionId": value["questionId"], "answers": answers})))
        }
        _ => None,
    }
}
