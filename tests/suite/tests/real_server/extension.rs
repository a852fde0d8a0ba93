//! What others add sees every prompt before it is sent and every answer once, on both lines.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus::chat::{Conversation, ConversationOptions, OutcomeKind, Prompt, PromptPart};
use opencode_nexus::dialect::Action;
use opencode_nexus::extension::{Extensions, PromptHook, Provided, Verdict};
use opencode_nexus::model::{Message, MessageId, Part, Role, SessionId};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use opencode_nexus_testkit::stories::Screen;
use serde_json::json;

use super::{allowed, answers, model, say, watch, within};

const BOUND: Duration = Duration::from_secs(20);

/// Takes a secret out, and blocks or fails by certain words.
struct Guard {
    must_agree: bool,
    heard: Mutex<Vec<(SessionId, Message)>>,
}

#[async_trait]
impl PromptHook for Guard {
    fn name(&self) -> &str {
        "tests.guard"
    }

    fn must_agree(&self) -> bool {
        self.must_agree
    }

    async fn before_send(&self, _: &SessionId, prompt: &Prompt) -> Result<Verdict> {
        let text = format!("{:?}", prompt.parts);
        if text.contains("PRIVATE") {
            return Ok(Verdict::Block("there is a private key in it".into()));
        }
        if text.contains("BROKEN") {
            return Err(Error::new(ErrorKind::Internal, "it is broken"));
        }
        if !text.contains("hunter2") {
            return Ok(Verdict::Keep);
        }
        let parts = prompt.parts.iter().map(|part| match part {
            PromptPart::Text(text) => PromptPart::Text(text.replace("hunter2", "[removed]")),
            other => other.clone(),
        });
        Ok(Verdict::Replace(parts.collect()))
    }

    async fn after_message(&self, session: &SessionId, message: &Message) {
        self.heard.lock().unwrap().push((session.clone(), message.clone()));
    }
}

impl Guard {
    fn new(must_agree: bool) -> Arc<Self> {
        Arc::new(Self { must_agree, heard: Mutex::default() })
    }

    fn heard(&self) -> Vec<MessageId> {
        self.heard.lock().unwrap().iter().map(|(_, message)| message.id.clone()).collect()
    }
}

async fn guarded(server: &TestServer, guard: &Arc<Guard>) -> (Client, Extensions) {
    let extensions = Extensions::default();
    extensions.provide("tests.guard", Provided { hooks: vec![guard.clone()], ..Provided::default() });
    let builder = Client::builder(&server.url).directory(server.directory.to_string_lossy());
    (builder.extensions(extensions.clone()).connect().await.unwrap(), extensions)
}

/// Everything that the model was ever told.
fn told(server: &TestServer) -> String {
    server.model.prompts().iter().map(|prompt| prompt.body.to_string()).collect()
}

fn said(conversation: &Conversation) -> Vec<String> {
    conversation.with_transcript(|transcript| {
        let prompts = transcript.messages().iter().filter(|message| message.role == Role::User);
        prompts.flat_map(|message| message.parts.iter().filter_map(Part::text).map(str::to_owned)).collect()
    })
}

async fn prompts_pass_the_hooks(server: &TestServer) {
    let guard = Guard::new(false);
    let (client, extensions) = guarded(server, &guard).await;
    let conversation = client.create(None).await.unwrap();
    let mut notices = extensions.notices().subscribe();

    say(&conversation, "the password is hunter2").await;
    assert_eq!(said(&conversation), ["the password is [removed]"]);
    assert_eq!(answers(&conversation), ["Echo: the password is [removed]"]);
    assert!(!told(server).contains("hunter2"), "it has left this machine");

    let before = server.model.prompts().len();
    let error = conversation.prompt("PRIVATE KEY").await.unwrap_err();
    assert_eq!(error.code(), "user.blocked");
    assert_eq!(error.message(), "nothing was sent: tests.guard says: there is a private key in it");
    let messages = within("the messages", conversation.read_messages()).await.unwrap();
    assert_eq!((messages.len(), server.model.prompts().len()), (2, before), "nothing was sent");
    assert!(notices.try_next().is_none());

    say(&conversation, "BROKEN but sent").await;
    assert_eq!(said(&conversation).last().map(String::as_str), Some("BROKEN but sent"));
    let notice = notices.try_next().expect("the person is told");
    assert_eq!(notice.source, "tests.guard");
    assert!(notice.text.contains("was sent as it is: it is broken"), "{notice}");
    assert!(notices.try_next().is_none(), "and once");

    // Arguments of a server's command are a prompt as well.
    let action = |arguments: &str| Action::Command { name: "init".into(), arguments: arguments.into() };
    let error = conversation.act(action("PRIVATE"), None, None).await.unwrap_err();
    assert_eq!(error.code(), "user.blocked");

    let strict = Guard::new(true);
    extensions.provide("tests.guard", Provided { hooks: vec![strict], ..Provided::default() });
    let before = server.model.prompts().len();
    let error = conversation.prompt("BROKEN and not sent").await.unwrap_err();
    assert_eq!(error.code(), "user.blocked");
    assert!(error.message().contains("tests.guard must agree and has failed: it is broken"), "{error}");
    assert_eq!(server.model.prompts().len(), before);
}

async fn every_answer_is_told_once(server: &TestServer) {
    let guard = Guard::new(false);
    let (client, extensions) = guarded(server, &guard).await;
    let conversation = client.create(None).await.unwrap();
    // Another one follows the same session.
    let other = client.open(conversation.session_id().clone(), ConversationOptions::default()).await.unwrap();
    let turn = conversation.prompt("BASH").await.unwrap();
    assert_eq!(watch(turn, &mut Screen::default()).await.unwrap().kind, OutcomeKind::Completed);
    say(&conversation, "and then").await;
    assert!(conversation.flush_hooks(BOUND).await && other.flush_hooks(BOUND).await);

    let (ids, all) = conversation.with_transcript(|transcript| {
        let answers = transcript.messages().iter().filter(|message| message.role == Role::Assistant);
        let all: Vec<Message> = answers.cloned().collect();
        (all.iter().map(|message| message.id.clone()).collect::<Vec<_>>(), all)
    });
    assert_eq!(guard.heard(), ids);
    for ((session, heard), message) in guard.heard.lock().unwrap().iter().zip(&all) {
        assert_eq!(session, conversation.session_id());
        let text = |message: &Message| message.parts.iter().filter_map(Part::text).collect::<String>();
        assert_eq!(text(heard), text(message), "it is whole");
        assert!(heard.completed.is_some());
    }

    // What was said before a hook came, or before the session was opened, is not told.
    extensions.withdraw("tests.guard");
    say(&conversation, "unheard").await;
    assert!(conversation.flush_hooks(BOUND).await);
    extensions.provide("tests.guard", Provided { hooks: vec![guard.clone()], ..Provided::default() });
    let again = client.open(conversation.session_id().clone(), ConversationOptions::default()).await.unwrap();
    assert!(conversation.flush_hooks(BOUND).await && again.flush_hooks(BOUND).await);
    assert_eq!(guard.heard(), ids);
    say(&again, "heard").await;
    assert!(again.flush_hooks(BOUND).await && conversation.flush_hooks(BOUND).await);
    assert_eq!(guard.heard().len(), ids.len() + 1);
}

fn second() -> TestServerOptions {
    let permission = json!({"bash": "allow", "edit": "allow"});
    TestServerOptions { version: SECOND.to_owned(), permission, ..TestServerOptions::with(model()) }
}

#[tokio::test]
async fn prompts_pass_the_hooks_on_the_way_to_one() {
    let server = TestServer::start(allowed()).await.unwrap();
    prompts_pass_the_hooks(&server).await;
}

#[test]
fn prompts_pass_the_hooks_on_the_way_to_two() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        prompts_pass_the_hooks(&server).await;
    });
}

#[tokio::test]
async fn every_answer_of_one_is_told_once() {
    let server = TestServer::start(allowed()).await.unwrap();
    every_answer_is_told_once(&server).await;
}

#[test]
fn every_answer_of_two_is_told_once() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        every_answer_is_told_once(&server).await;
    });
}
