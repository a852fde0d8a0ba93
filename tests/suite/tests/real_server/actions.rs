//! Turns that are not prompts: slash commands and shell commands.

use std::time::Duration;

use opencode_nexus::chat::OutcomeKind;
use opencode_nexus::dialect::Action;
use opencode_nexus::model::ToolStatus;
use opencode_nexus_testkit::fault_proxy::{At, End, Fault, FaultPlan};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::Screen;
use serde_json::json;

use super::{allowed, answers, assert_same, behind, client, watch};

#[tokio::test]
async fn a_slash_command_is_expanded_by_the_server_and_answered() {
    let server = with_command("greet", "Say hello to $ARGUMENTS").await;
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
    // The session is not broken by that, nor is the error taken for the next turn's when its event comes late.
    let turn = conversation.act(command("greet"), None, None).await.unwrap();
    assert_eq!(watch(turn, &mut Screen::default()).await.unwrap().kind, OutcomeKind::Completed);
}

/// A server with one slash command.
async fn with_command(name: &str, template: &str) -> TestServer {
    let mut config = serde_json::Map::new();
    config.insert("command".into(), json!({name: {"template": template, "description": "A test's"}}));
    TestServer::start(TestServerOptions { config, ..allowed() }).await.unwrap()
}

/// 1.x answers a command at its end, on another connection than the one of the events.
#[tokio::test]
async fn the_answer_to_a_command_that_overtakes_its_events_ends_no_turn_without_what_was_said() {
    let server = with_command("greet", "Say hello to $ARGUMENTS").await;
    let late = Fault::cut(At::Frame(1), End::Stall(Some(Duration::from_secs(3))));
    let plan = FaultPlan::events(move |nth| if nth == 0 { late.clone() } else { Fault::none() });
    let (_proxy, conversation) = behind(&server, plan).await;
    let mut screen = Screen::default();
    let greet = |arguments: &str| Action::Command { name: "greet".into(), arguments: arguments.into() };
    let turn = conversation.act(greet("Ada"), None, None).await.unwrap();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_eq!(answers(&conversation), ["Echo: Say hello to Ada"], "when the turn has ended");
    assert_same(&conversation, &screen).await;
}

/// The server runs it before the session is busy, so for a while it says that nothing runs.
#[tokio::test]
async fn a_slash_command_whose_program_takes_long_is_waited_for() {
    let server = with_command("slow", "It said !`sleep 7; echo enough`").await;
    let conversation = client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let slow = Action::Command { name: "slow".into(), arguments: String::new() };
    let turn = conversation.act(slow, None, None).await.unwrap();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_eq!(answers(&conversation).len(), 1);
    assert!(answers(&conversation)[0].contains("enough"), "{:?}", answers(&conversation));
    assert_same(&conversation, &screen).await;
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
