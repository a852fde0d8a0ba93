//! Real OpenCode servers of three versions with a scripted model.
mod plain;

use std::time::Instant;

use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::{Value, json};

async fn one_prompt(version: &str) {
    let before = Instant::now();
    let options =
        TestServerOptions { version: version.to_owned(), ..TestServerOptions::with(Behaviour::say("Four.")) };
    let server = TestServer::start(options).await.unwrap();
    eprintln!("{version}: ready after {:?}", before.elapsed());
    assert_eq!(server.server.version(), version);
    for round in 0..3 {
        let before = Instant::now();
        let (status, session) = plain::ask(&server.url, "POST", "/session", Some(&json!({}))).await;
        assert_eq!(status, 200, "{session}");
        let id = session["id"].as_str().unwrap().to_owned();
        eprintln!("{version}: session {round} after {:?}", before.elapsed());
        let before = Instant::now();
        let prompt = json!({"parts": [{"type": "text", "text": "What is 2 and 2?"}]});
        let (status, message) =
            plain::ask(&server.url, "POST", &format!("/session/{id}/message"), Some(&prompt)).await;
        eprintln!("{version}: turn {round} took {:?}", before.elapsed());
        assert_eq!(status, 200, "{message}");
        let text = message["parts"].as_array().unwrap().iter().find(|p| p["type"] == "text").unwrap();
        assert_eq!(text["text"], Value::from("Four."));
    }
    if std::env::var_os("KIT_SHOW").is_some() {
        for r in server.model.requests() {
            eprintln!(
                "-- {} title={} stream={} turn={} {:?} user={:?} sys={:.80?}",
                r.path,
                r.is_title(),
                r.is_stream(),
                r.turn(),
                r.headers
                    .iter()
                    .filter(|(k, _)| !["host", "accept", "accept-encoding", "content-length", "connection"]
                        .contains(&k.as_str()))
                    .collect::<Vec<_>>(),
                r.user_text(),
                r.body["messages"][0]["content"].to_string()
            );
        }
        eprintln!("{:#?}", server.server.output_tail(100));
    }
    let before = Instant::now();
    server.server.stop().await.unwrap();
    eprintln!("{version}: stopped after {:?}", before.elapsed());
}

#[tokio::test]
async fn the_pinned_version_answers_a_prompt() {
    one_prompt("1.18.33").await;
}

#[tokio::test]
async fn version_1_17_answers_a_prompt() {
    one_prompt("1.17.19").await;
}

#[tokio::test]
async fn version_1_14_answers_a_prompt() {
    one_prompt("1.14.48").await;
}
