//! OpenCode 2 where it is not as 1.x: its inbox, its reverts, its forms, its password, its pages; and what happens when a
//! server of one line takes the place of one of the other.

use opencode_nexus::chat::{ChatEvent, ConversationOptions, Delivery, OutcomeKind, Prompt};
use opencode_nexus::dialect::{Action, Line, SessionFilter};
use opencode_nexus::model::Role;
use opencode_nexus::{Client, ErrorKind};
use opencode_nexus_testkit::server::{PASSWORD, SECOND, TestServer, TestServerOptions, isolated_test};
use opencode_nexus_testkit::stories::Screen;
use serde_json::json;

use super::{answers, assert_same, client, model, say, until, until_said, watch, within};

fn second() -> TestServerOptions {
    let permission = json!({"bash": "allow", "edit": "allow"});
    TestServerOptions { version: SECOND.to_owned(), permission, ..TestServerOptions::with(model()) }
}

#[test]
fn sessions_are_made_named_found_forked_and_deleted() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let client = client(&server).await;
        assert_eq!(client.server().line, Line::V2);
        let conversation = client.create(Some("A first look")).await.unwrap();
        let directory = conversation.with_transcript(|t| t.session().unwrap().directory.clone());
        assert_eq!(directory, server.directory.to_string_lossy());
        say(&conversation, "one").await;
        say(&conversation, "two").await;
        conversation.rename("Another name").await.unwrap();
        let second_prompt = conversation.with_transcript(|t| {
            t.messages().iter().filter(|m| m.role == Role::User).nth(1).map(|m| m.id.clone())
        });
        let fork = conversation.fork(second_prompt.as_ref()).await.unwrap();
        assert_eq!(answers(&fork), ["Echo: one"]);
        say(&fork, "three").await;
        assert_eq!(answers(&fork), ["Echo: one", "Echo: three"]);
        assert_eq!(answers(&conversation), ["Echo: one", "Echo: two"]);
        let filter = SessionFilter { search: Some("Another".into()), ..SessionFilter::default() };
        let found = client.sessions(&filter).await.unwrap();
        assert!(found.iter().any(|s| s.id == *conversation.session_id()), "{found:?}");
        let id = conversation.session_id().clone();
        conversation.delete().await.unwrap();
        let error = client.open(id, ConversationOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    });
}

#[test]
fn every_page_of_sessions_is_read() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let client = client(&server).await;
        let create = || opencode_api::v2::operations::session::Create::new();
        for _ in 0..203 {
            client.call(&create()).await.unwrap();
        }
        assert_eq!(client.sessions(&SessionFilter::default()).await.unwrap().len(), 203);
        let some = SessionFilter { limit: Some(7), ..SessionFilter::default() };
        assert_eq!(client.sessions(&some).await.unwrap().len(), 7);
    });
}

#[test]
fn a_revert_is_staged_and_taken_back() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let conversation = client(&server).await.create(None).await.unwrap();
        say(&conversation, "one").await;
        say(&conversation, "two").await;
        let prompt = conversation.with_transcript(|t| {
            t.messages().iter().filter(|m| m.role == Role::User).nth(1).map(|m| m.id.clone()).unwrap()
        });
        let reverted = conversation.revert(&prompt, None).await.unwrap();
        assert_eq!(reverted.revert.as_ref().map(|r| &r.message_id), Some(&prompt));
        assert_eq!(conversation.unrevert().await.unwrap().revert, None);
        conversation.revert(&prompt, None).await.unwrap();
        // What was taken back is gone when the conversation goes on.
        say(&conversation, "three").await;
        assert_eq!(answers(&conversation), ["Echo: one", "Echo: three"]);
        assert_same(&conversation, &shown(&conversation)).await;
    });
}

/// A screen of somebody who has seen everything.
fn shown(conversation: &opencode_nexus::chat::Conversation) -> Screen {
    Screen { texts: conversation.with_transcript(super::texts), ..Screen::default() }
}

#[test]
fn a_prompt_that_waits_is_shown_and_answered_in_its_turn() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let conversation = client(&server).await.create(None).await.unwrap();
        let mut feed = conversation.subscribe();
        let mut screen = Screen::default();
        let mut first = conversation.prompt("SLOW one").await.unwrap();
        until_said(&mut first, "It begins.", &mut screen).await;
        let later = Prompt::text("two").with_delivery(Delivery::Queue);
        let second = conversation.prompt(later).await.unwrap();
        let mut own = Screen::default();
        let waiting = second.message_id().clone();
        until(
            &mut feed,
            &mut own,
            "the waiting prompt",
            |e| matches!(e, ChatEvent::Queued(m) if m.id == waiting),
        )
        .await;
        assert_eq!(conversation.with_transcript(|t| t.queued().len()), 1);
        let outcome = watch(second, &mut Screen::default()).await.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Completed);
        assert_eq!(watch(first, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
        assert_eq!(conversation.with_transcript(|t| t.queued().len()), 0);
        assert_eq!(answers(&conversation).last().unwrap(), "Echo: two");
        assert_same(&conversation, &shown(&conversation)).await;
    });
}

#[test]
fn a_wrong_password_is_told_at_once() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let address = server.server.url().replacen("://", "://opencode:wrong@", 1);
        let error = within("the refusal", Client::connect(address)).await.unwrap_err();
        assert_eq!(error.code(), "security.unauthorized");
        assert!(!format!("{error:?}").contains("wrong@"), "{error:?}");
    });
}

#[test]
fn a_turn_ends_when_its_server_is_killed_and_started_again() {
    isolated_test(SECOND, || async {
        let mut server = TestServer::start(second()).await.unwrap();
        let conversation = client(&server).await.create(None).await.unwrap();
        let mut screen = Screen::default();
        let mut turn = conversation.prompt("HANG now").await.unwrap();
        until_said(&mut turn, "It begins.", &mut screen).await;
        server.kill_and_restart().await.unwrap();
        let outcome = watch(turn, &mut screen).await.unwrap();
        assert_ne!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
        assert_same(&conversation, &screen).await;
        let turn = conversation.prompt("still there?").await.unwrap();
        assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
        assert_same(&conversation, &screen).await;
    });
}

#[test]
fn a_server_of_the_other_line_at_the_same_address_is_noticed_and_spoken_to() {
    isolated_test(SECOND, || async {
        let first = TestServerOptions { password: Some(PASSWORD.to_owned()), ..super::quick() };
        let server = TestServer::start(first).await.unwrap();
        let (port, address) = (server.server.port(), server.server.url().to_owned());
        let address = address.replacen("://", &format!("://opencode:{PASSWORD}@"), 1);
        let client = Client::builder(address).directory("/tmp").connect().await.unwrap();
        let conversation = client.create(None).await.unwrap();
        let mut feed = conversation.subscribe();
        assert_eq!(client.server().line, Line::V1);
        drop(server);
        let _server = TestServer::start(TestServerOptions { port: Some(port), ..second() }).await.unwrap();
        let error = within("the end of the conversation", async {
            loop {
                match feed.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return error,
                    None => panic!("it ended without a reason"),
                }
            }
        })
        .await;
        assert_eq!(error.code(), "system.incompatible");
        assert!(error.message().contains("OpenCode 2.") && error.hint().is_some(), "{error}");
        assert_eq!(client.server().line, Line::V2);
        let conversation = client.create(None).await.unwrap();
        assert_eq!(say(&conversation, "hello").await.kind, OutcomeKind::Completed);
    });
}

#[test]
fn what_this_line_lacks_is_refused_before_anything_is_sent() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let client = client(&server).await;
        let lacks = client.capabilities();
        assert!(!lacks.todos && !lacks.sharing && !lacks.system_prompt && lacks.queue);
        let conversation = client.create(None).await.unwrap();
        let prompt = Prompt { system: Some("Be brief.".into()), ..Prompt::text("hello") };
        let error = conversation.prompt(prompt).await.unwrap_err();
        assert_eq!(error.code(), "user.unsupported");
        assert_eq!(conversation.share().await.unwrap_err().code(), "user.unsupported");
        assert!(conversation.with_transcript(|t| t.messages().is_empty()));
    });
}

#[test]
fn a_shell_command_and_a_summary_are_turns_too() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let conversation = client(&server).await.create(None).await.unwrap();
        say(&conversation, "one").await;
        for (action, kind, word) in [
            (Action::Shell { command: "echo by-hand".into() }, "shell", "by-hand"),
            (Action::Summarize, "compaction", "Echo: "),
        ] {
            let turn = conversation.act(action, None, None).await.unwrap();
            let outcome = watch(turn, &mut Screen::default()).await.unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Completed, "{kind}: {outcome:?}");
            let notes: Vec<_> = conversation.with_transcript(|t| {
                t.messages().iter().filter(|m| m.role.word() == kind).cloned().collect()
            });
            assert!(notes.iter().any(|note| super::text_of(note).contains(word)), "{kind}: {notes:?}");
        }
        say(&conversation, "two").await;
        assert_same(&conversation, &shown(&conversation)).await;
    });
}

#[test]
fn the_configuration_is_read_without_keys_and_only_the_shell_can_be_changed() {
    isolated_test(SECOND, || async {
        let server = TestServer::start(second()).await.unwrap();
        let client = client(&server).await;
        let before = client.configuration().await.unwrap();
        assert_eq!(before.model.as_ref().map(ToString::to_string).as_deref(), Some("scripted/scripted"));
        assert!(!before.effective.to_string().contains("scripted-key"), "{before:?}");
        client.patch_configuration(&json!({"shell": "/bin/sh"})).await.unwrap();
        // The server answers first and reads its files again then (2.0.14, seen).
        within("the change", async {
            while client.configuration().await.unwrap().changeable != json!({"shell": "/bin/sh"}) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        })
        .await;
        let error = client.patch_configuration(&json!({"model": "a/b"})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}
