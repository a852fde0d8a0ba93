//! Turns that are not prompts: slash commands and shell commands.

use opencode_nexus::chat::OutcomeKind;
use opencode_nexus::dialect::Action;
use opencode_nexus::model::ToolStatus;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::Screen;
use serde_json::json;

use super::{allowed, answers, assert_same, client, watch};

#[tokio::test]
async fn a_slash_command_is_expanded_by_the_server_and_answered() {
    let mut config = serde_json::Map::new();
    config.insert(
        "command".into(),
        json!({"greet": {"template": "Say hello to $ARGUMENTS", "description": "Greet"}}),
    );
    let server = TestServer::start(TestServerOptions { config, ..allowed() }).await.unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let command = |name: &str| Action::Command { name: name.into(), arguments: "Ada é".into() };
    let mut screen = Screen::default();
    let turn = conversation.act(command("greet"), None, None).await.unwrap();
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    assert_eq!(answers(&conversation), ["Echo: Say hello to Ada é"]);
    assert_same(&conversation, &screen).await;

    let turn = conversation.act(command("nonsense"), None, None).await.unwrap();
    let error = watch(turn, &mut Screen::default()).await.unwrap_err();
    assert!(!error.to_string().contains('\n') && error.operation() == Some("session.command"), "{error:?}");
    // The session is not broken by that.
    let turn = conversation.act(command("greet"), None, None).await.unwrap();
    assert_eq!(watch(turn, &mut Screen::default()).await.unwrap().kind, OutcomeKind::Completed);
}

#[tokio::test]
async fn a_shell_command_runs_and_becomes_part_of_the_conversation() {
    let server = TestServer::start(allowed()).await.unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let shell = Action::Shell { command: "cat hello.txt && echo é".into() };
    let turn = conversation.act(shell, None, None).await.unwrap();
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    let call = conversation.with_transcript(|t| {
        t.messages().iter().flat_map(|m| &m.parts).find_map(|p| p.tool().cloned()).unwrap()
    });
    assert_eq!((call.tool.as_str(), &call.status), ("bash", &ToolStatus::Completed));
    assert!(call.output.as_deref().unwrap().contains("hello\né"), "{call:?}");
    assert_same(&conversation, &screen).await;
}
