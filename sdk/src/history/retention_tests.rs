use super::*;
use crate::error::ErrorKind;
use crate::history::sample::{history, session, store, text, with_parts};
use crate::history::{HistoryQuery, SessionQuery, StoredSession};
use crate::model::{Message, SessionId};

/// Sessions `a` to `e`, of which `c` was started by `b`, and `d` by `c`.
fn family() -> Vec<(StoredSession, Vec<Message>)> {
    let parents = [("a", None), ("b", None), ("c", Some("b")), ("d", Some("c")), ("e", None)];
    let one = |(index, (id, parent)): (usize, (&str, Option<&str>))| {
        let mut session = session(id, "t", "/p", (index as u64 + 1) * DAY);
        session.parent_id = parent.map(SessionId::from);
        let words = format!("word{id} {}", "filler ".repeat(100));
        let messages =
            vec![with_parts(id, "m1", vec![text(&words)]), with_parts(id, "m2", vec![text("more")])];
        (StoredSession { server: "local".into(), session, stored: 1 }, messages)
    };
    parents.into_iter().enumerate().map(one).collect()
}

fn ids(names: &[&str]) -> Vec<SessionId> {
    names.iter().map(|name| SessionId::from(*name)).collect()
}

async fn left(history: &History) -> Vec<SessionId> {
    let mut left: Vec<_> =
        history.sessions(&SessionQuery::default()).await.unwrap().into_iter().map(|s| s.session.id).collect();
    left.sort();
    left
}

async fn hits(history: &History, word: &str) -> usize {
    history
        .search(&HistoryQuery { text: word.into(), ..HistoryQuery::default() })
        .await
        .unwrap()
        .messages
        .len()
}

#[tokio::test]
async fn deleting_takes_what_sub_agents_did_with_it_and_its_words() {
    let (_folder, history) = history();
    store(&history, &family());
    assert_eq!(hits(&history, "wordd").await, 1);
    let deleted = history.delete(&ids(&["b"])).await.unwrap();
    assert_eq!(deleted, Deleted { sessions: ids(&["b", "c", "d"]), messages: 6 });
    assert_eq!(left(&history).await, ids(&["a", "e"]));
    assert_eq!(hits(&history, "wordd").await, 0);
    assert_eq!(hits(&history, "worda").await, 1);
}

#[tokio::test]
async fn when_one_of_them_does_not_exist_nothing_is_deleted() {
    let (_folder, history) = history();
    store(&history, &family());
    let error = history.delete(&ids(&["a", "z"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(left(&history).await.len(), 5);
}

#[tokio::test]
async fn sessions_that_name_each_other_as_parents_can_be_deleted_and_kept() {
    let (_folder, history) = history();
    let mut strange = family();
    strange[0].0.session.parent_id = Some("e".into());
    strange[4].0.session.parent_id = Some("a".into());
    strange[1].0.session.parent_id = Some("b".into());
    store(&history, &strange);
    let rules = Retention { sessions: Some(0), ..Retention::default() };
    let all = history.apply_retention_at(&rules, true, 10 * DAY).await.unwrap();
    assert_eq!(all.sessions.len(), 5);
    assert_eq!(history.delete(&ids(&["a"])).await.unwrap().sessions, ids(&["a", "e"]));
}

#[tokio::test]
async fn each_rule_takes_whole_conversations_the_oldest_first_and_only_once() {
    let (_folder, history) = history();
    store(&history, &family());
    let conversation = |rules: Retention| {
        let history = history.clone();
        async move { history.apply_retention_at(&rules, true, 10 * DAY).await.unwrap().sessions }
    };
    // They changed on the days 1 (a), 4 (b with c and d) and 5 (e).
    for (days, gone) in [(9, vec![]), (8, vec!["a"]), (6, vec!["a"]), (5, vec!["a", "b", "c", "d"])] {
        assert_eq!(
            conversation(Retention { days: Some(days), ..Retention::default() }).await,
            ids(&gone),
            "{days}"
        );
    }
    for (most, gone) in [(3, vec![]), (2, vec!["a"]), (1, vec!["a", "b", "c", "d"])] {
        let rules = Retention { sessions: Some(most), ..Retention::default() };
        assert_eq!(conversation(rules).await, ids(&gone), "{most}");
    }
    assert!(conversation(Retention::default()).await.is_empty());
    assert!(conversation(Retention { bytes: Some(u64::MAX), ..Retention::default() }).await.is_empty());
    assert_eq!(left(&history).await.len(), 5);

    let size = |group: &str| bytes_of(&history.vault, &format!("local\n{group}")).unwrap();
    let fits =
        Retention { bytes: Some(size("e") + size("b") + size("c") + size("d")), ..Retention::default() };
    let done = history.apply_retention_at(&fits, false, 10 * DAY).await.unwrap();
    assert_eq!(done, Deleted { sessions: ids(&["a"]), messages: 2 });
    assert_eq!(history.apply_retention_at(&fits, false, 10 * DAY).await.unwrap(), Deleted::default());
    assert_eq!(left(&history).await, ids(&["b", "c", "d", "e"]));
}

#[tokio::test]
async fn rules_are_kept() {
    let (_folder, history) = history();
    assert_eq!(history.retention().await.unwrap(), Retention::default());
    let rules = Retention { days: Some(3), sessions: None, bytes: Some(7) };
    history.set_retention(&rules).await.unwrap();
    assert_eq!(history.retention().await.unwrap(), rules);
}
