//! Permissions that a policy answers: by rule, in time, and for sub-agents.

use std::time::Duration;

use opencode_nexus::chat::{AskPolicy, ChatEvent, Conversation, ConversationOptions, Decision, OutcomeKind};
use opencode_nexus::model::{PermissionReply, ToolStatus};
use opencode_nexus_testkit::server::TestServer;
use opencode_nexus_testkit::stories::Screen;

use super::{assert_same, client, quick, texts, until, watch};

async fn conversation(server: &TestServer, policy: AskPolicy) -> Conversation {
    let options = ConversationOptions { policy, ..ConversationOptions::default() };
    client(server).await.create_with(None, options).await.unwrap()
}

fn tools(conversation: &Conversation) -> Vec<ToolStatus> {
    conversation.with_transcript(|t| {
        t.messages()
            .iter()
            .flat_map(|m| &m.parts)
            .filter_map(|p| p.tool().map(|c| c.status.clone()))
            .collect()
    })
}

/// One prompt; each request that is asked must be closed once.
async fn told(conversation: &Conversation, prompt: &str) -> (OutcomeKind, Vec<Option<PermissionReply>>) {
    let (shown, mut feed) = conversation.watch(texts);
    let (mut screen, mut open, mut closed) =
        (Screen { texts: shown, ..Screen::default() }, Vec::new(), Vec::new());
    let mut kind = None;
    conversation.prompt(prompt).await.unwrap().detach();
    until(&mut feed, &mut screen, "the end", |event| {
        let event = match event {
            ChatEvent::Child { event, .. } => event,
            event => event,
        };
        match event {
            ChatEvent::PermissionAsked(ask) => open.push(ask.id.clone()),
            ChatEvent::PermissionClosed { id, reply } => {
                let at = open.iter().position(|o| o == id).expect("it was asked, and not closed before");
                open.remove(at);
                closed.push(reply.clone());
            }
            ChatEvent::TurnEnded { outcome, .. } => kind = Some(outcome.kind),
            _ => {}
        }
        kind.is_some()
    })
    .await;
    assert!(open.is_empty(), "never closed: {open:?}");
    assert_same(conversation, &screen).await;
    (kind.unwrap(), closed)
}

#[tokio::test]
async fn a_policy_that_allows_answers_by_itself() {
    let server = TestServer::start(quick()).await.unwrap();
    let conversation = conversation(&server, AskPolicy::allow_all()).await;
    let (kind, closed) = told(&conversation, "BASH it").await;
    assert_eq!((kind, closed), (OutcomeKind::Completed, vec![Some(PermissionReply::Once)]));
    assert_eq!(tools(&conversation), [ToolStatus::Completed]);
}

#[tokio::test]
async fn a_policy_that_denies_lets_the_tool_fail() {
    let server = TestServer::start(quick()).await.unwrap();
    let conversation = conversation(&server, AskPolicy::deny_all()).await;
    let (_, closed) = told(&conversation, "BASH it").await;
    assert_eq!(closed, [Some(PermissionReply::Reject { message: None })]);
    assert_eq!(tools(&conversation), [ToolStatus::Error]);
}

#[tokio::test]
async fn rules_decide_by_pattern_and_the_last_one_wins() {
    let server = TestServer::start(quick()).await.unwrap();
    let policy = AskPolicy::deny_all().with_rule("bash", "*", Decision::Deny).with_rule(
        "bash",
        "ls *",
        Decision::Allow,
    );
    let conversation = conversation(&server, policy).await;
    assert_eq!(told(&conversation, "LIST it").await.1, [Some(PermissionReply::Once)]);
    assert_eq!(told(&conversation, "BASH it").await.1, [Some(PermissionReply::Reject { message: None })]);
    assert_eq!(tools(&conversation), [ToolStatus::Completed, ToolStatus::Error]);
}

#[tokio::test]
async fn what_nobody_answers_is_refused_when_its_time_is_over() {
    let server = TestServer::start(quick()).await.unwrap();
    let policy = AskPolicy { bound: Some(Duration::from_secs(1)), ..AskPolicy::default() };
    let conversation = conversation(&server, policy).await;
    assert_eq!(told(&conversation, "BASH it").await.1, [Some(PermissionReply::Reject { message: None })]);
    assert_eq!(tools(&conversation), [ToolStatus::Error]);
}

#[tokio::test]
async fn the_policy_answers_for_sub_agents_too() {
    let server = TestServer::start(quick()).await.unwrap();
    let policy = AskPolicy::deny_all().with_rule("*", "echo child", Decision::Allow).with_rule(
        "task",
        "*",
        Decision::Allow,
    );
    let conversation = conversation(&server, policy).await;
    let (kind, closed) = told(&conversation, "TASK do").await;
    assert_eq!(kind, OutcomeKind::Completed);
    assert_eq!(closed, [Some(PermissionReply::Once)], "the child's shell command");
    let child = conversation.children().await.unwrap().remove(0);
    let ran = conversation.with_child(&child.id, |t| {
        t.messages()
            .iter()
            .flat_map(|m| &m.parts)
            .any(|p| p.tool().is_some_and(|c| c.status == ToolStatus::Completed))
    });
    assert_eq!(ran, Some(true));
}

#[tokio::test]
async fn an_answer_counts_once_and_a_second_one_is_told_so() {
    let server = TestServer::start(quick()).await.unwrap();
    let conversation = conversation(&server, AskPolicy::default()).await;
    let mut turn = conversation.prompt("BASH it").await.unwrap();
    let mut screen = Screen::default();
    while let Some(event) = turn.next().await {
        let event = event.unwrap();
        screen.show(&event);
        if let ChatEvent::PermissionAsked(ask) = event {
            assert!(conversation.reply_permission(&ask.id, PermissionReply::Once).await.unwrap());
            assert!(!conversation.reply_permission(&ask.id, PermissionReply::Once).await.unwrap());
            break;
        }
    }
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    assert_same(&conversation, &screen).await;
}
