//! Conversations that are followed: tools, sub-agents, errors, stops and undo, on both lines.

use opencode_nexus_testkit::server::{SECOND, isolated_test};
use opencode_nexus_testkit::stories::{behaviour, play, stories};

use super::*;

async fn every_story_is_stored(line: Line, version: &str) {
    let options = TestServerOptions {
        version: version.to_owned(),
        snapshot: false,
        ..TestServerOptions::with(behaviour(line))
    };
    let server = TestServer::start(options).await.unwrap();
    let folder = folder();
    let history = open(folder.path());
    let client = client(&server, &history).await;
    let mut ids = Vec::new();
    for (run, story) in stories(line).iter().enumerate() {
        let conversation = client.create(Some(story.name)).await.unwrap();
        play(&conversation, story, run).await.unwrap();
        assert_stored(&server, &history, &conversation, story.name).await;
        ids.push((
            conversation.session_id().clone(),
            conversation.with_transcript(|t| t.messages().to_vec()),
        ));
        if story.name == "subagent" {
            assert_eq!(conversation.sessions().len(), 2, "a sub-agent has a session of its own");
        }
    }
    drop(client);
    drop(history);
    // Another program reads the same, and nothing is left in pieces.
    let history = open(folder.path());
    for (id, messages) in &ids {
        assert_eq!(history.conversation(id).await.unwrap().messages, *messages);
    }
    let status = history.status().await.unwrap();
    assert_eq!(status.usage.chunks, 0, "every message is whole");
    assert_eq!(status.servers.len(), 1);
    assert!(history.check(|_, _| ()).await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn every_story_is_stored_on_1_18() {
    every_story_is_stored(Line::V1, "1.18.33").await;
}

#[test]
fn every_story_is_stored_on_opencode_2() {
    isolated_test(SECOND, || every_story_is_stored(Line::V2, SECOND));
}

async fn what_is_undone_goes_and_what_is_deleted_on_the_server_stays(version: &str) {
    let server =
        TestServer::start(TestServerOptions { version: version.to_owned(), ..quick() }).await.unwrap();
    let folder = folder();
    let history = open(folder.path());
    let client = client(&server, &history).await;
    let conversation = client.create(Some("To be undone")).await.unwrap();
    say(&conversation, "one").await;
    say(&conversation, "two").await;
    assert_stored(&server, &history, &conversation, "two turns").await;
    let second = conversation.with_transcript(|t| t.messages()[2].id.clone());
    conversation.revert(&second, None).await.unwrap();
    say(&conversation, "three").await;
    assert_stored(&server, &history, &conversation, "after undo").await;
    let id = conversation.session_id().clone();
    let texts = serde_json::to_string(&stored(&history, &id).await.unwrap().messages).unwrap();
    assert!(texts.contains("Echo: three") && !texts.contains("Echo: two"), "{texts}");
    conversation.rename("Renamed since").await.unwrap();
    within("the new title", async {
        while stored(&history, &id).await.unwrap().session.session.title != "Renamed since" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let before = stored(&history, &id).await.unwrap();
    conversation.delete().await.unwrap();
    drop(client);
    drop(history);
    let after = stored(&open(folder.path()), &id).await.unwrap();
    assert_eq!(after.messages, before.messages);
}

#[tokio::test]
async fn what_is_undone_goes_on_1_18() {
    what_is_undone_goes_and_what_is_deleted_on_the_server_stays("1.18.33").await;
}

#[test]
fn what_is_undone_goes_on_opencode_2() {
    isolated_test(SECOND, || what_is_undone_goes_and_what_is_deleted_on_the_server_stays(SECOND));
}

#[tokio::test]
async fn a_conversation_that_is_opened_again_is_compared_and_not_rewritten() {
    let server = TestServer::start(quick()).await.unwrap();
    let folder = folder();
    let history = open(folder.path());
    let client = client(&server, &history).await;
    let conversation = client.create(Some("Twice")).await.unwrap();
    say(&conversation, "one").await;
    assert_stored(&server, &history, &conversation, "the first time").await;
    let id = conversation.session_id().clone();
    drop(conversation);
    // Somebody else goes on meanwhile, and we were not there.
    let elsewhere = plain(&server).await.open(id.clone(), ConversationOptions::default()).await.unwrap();
    say(&elsewhere, "two").await;
    let before = stored(&history, &id).await.unwrap();
    assert!(!serde_json::to_string(&before.messages).unwrap().contains("Echo: two"));
    let conversation = client.open(id.clone(), ConversationOptions::default()).await.unwrap();
    assert_stored(&server, &history, &conversation, "healed by opening").await;
    drop(conversation);
    // Now nothing differs, and nothing is written.
    let settled = stored(&history, &id).await.unwrap();
    let conversation = client.open(id.clone(), ConversationOptions::default()).await.unwrap();
    conversation.flush_history(BOUND).await.unwrap();
    assert_eq!(stored(&history, &id).await.unwrap().session.stored, settled.session.stored);
}

#[test]
fn a_program_that_ends_at_once_loses_nothing_of_what_was_told() {
    let folder = folder();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start(quick())).unwrap();
    let (id, told) = {
        // A runtime of its own, that goes away like that of a program that ends.
        let program = tokio::runtime::Runtime::new().unwrap();
        let history = open(folder.path());
        program.block_on(async {
            let conversation = client(&server, &history).await.create(Some("Short")).await.unwrap();
            say(&conversation, "one").await;
            (conversation.session_id().clone(), conversation.with_transcript(|t| t.messages().to_vec()))
        })
    };
    let read = runtime.block_on(open(folder.path()).conversation(&id)).unwrap();
    assert_eq!(read.messages, told);
    runtime.block_on(async move { drop(server) });
}

#[tokio::test]
async fn a_history_that_is_locked_does_not_stop_the_conversation() {
    let server = TestServer::start(quick()).await.unwrap();
    let folder = folder();
    let vault = open_vault(folder.path());
    let history = History::new(vault.clone());
    let conversation = client(&server, &history).await.create(Some("Locked")).await.unwrap();
    say(&conversation, "one").await;
    conversation.flush_history(BOUND).await.unwrap();
    vault.lock();
    let outcome = say(&conversation, "two").await;
    assert_eq!(outcome.kind, OutcomeKind::Completed);
    let error = conversation.flush_history(BOUND).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    let Some(MirrorState::Failing(why)) = conversation.history_state() else { panic!("it says so") };
    assert!(!why.contains('\n') && !why.contains("Echo"), "{why}");
    // Opened again, the next look at the conversation brings what is missing.
    let history = open(folder.path());
    let again =
        client(&server, &history).await.open(conversation.session_id().clone(), Default::default()).await;
    assert_stored(&server, &history, &again.unwrap(), "after unlocking").await;
}

#[tokio::test]
async fn a_session_that_is_deleted_here_while_it_is_open_comes_back_with_its_next_change() {
    let server = TestServer::start(quick()).await.unwrap();
    let folder = folder();
    let history = open(folder.path());
    let conversation = client(&server, &history).await.create(Some("Back")).await.unwrap();
    say(&conversation, "one").await;
    assert_stored(&server, &history, &conversation, "before").await;
    history.delete(std::slice::from_ref(conversation.session_id())).await.unwrap();
    assert!(stored(&history, conversation.session_id()).await.is_none());
    say(&conversation, "two").await;
    within("the session", async { while conversation.flush_history(BOUND).await.is_err() {} }).await;
    assert_stored(&server, &history, &conversation, "after").await;
}
