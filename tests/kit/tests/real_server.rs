//! Real OpenCode servers of three versions with a scripted model.
mod plain;

use std::time::Instant;

use opencode_nexus_testkit::cases;
use opencode_nexus_testkit::fault_proxy::{At, End, Fault, FaultKind, FaultPlan, FaultProxy};
use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions, opencode_binary};
use serde_json::{Value, json};

async fn session(base: &str) -> String {
    let (status, session) = plain::ask(base, "POST", "/session", Some(&json!({}))).await;
    assert_eq!(status, 200, "{session}");
    session["id"].as_str().unwrap().to_owned()
}

async fn turn(base: &str, session: &str, text: &str) -> Value {
    let prompt = json!({"parts": [{"type": "text", "text": text}]});
    let (status, message) =
        plain::ask(base, "POST", &format!("/session/{session}/message"), Some(&prompt)).await;
    assert_eq!(status, 200, "{message}");
    message
}

fn text_of(message: &Value) -> String {
    let parts = message["parts"].as_array().unwrap().iter();
    parts.filter(|p| p["type"] == "text").filter_map(|p| p["text"].as_str()).collect()
}

/// One prompt for each version, with times for who reads the log: they are told, not asserted.
async fn answers_prompts(version: &str) {
    opencode_binary(version).await.unwrap();
    for snapshot in [true, false] {
        let before = Instant::now();
        let options = TestServerOptions {
            version: version.to_owned(),
            snapshot,
            ..TestServerOptions::with(Behaviour::say("Four."))
        };
        let server = TestServer::start(options).await.unwrap();
        let ready = before.elapsed();
        assert_eq!(server.server.version(), version);
        let mut turns = Vec::new();
        for _ in 0..4 {
            let id = session(&server.url).await;
            let before = Instant::now();
            let message = turn(&server.url, &id, "What is 2 and 2?").await;
            turns.push(before.elapsed());
            assert_eq!(text_of(&message), "Four.");
        }
        assert_eq!(server.model.prompts().len(), 4);
        let before = Instant::now();
        server.server.stop().await.unwrap();
        eprintln!(
            "{version} snapshot={snapshot}: ready {ready:?}, turns {turns:?}, stop {:?}",
            before.elapsed()
        );
    }
}

#[tokio::test]
async fn the_pinned_version_answers_prompts() {
    answers_prompts("1.18.33").await;
}

#[tokio::test]
async fn version_1_17_answers_prompts() {
    answers_prompts("1.17.19").await;
}

#[tokio::test]
async fn version_1_14_answers_prompts() {
    answers_prompts("1.14.48").await;
}

#[tokio::test]
async fn the_recorded_cases_can_be_played_again() {
    let permission = json!({"bash": "allow", "edit": "allow"});
    let options = TestServerOptions { permission, ..TestServerOptions::with(cases::behaviour().unwrap()) };
    let server = TestServer::start(options).await.unwrap();
    for (prompt, answer) in [
        ("CASE bash", "The project has a file hello.txt."),
        ("CASE edit", "Edited."),
        ("CASE drop", "Whole answer after the drop."),
        ("CASE 429 once", "Fine after one retry."),
    ] {
        let id = session(&server.url).await;
        assert_eq!(text_of(&turn(&server.url, &id, prompt).await), answer, "{prompt}");
    }
    let edited = std::fs::read_to_string(server.directory.join("hello.txt")).unwrap();
    assert_eq!(edited, "goodbye\n");
}

#[tokio::test]
async fn the_event_stream_of_a_real_server_breaks_where_the_plan_says() {
    let server = TestServer::start(TestServerOptions::default()).await.unwrap();
    let plan = FaultPlan::events(|nth| match nth {
        0 => Fault::cut(At::Frame(1), End::Fin),
        _ => Fault::cut(At::Frame(3), End::CleanEof),
    });
    let proxy = FaultProxy::start(&server.url, plan).await.unwrap();
    let (bytes, clean) = plain::drain(plain::send(&proxy.url(), "GET", "/event", None).await).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("server.connected") && text.matches("\n\n").count() == 1 && !clean, "{text}");
    let events = plain::send(&proxy.url(), "GET", "/event", None).await;
    let reading = tokio::spawn(plain::drain(events));
    let id = session(&proxy.url()).await;
    assert_eq!(text_of(&turn(&proxy.url(), &id, "hello").await), "Echo: hello");
    let (bytes, clean) = reading.await.unwrap();
    assert_eq!((String::from_utf8(bytes).unwrap().matches("\n\n").count(), clean), (3, true));
    assert_eq!((proxy.injected(FaultKind::Fin), proxy.injected(FaultKind::CleanEof)), (1, 1));
}
