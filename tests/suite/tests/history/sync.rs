//! Fetching what a server has: everything, only what changed, from where it was stopped.

use std::collections::BTreeMap;

use opencode_nexus::history::{SyncOptions, SyncReport};
use opencode_nexus_testkit::server::{SECOND, isolated_test};

use super::*;

async fn sync(history: &History, client: &Client, options: SyncOptions) -> SyncReport {
    let report = within("synchronising", history.sync(client, options, |_| ())).await.unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    report
}

/// Sessions in two folders, one with a sub-agent's session.
async fn filled(server: &TestServer, other: &Path, sessions: usize) -> Vec<Conversation> {
    let here = plain(server).await;
    let there = Client::builder(&server.url).directory(other.to_string_lossy()).connect().await.unwrap();
    let mut all = Vec::new();
    for n in 0..sessions {
        let client = if n % 3 == 2 { &there } else { &here };
        let conversation = client.create(Some(&format!("Session {n}"))).await.unwrap();
        say(&conversation, &format!("question {n}")).await;
        all.push(conversation);
    }
    all
}

async fn assert_synced(history: &History, conversations: &[Conversation]) {
    for conversation in conversations {
        let stored = history.conversation(conversation.session_id()).await.unwrap();
        let theirs = conversation.read_messages().await.unwrap();
        assert_eq!(stored.messages, theirs);
        let title = conversation.with_transcript(|t| t.session().unwrap().title.clone());
        assert_eq!(stored.session.session.title, title);
    }
}

async fn everything_is_fetched_once_and_what_changed_again(version: &str) {
    let server =
        TestServer::start(TestServerOptions { version: version.to_owned(), ..quick() }).await.unwrap();
    let (folder, other) = (folder(), server.directory.parent().unwrap().join("other"));
    std::fs::create_dir(&other).unwrap();
    let conversations = filled(&server, &other, 6).await;
    let history = open(folder.path());
    let client = plain(&server).await;
    let report = sync(&history, &client, SyncOptions::default()).await;
    assert_eq!((report.sessions, report.changed, report.messages), (6, 6, 12));
    assert_synced(&history, &conversations).await;
    let status = history.status().await.unwrap();
    assert!(status.servers.len() == 1 && status.servers[0].1.is_some(), "{status:?}");
    let again = sync(&history, &client, SyncOptions::default()).await;
    assert_eq!((again.changed, again.messages), (0, 0), "nothing has changed");
    let full = sync(&history, &client, SyncOptions { full: true, ..SyncOptions::default() }).await;
    assert_eq!((full.changed, full.messages), (6, 0), "all were read and none differs");
    say(&conversations[1], "one more").await;
    conversations[2].rename("Another title").await.unwrap();
    let changed = sync(&history, &client, SyncOptions::default()).await;
    assert_eq!(changed.changed, 2, "{changed:?}");
    let stored = history.conversation(conversations[2].session_id()).await.unwrap();
    assert_eq!(stored.session.session.title, "Another title");
    let here = SyncOptions { this_directory: true, full: true };
    assert_eq!(sync(&history, &client, here).await.sessions, 4);
    // A session that is deleted on the server stays.
    let gone = conversations[3].session_id().clone();
    conversations[3].clone().delete().await.unwrap();
    sync(&history, &client, SyncOptions { full: true, ..SyncOptions::default() }).await;
    assert!(history.conversation(&gone).await.is_ok());
    // One that is deleted here stays away until it changes, or everything is asked for.
    let ours = conversations[4].session_id().clone();
    history.delete(std::slice::from_ref(&ours)).await.unwrap();
    sync(&history, &client, SyncOptions::default()).await;
    assert_eq!(history.conversation(&ours).await.unwrap_err().kind(), ErrorKind::NotFound);
    say(&conversations[4], "still there").await;
    sync(&history, &client, SyncOptions::default()).await;
    assert_synced(&history, &conversations[4..5]).await;
    history.delete(std::slice::from_ref(&ours)).await.unwrap();
    sync(&history, &client, SyncOptions { full: true, ..SyncOptions::default() }).await;
    assert_synced(&history, &conversations[4..5]).await;
    assert!(history.check(|_, _| ()).await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn everything_is_fetched_once_on_1_18() {
    everything_is_fetched_once_and_what_changed_again("1.18.33").await;
}

#[tokio::test]
async fn everything_is_fetched_once_on_1_14() {
    everything_is_fetched_once_and_what_changed_again("1.14.48").await;
}

#[test]
fn everything_is_fetched_once_on_opencode_2() {
    isolated_test(SECOND, || everything_is_fetched_once_and_what_changed_again(SECOND));
}

/// Stopped after each number of sessions, and at each step in between, it goes on and reads nothing twice.
#[tokio::test]
async fn a_sync_that_was_stopped_goes_on_where_it_was() {
    let server = TestServer::start(quick()).await.unwrap();
    let other = server.directory.parent().unwrap().join("other");
    std::fs::create_dir(&other).unwrap();
    let conversations = filled(&server, &other, 7).await;
    let client = plain(&server).await;
    for stop_after in 0..7 {
        let folder = folder();
        let history = open(folder.path());
        let done = std::sync::atomic::AtomicU64::new(0);
        {
            let note = |_: &_| {
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            };
            let mut work = Box::pin(history.sync(&client, SyncOptions::default(), note));
            // Polled by hand, so that it can be dropped at any step.
            within(
                "the point of the stop",
                std::future::poll_fn(|cx| {
                    let ready = work.as_mut().poll(cx).is_ready();
                    let enough = done.load(std::sync::atomic::Ordering::Relaxed) >= stop_after;
                    if ready || enough { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                }),
            )
            .await;
        }
        let done = done.into_inner();
        let rest = sync(&history, &client, SyncOptions::default()).await;
        // What was not told as done may have been written all the same, at most as many as are read at once.
        assert!(rest.changed <= 7 - done && rest.changed + 3 + done >= 7, "{done} were done, {rest:?}");
        assert_synced(&history, &conversations).await;
    }
}

/// What sync writes and what a mirror writes are the same bytes, so the one finds nothing to do after the other.
#[tokio::test]
async fn what_a_mirror_has_written_is_not_fetched_again() {
    let server = TestServer::start(quick()).await.unwrap();
    let folder = folder();
    let history = open(folder.path());
    let kept = client(&server, &history).await;
    let mut told = BTreeMap::new();
    for n in 0..3 {
        let conversation = kept.create(None).await.unwrap();
        say(&conversation, &format!("question {n}")).await;
        assert_stored(&server, &history, &conversation, "mirror").await;
        told.insert(conversation.session_id().clone(), conversation);
    }
    let report = sync(&history, &kept, SyncOptions::default()).await;
    assert_eq!(report.changed, 0, "{report:?}");
    let report = sync(&history, &kept, SyncOptions { full: true, ..SyncOptions::default() }).await;
    assert_eq!((report.changed, report.messages), (3, 0), "{report:?}");
}
