//! Conversations on real servers with a scripted model: what the SDK promises, without faults of the network.
//! Each file is one chapter; what they share is here.

mod actions;
mod asks;
mod by_id;
mod catalogue;
mod context;
mod extension;
mod interruptions;
mod places;
mod running;
mod second;
mod sessions;
mod stories;
mod together;
mod turns;

use std::collections::BTreeMap;
use std::time::Duration;

use opencode_nexus::chat::{ChatEvent, ChatFeed, Conversation, Transcript, Turn, TurnOutcome};
use opencode_nexus::model::{Message, PartBody, Role};
use opencode_nexus::{Client, Result};
use opencode_nexus_testkit::fault_proxy::{FaultPlan, FaultProxy};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Scripted};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::{Screen, Settled, settle};
use serde_json::json;

/// Whatever is waited for comes within this, or the test fails.
const BOUND: Duration = Duration::from_secs(60);

/// The model of most tests: it echoes, and knows a few words that make it do more.
fn model() -> Behaviour {
    let bash =
        |command: &str| Action::tool("bash", json!({"command": command, "description": "Run a command"}));
    let write = |path: &str| Action::tool("write", json!({"filePath": path, "content": "written\n"}));
    let todos = json!({"todos": [{"content": "first", "status": "pending", "priority": "high", "id": "1"}]});
    let task = json!({"description": "look", "prompt": "CHILD look around", "subagent_type": "general"});
    Behaviour::new(vec![
        Scripted::new("^CHILD", vec![vec![bash("echo child")], vec![Action::text("The child has looked.")]]),
        Scripted::new("^SLOW", vec![vec![Action::text("It begins. "), Action::tokens(150, 5).at(60.0)]]),
        Scripted::new("^HANG", vec![vec![Action::text("It begins. "), Action::hang()]]),
        Scripted::new(
            "^BASH",
            vec![vec![Action::text("I run it."), bash("echo done")], vec![Action::text("It ran.")]],
        ),
        Scripted::new("^LIST", vec![vec![bash("ls hello.txt")], vec![Action::text("Listed.")]]),
        Scripted::new("^WRITE", vec![vec![write("new.txt")], vec![Action::text("Written.")]]),
        Scripted::new("^TODO", vec![vec![Action::tool("todowrite", todos)], vec![Action::text("Planned.")]]),
        Scripted::new(
            "^TASK",
            vec![vec![Action::tool("task", task)], vec![Action::text("The child is done.")]],
        ),
        Scripted::new("", vec![vec![Action::text("Echo: {{user}}")]]),
    ])
}

fn allowed() -> TestServerOptions {
    TestServerOptions { permission: json!({"bash": "allow", "edit": "allow"}), ..quick() }
}

/// Without snapshots of the project a turn is quicker; only undo needs them.
fn quick() -> TestServerOptions {
    TestServerOptions { snapshot: false, ..TestServerOptions::with(model()) }
}

async fn client(server: &TestServer) -> Client {
    Client::builder(&server.url).directory(server.directory.to_string_lossy()).connect().await.unwrap()
}

/// A new conversation through a network that fails by a plan.
async fn behind(server: &TestServer, plan: FaultPlan) -> (FaultProxy, Conversation) {
    let proxy = FaultProxy::start(&server.url, plan).await.unwrap();
    let directory = server.directory.to_string_lossy();
    let through = Client::builder(proxy.url()).directory(directory).connect().await.unwrap();
    let conversation = through.create(None).await.unwrap();
    (proxy, conversation)
}

/// Everything a turn says until its end.
async fn watch(mut turn: Turn, screen: &mut Screen) -> Result<TurnOutcome> {
    let watching = async {
        while let Some(event) = turn.next().await {
            let event = event?;
            screen.show(&event);
            if let ChatEvent::TurnEnded { outcome, .. } = event {
                return Ok(outcome);
            }
        }
        panic!("the stream of a turn ends with its end");
    };
    within("the end of the turn", watching).await
}

/// Says something and waits for the end.
async fn say(conversation: &Conversation, text: &str) -> TurnOutcome {
    let turn = conversation.prompt(text).await.unwrap();
    watch(turn, &mut Screen::default()).await.unwrap()
}

/// Waits until a turn has said a word.
async fn until_said(turn: &mut Turn, word: &str, screen: &mut Screen) {
    let reading = async {
        while let Some(event) = turn.next().await {
            let event = event.unwrap();
            screen.show(&event);
            if screen.texts.values().any(|text| text.contains(word)) {
                return;
            }
        }
        panic!("{word} was never said");
    };
    within(word, reading).await;
}

/// Reads a feed until something is true.
async fn until(
    feed: &mut ChatFeed,
    screen: &mut Screen,
    what: &str,
    mut done: impl FnMut(&ChatEvent) -> bool,
) {
    let reading = async {
        while let Some(event) = feed.next().await {
            let event = event.unwrap();
            screen.show(&event);
            if done(&event) {
                return;
            }
        }
        panic!("the feed ended before {what}");
    };
    within(what, reading).await;
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come within {BOUND:?}"))
}

/// What was seen and what is on record must be what the server has.
async fn assert_same(conversation: &Conversation, screen: &Screen) {
    assert_settled(conversation, || screen.clone()).await;
}

/// The same for one who follows everything by a feed.
async fn assert_same_on(conversation: &Conversation, feed: &mut ChatFeed, screen: &mut Screen) {
    let look = || {
        while let Some(event) = feed.try_next() {
            screen.show(&event.unwrap());
        }
        screen.clone()
    };
    assert_settled(conversation, look).await;
}

async fn assert_settled(conversation: &Conversation, screen: impl FnMut() -> Screen) {
    let Settled { difference, .. } = settle(conversation, conversation.client(), screen).await.unwrap();
    assert!(difference.is_none(), "{difference:#?}");
}

fn text_of(message: &Message) -> String {
    let text = |body: &PartBody| match body {
        PartBody::Text { text, .. } => Some(text.clone()),
        _ => None,
    };
    message.parts.iter().filter_map(|p| text(&p.body)).collect()
}

/// What a screen shows that joins now.
fn texts(transcript: &Transcript) -> BTreeMap<String, String> {
    let parts = transcript.messages().iter().flat_map(|m| &m.parts);
    parts.filter_map(|p| Some((p.id.to_string(), p.text()?.to_owned()))).collect()
}

/// The texts of the agent's messages, in order.
fn answers(conversation: &Conversation) -> Vec<String> {
    conversation.with_transcript(|t| {
        t.messages()
            .iter()
            .filter(|m| m.role == Role::Assistant)
            .map(text_of)
            .filter(|t| !t.is_empty())
            .collect()
    })
}
