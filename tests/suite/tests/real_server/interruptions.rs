//! Servers that go away in the middle of a turn: restarted, killed, or told to drop their state.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use opencode_nexus::chat::{ChatEvent, ConversationOptions, OutcomeKind};
use opencode_nexus::server::{Home, LocalServer, PINNED, ServerOptions};
use opencode_nexus::{Client, ErrorKind};
use opencode_nexus_testkit::scripted::{ScriptedModel, server_config};
use opencode_nexus_testkit::server::{TestServer, opencode_binary};
use opencode_nexus_testkit::stories::Screen;
use serde_json::json;

use super::{allowed, answers, assert_same, client, model, say, until, until_said, watch};

/// A home and a project that outlive their server.
struct Place {
    folder: tempfile::TempDir,
    model: ScriptedModel,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("nexus-place-").tempdir().unwrap();
        let project = folder.path().join("project");
        std::fs::create_dir(&project).unwrap();
        std::fs::write(folder.path().join("models.json"), "{}").unwrap();
        let git = Command::new("git").args(["init", "--quiet"]).current_dir(&project).status();
        assert!(git.expect("install git, for example by apt").success());
        Self { folder, model: ScriptedModel::start(model()).await.unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A server with this home and project, on the port of the one before if there was one.
    async fn serve(&self, port: Option<u16>) -> LocalServer {
        let mut options =
            ServerOptions::new(opencode_binary(PINNED).await.unwrap(), self.path().join("project"));
        options.home = Home::At(self.path().join("home"));
        options.port = port;
        let mut config = server_config(&self.model, json!({"bash": "allow", "edit": "allow"}));
        config["snapshot"] = json!(false);
        options.config = Some(config);
        let catalogue = self.path().join("models.json").display().to_string();
        options.environment.push(("OPENCODE_MODELS_PATH".into(), catalogue));
        options.start_bound = super::BOUND;
        LocalServer::start(options).await.unwrap()
    }

    async fn client(&self, server: &LocalServer) -> Client {
        Client::builder(server.url())
            .directory(self.path().join("project").to_string_lossy())
            .connect()
            .await
            .unwrap()
    }
}

/// `kill -9`, as the system does when memory is short.
fn kill(server: &LocalServer) {
    let pid = server.pid().expect("the server told its process id").to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
}

#[tokio::test]
async fn a_turn_ends_when_its_server_is_restarted_and_the_conversation_goes_on() {
    let place = Place::new().await;
    let server = place.serve(None).await;
    let conversation = place.client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let mut turn = conversation.prompt("HANG now").await.unwrap();
    until_said(&mut turn, "It begins.", &mut screen).await;
    let port = server.port();
    server.stop().await.unwrap();
    let server = place.serve(Some(port)).await;
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_ne!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_same(&conversation, &screen).await;
    let turn = conversation.prompt("still there?").await.unwrap();
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    assert_eq!(answers(&conversation).last().unwrap(), "Echo: still there?");
    assert_same(&conversation, &screen).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_turn_ends_when_its_server_is_killed_and_started_again() {
    let place = Place::new().await;
    let server = place.serve(None).await;
    let conversation = place.client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let mut turn = conversation.prompt("HANG now").await.unwrap();
    until_said(&mut turn, "It begins.", &mut screen).await;
    let port = server.port();
    kill(&server);
    server.exited().await;
    let server = place.serve(Some(port)).await;
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
    assert_same(&conversation, &screen).await;
    let turn = conversation.prompt("still there?").await.unwrap();
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    assert_same(&conversation, &screen).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_turn_is_given_up_when_its_server_was_killed_and_does_not_come_back() {
    let place = Place::new().await;
    let server = place.serve(None).await;
    let options = ConversationOptions { give_up: Duration::from_secs(2), ..ConversationOptions::default() };
    let conversation = place.client(&server).await.create_with(None, options).await.unwrap();
    let mut turn = conversation.prompt("HANG now").await.unwrap();
    let mut screen = Screen::default();
    until_said(&mut turn, "It begins.", &mut screen).await;
    kill(&server);
    let error = watch(turn, &mut screen).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unreachable, "system.unreachable"));
    assert!(error.hint().is_some() && !error.to_string().contains('\n'), "{error}");
}

#[tokio::test]
async fn the_stream_works_on_after_the_server_has_dropped_its_state() {
    let server = TestServer::start(allowed()).await.unwrap();
    let client = client(&server).await;
    let conversation = client.create(None).await.unwrap();
    assert_eq!(say(&conversation, "one").await.kind, OutcomeKind::Completed);
    let mut feed = conversation.subscribe();
    let mut screen = Screen::default();
    client.call(&opencode_api::v1::operations::instance::Dispose::new()).await.unwrap();
    until(&mut feed, &mut screen, "the reconnection", |e| matches!(e, ChatEvent::Recovered)).await;
    let turn = conversation.prompt("two").await.unwrap();
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    assert_eq!(answers(&conversation), ["Echo: one", "Echo: two"]);
}

#[tokio::test]
async fn a_turn_ends_when_the_server_drops_its_state_in_the_middle() {
    let server = TestServer::start(allowed()).await.unwrap();
    let client = client(&server).await;
    let conversation = client.create(None).await.unwrap();
    let mut screen = Screen::default();
    let mut turn = conversation.prompt("HANG now").await.unwrap();
    until_said(&mut turn, "It begins.", &mut screen).await;
    client.call(&opencode_api::v1::operations::instance::Dispose::new()).await.unwrap();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_ne!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_same(&conversation, &screen).await;
    assert_eq!(say(&conversation, "still there?").await.kind, OutcomeKind::Completed);
}
