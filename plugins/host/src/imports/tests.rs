//! What every call has in common, what is kept, and secrets: called as a guest would, without one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opencode_nexus::extension::{NoticeFeed, Notices};
use serde_json::json;

use super::wit::config::Host as _;
use super::wit::kv::{Host as _, Scope};
use super::wit::log::{Host as _, Level};
use super::wit::types::ErrorCode;
use super::{Caller, Ground, HostState, log_file};
use crate::permissions::{Permissions, Rights};
use crate::secrets::Secrets;
use crate::{audit, wasi};

/// A person's folders, and who listens to notices.
pub(super) struct Playground {
    pub data: tempfile::TempDir,
    pub folder: tempfile::TempDir,
    pub ground: Ground,
    pub feed: NoticeFeed,
}

impl Playground {
    pub fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let notices = Notices::default();
        let feed = notices.subscribe();
        let ground = Ground::open(data.path(), notices, None).unwrap();
        Self { data, folder: tempfile::tempdir().unwrap(), ground, feed }
    }

    /// A plugin with permissions as a manifest has them.
    pub fn caller(&self, plugin: &str, permissions: &str) -> Arc<Caller> {
        let permissions: Permissions = toml::from_str(permissions).unwrap();
        let rights = Rights::new(permissions);
        let settings = json!({ "a": 1 });
        let caller = Caller::open(plugin, "1.2.3", rights, self.folder.path(), settings, &self.ground);
        Arc::new(caller.unwrap())
    }

    pub fn state(&self, permissions: &str) -> HostState {
        state(&self.caller("acme.test", permissions))
    }

    /// A file of the folder.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// All that the audit log says: the call, what, and whether it was allowed.
    pub fn audited(&self) -> Vec<(String, String, bool)> {
        self.ground.audit().flush();
        let records = audit::read(self.data.path(), None, 1000).unwrap();
        records.into_iter().map(|record| (record.call, record.what, record.allowed)).collect()
    }

    /// How many notices were told.
    pub fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.feed.try_next()).map(|notice| notice.text).collect()
    }
}

pub(super) fn state(caller: &Arc<Caller>) -> HostState {
    let mut state = HostState::new(Arc::clone(caller), wasi::empty(caller));
    state.call_begins(Duration::from_secs(60));
    state
}

/// What another plugin, or the same one after a restart, finds.
async fn found(caller: &Arc<Caller>, scope: Scope, key: &str) -> Option<Vec<u8>> {
    state(caller).get(scope, key.to_owned()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_a_call_sets_is_there_after_it_has_returned_and_not_after_a_trap() {
    let play = Playground::new();
    let caller = play.caller("acme.test", "");
    let mut host = state(&caller);
    host.set(Scope::User, "a".into(), b"one".to_vec()).await.unwrap().unwrap();
    // The call itself sees it.
    assert_eq!(host.get(Scope::User, "a".into()).await.unwrap().unwrap().unwrap(), b"one");
    assert_eq!(found(&caller, Scope::User, "a").await, None);
    host.call_ends(true).await.unwrap();
    assert_eq!(found(&caller, Scope::User, "a").await.unwrap(), b"one");

    // A trap: some of it was changed, some is new, some was deleted.
    host.call_begins(Duration::from_secs(60));
    host.set(Scope::User, "a".into(), b"two".to_vec()).await.unwrap().unwrap();
    host.set(Scope::User, "b".into(), b"new".to_vec()).await.unwrap().unwrap();
    host.call_ends(false).await.unwrap();
    assert_eq!(found(&caller, Scope::User, "a").await.unwrap(), b"one");
    assert_eq!(found(&caller, Scope::User, "b").await, None);

    // An instance that is dropped in the middle of a call.
    host.call_begins(Duration::from_secs(60));
    host.delete(Scope::User, "a".into()).await.unwrap().unwrap();
    assert_eq!(host.get(Scope::User, "a".into()).await.unwrap().unwrap(), None);
    drop(host);
    assert_eq!(found(&caller, Scope::User, "a").await.unwrap(), b"one");

    let mut host = state(&caller);
    host.delete(Scope::User, "a".into()).await.unwrap().unwrap();
    host.call_ends(true).await.unwrap();
    assert_eq!(found(&caller, Scope::User, "a").await, None);
}

#[tokio::test]
async fn no_plugin_and_no_folder_sees_what_another_keeps() {
    let play = Playground::new();
    let (one, other) = (play.caller("acme.one", ""), play.caller("acme.two", ""));
    let mut host = state(&one);
    for scope in [Scope::User, Scope::Workspace] {
        host.set(scope, "token".into(), b"made-up".to_vec()).await.unwrap().unwrap();
    }
    host.call_ends(true).await.unwrap();
    for scope in [Scope::User, Scope::Workspace] {
        assert_eq!(found(&other, scope, "token").await, None);
        for key in ["../acme.one/token", "acme.one/token", "' OR 1=1 --", "token\0"] {
            assert_eq!(found(&other, scope, key).await, None);
        }
    }
    // The same plugin in another folder keeps what is the person's, and not what was the folder's.
    let elsewhere = tempfile::tempdir().unwrap();
    let moved =
        Caller::open("acme.one", "1.0.0", Rights::default(), elsewhere.path(), json!({}), &play.ground);
    let moved = Arc::new(moved.unwrap());
    assert_eq!(found(&moved, Scope::User, "token").await.unwrap(), b"made-up");
    assert_eq!(found(&moved, Scope::Workspace, "token").await, None);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = play.data.path().join("acme.one/kv.db");
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn limits_of_what_is_kept_hold_within_a_call_and_over_many() {
    let play = Playground::new();
    let caller = play.caller("acme.test", "");
    let mut host = state(&caller);
    let quota = |answer: Result<(), super::wit::types::Error>| answer.unwrap_err().code;
    let mega = vec![7; 1024 * 1024];
    assert_eq!(
        quota(host.set(Scope::User, "k".into(), vec![0; 1024 * 1024 + 1]).await.unwrap()),
        ErrorCode::Quota
    );
    assert_eq!(quota(host.set(Scope::User, "k".repeat(513), vec![]).await.unwrap()), ErrorCode::Quota);
    assert_eq!(quota(host.set(Scope::User, String::new(), vec![]).await.unwrap()), ErrorCode::Invalid);
    // One call fills it with fifteen, and the names of the sixteenth do not fit.
    for number in 0..15 {
        host.set(Scope::User, number.to_string(), mega.clone()).await.unwrap().unwrap();
    }
    assert_eq!(
        quota(host.set(Scope::Workspace, "more".into(), mega.clone()).await.unwrap()),
        ErrorCode::Quota
    );
    host.call_ends(true).await.unwrap();
    // The next call counts what is stored; replacing costs nothing, and deleting gives room.
    host.call_begins(Duration::from_secs(60));
    assert_eq!(quota(host.set(Scope::User, "more".into(), mega.clone()).await.unwrap()), ErrorCode::Quota);
    host.set(Scope::User, "3".into(), mega.clone()).await.unwrap().unwrap();
    host.delete(Scope::User, "4".into()).await.unwrap().unwrap();
    host.set(Scope::User, "more".into(), mega.clone()).await.unwrap().unwrap();
    assert_eq!(quota(host.set(Scope::User, "still".into(), mega.clone()).await.unwrap()), ErrorCode::Quota);
    host.call_ends(true).await.unwrap();
    assert_eq!(found(&caller, Scope::User, "more").await.unwrap(), mega);
    assert_eq!(found(&caller, Scope::User, "4").await, None);
}

#[tokio::test]
async fn two_processes_cannot_fill_the_store_together() {
    let play = Playground::new();
    // Each has a connection of its own, as two editors have.
    let (one, other) = (play.caller("acme.test", ""), play.caller("acme.test", ""));
    let (mut a, mut b) = (state(&one), state(&other));
    for number in 0..10 {
        a.set(Scope::User, format!("a{number}"), vec![1; 1024 * 1024]).await.unwrap().unwrap();
        b.set(Scope::User, format!("b{number}"), vec![2; 1024 * 1024]).await.unwrap().unwrap();
    }
    a.call_ends(true).await.unwrap();
    let error = b.call_ends(true).await.unwrap_err();
    assert_eq!(error.kind(), opencode_nexus::ErrorKind::TooLarge);
    assert!(found(&one, Scope::User, "a9").await.is_some());
    assert!(found(&one, Scope::User, "b0").await.is_none());
}

#[tokio::test]
async fn keys_come_in_the_order_of_bytes_behind_a_key_and_with_what_the_call_has_changed() {
    let play = Playground::new();
    let mut host = state(&play.caller("acme.test", ""));
    for key in ["b/2", "b/10", "a", "c", "b/ä", "b%", "b_"] {
        host.set(Scope::User, key.into(), vec![]).await.unwrap().unwrap();
    }
    host.call_ends(true).await.unwrap();
    host.call_begins(Duration::from_secs(60));
    host.delete(Scope::User, "b/2".into()).await.unwrap().unwrap();
    host.set(Scope::User, "b/3".into(), vec![]).await.unwrap().unwrap();
    let all = host.keys(Scope::User, String::new(), None).await.unwrap().unwrap();
    assert_eq!(all, ["a", "b%", "b/10", "b/3", "b/ä", "b_", "c"]);
    let some = host.keys(Scope::User, "b/".into(), Some("b/10".into())).await.unwrap().unwrap();
    assert_eq!(some, ["b/3", "b/ä"]);
    assert_eq!(host.keys(Scope::User, "b%".into(), None).await.unwrap().unwrap(), ["b%"]);
    assert!(host.keys(Scope::Workspace, String::new(), None).await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn a_damaged_store_is_an_error_and_no_trap() {
    let play = Playground::new();
    let caller = play.caller("acme.test", "");
    std::fs::create_dir_all(play.data.path().join("acme.test")).unwrap();
    std::fs::write(
        play.data.path().join("acme.test/kv.db"),
        "no database, but long enough to look like one".repeat(99),
    )
    .unwrap();
    let error = state(&caller).get(Scope::User, "a".into()).await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Internal);
}

#[tokio::test]
async fn a_secret_is_given_to_the_plugin_that_was_granted_it_and_is_nowhere_else() {
    let mut play = Playground::new();
    Secrets::of(play.data.path(), "acme.test").set("TOKEN", &"made-up-1".into()).unwrap();
    Secrets::of(play.data.path(), "acme.test").set("OTHER", &"made-up-2".into()).unwrap();
    let mut host = play.state("secrets = [\"TOKEN\", \"ABSENT\"]");
    assert_eq!(host.secret("TOKEN".into()).await.unwrap().unwrap(), "made-up-1");
    assert_eq!(host.secret("ABSENT".into()).await.unwrap(), None);
    // Not declared, whatever it is called.
    for name in ["OTHER", "HOME", "PATH", "token", "../acme.test/TOKEN", "TOKEN\0", ""] {
        assert_eq!(host.secret(name.into()).await.unwrap(), None, "{name}");
    }
    let mut other = state(&play.caller("acme.other", "secrets = [\"TOKEN\"]"));
    assert_eq!(other.secret("TOKEN".into()).await.unwrap(), None);
    // The person is told once, and the log has names and no values.
    assert_eq!(play.told().len(), 1);
    let audited = play.audited();
    assert!(audited.contains(&("config.secret".into(), "TOKEN".into(), true)));
    assert!(audited.contains(&("config.secret".into(), "OTHER".into(), false)));
    let written = std::fs::read_to_string(audit::path(play.data.path())).unwrap();
    assert!(!written.contains("made-up"));
}

#[tokio::test]
async fn settings_are_what_the_person_has_set() {
    let play = Playground::new();
    assert_eq!(play.state("").get_json().await.unwrap(), r#"{"a":1}"#);
}

#[tokio::test]
async fn what_a_plugin_logs_is_its_own_line_in_its_own_file() {
    let play = Playground::new();
    let mut host = play.state("");
    host.write(Level::Warn, "careful\n\u{1b}[2Jacme.other: forged".into()).await.unwrap();
    host.call_ends(true).await.unwrap();
    play.ground.audit().flush();
    let text = std::fs::read_to_string(log_file(play.data.path(), "acme.test")).unwrap();
    let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(lines, ["WARN careful", "WARN [2Jacme.other: forged"]);
}

#[test]
fn a_plugin_whose_name_would_lead_elsewhere_is_refused() {
    let play = Playground::new();
    for name in ["..", "a/b.c", "../x.y", "a.b.c", "A.b", "a", ".", "a.", "a\\b.c", "a.b\n", ""] {
        let opened = Caller::open(name, "1.0.0", Rights::default(), Path::new("."), json!({}), &play.ground);
        assert!(opened.is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn a_call_that_has_no_time_left_is_told_so() {
    let play = Playground::new();
    let mut host = play.state("");
    host.call_begins(Duration::ZERO);
    assert_eq!(host.remaining(), Duration::ZERO);
    let slow = super::call::within(
        host.remaining(),
        "waiting",
        std::future::pending::<super::failure::Answer<()>>(),
    );
    assert_eq!(slow.await.unwrap_err().code, ErrorCode::Timeout);
}
