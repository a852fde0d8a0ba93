//! The history beside real servers: what is stored is what the servers have, whatever happens to us in between.

mod killed;
mod mirror;
mod outbox;
mod sync;

use std::path::Path;
use std::time::Duration;

use opencode_nexus::chat::{Conversation, ConversationOptions, OutcomeKind, TurnOutcome, digest};
use opencode_nexus::dialect::Line;
use opencode_nexus::history::{History, MirrorState, StoredConversation};
use opencode_nexus::model::SessionId;
use opencode_nexus::{Client, ErrorKind};
use opencode_nexus_suite::open_vault;
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Scripted};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::json;

/// Whatever is waited for comes within this, or the test fails.
const BOUND: Duration = Duration::from_secs(60);

/// A new vault in a folder, or the one that is there.
fn open(folder: &Path) -> History {
    History::new(open_vault(folder))
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("nexus-history-").tempdir().unwrap()
}

/// The model of most tests: it echoes, and knows a few words that make it do more.
fn model() -> Behaviour {
    Behaviour::new(vec![
        Scripted::new("^SLOW", vec![vec![Action::text("It begins. "), Action::tokens(400, 5).at(100.0)]]),
        Scripted::new("", vec![vec![Action::text("Echo: {{user}}")]]),
    ])
}

fn quick() -> TestServerOptions {
    let permission = json!({"bash": "allow", "edit": "allow"});
    TestServerOptions { snapshot: false, permission, ..TestServerOptions::with(model()) }
}

/// A client whose conversations are kept.
async fn client(server: &TestServer, history: &History) -> Client {
    let directory = server.directory.to_string_lossy();
    Client::builder(&server.url).directory(directory).history(history.clone()).connect().await.unwrap()
}

/// A client without a history: it sees what the server has.
async fn plain(server: &TestServer) -> Client {
    Client::builder(&server.url).directory(server.directory.to_string_lossy()).connect().await.unwrap()
}

async fn say(conversation: &Conversation, text: &str) -> TurnOutcome {
    within("the end of a turn", conversation.prompt(text).await.unwrap().finish()).await.unwrap()
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come within {BOUND:?}"))
}

/// What is stored of a session is what the server has, by the form that people see; servers write after the end of a turn as
/// well, so it may become true a moment later.
async fn assert_stored(server: &TestServer, history: &History, conversation: &Conversation, what: &str) {
    // Another one that is kept would write as well.
    let plain = plain(server).await;
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let mut same = conversation.history_state() == Some(MirrorState::Written);
        for session in conversation.sessions() {
            conversation.flush_history(BOUND).await.unwrap();
            let stored = history.conversation(&session).await.unwrap();
            let told = conversation.with_child(&session, |t| t.messages().to_vec()).unwrap();
            let opened = plain.open(session.clone(), ConversationOptions::default()).await.unwrap();
            let theirs = opened.read_messages().await.unwrap();
            let (ours, theirs) = (digest::messages(&stored.messages), digest::messages(&theirs));
            same &= ours == theirs && stored.messages == told;
            if tokio::time::Instant::now() >= until {
                assert_eq!(ours, theirs, "{what}: {session}");
                assert_eq!(stored.messages, told, "{what}: {session} whole");
            }
        }
        if same {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn stored(history: &History, session: &SessionId) -> Option<StoredConversation> {
    match history.conversation(session).await {
        Ok(conversation) => Some(conversation),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{error:?}"),
    }
}
