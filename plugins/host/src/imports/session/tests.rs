//! Each verb of sessions, called as a guest would, without one and without a server.

use super::super::tests::Playground;
use super::super::wit::types::{Error, FilePart, Part, TextPart};
use super::super::wit::ui::{Host as _, Notification};
use super::*;
use crate::sessions::Sessions;

const ALL: &str = "session = [\"read\", \"events\", \"send\", \"abort\", \"reply-permission\"]\nsession-reason = \"tests\"\n";

/// A plugin on a stage without a server.
fn staged(playground: &Playground, permissions: &str) -> HostState {
    let mut state = playground.state(permissions);
    state.stage = Some(Stage::new(Sessions::new()));
    state
}

fn text(text: &str) -> Prompt {
    let part = Part::Text(TextPart { text: text.to_owned(), synthetic: false });
    Prompt { parts: vec![part], agent: None, model: None }
}

/// Calls every verb; what it comes to, by name.
async fn all(state: &mut HostState) -> Vec<(&'static str, ErrorCode)> {
    fn code<T>(answer: Result<Answer<T>>) -> ErrorCode {
        answer.unwrap().err().map(|error: Error| error.code).expect("there is no server")
    }
    let s = || "ses_1".to_owned();
    vec![
        ("read", code(state.list_sessions(None, 10).await)),
        ("read", code(state.messages(s(), None, 10).await)),
        ("send", code(state.create(None).await)),
        ("send", code(state.send(s(), text("hello")).await)),
        ("abort", code(state.abort(s()).await)),
        ("reply-permission", code(state.reply_permission(s(), "per_1".to_owned(), Decision::Once).await)),
        ("events", code(state.subscribe(vec![EventKind::Text], None).await)),
    ]
}

#[tokio::test]
async fn each_verb_needs_its_own_right() {
    let playground = Playground::new();
    for granted in ["read", "events", "send", "abort", "reply-permission"] {
        let mut state =
            staged(&playground, &format!("session = [\"{granted}\"]\nsession-reason = \"tests\"\n"));
        for (verb, code) in all(&mut state).await {
            let wanted = if verb == granted { ErrorCode::Unavailable } else { ErrorCode::Denied };
            assert_eq!(code, wanted, "{verb} with {granted}");
        }
    }
    let denied =
        playground.audited().iter().filter(|(call, _, allowed)| call == "session.send" && !allowed).count();
    assert!(denied > 0, "what is denied is in the audit log");
}

#[tokio::test]
async fn always_is_denied_whatever_is_granted() {
    let playground = Playground::new();
    let mut state = staged(&playground, ALL);
    let answer = state.reply_permission("s".to_owned(), "p".to_owned(), Decision::Always).await.unwrap();
    assert_eq!(answer.unwrap_err().code, ErrorCode::Denied);
}

#[tokio::test]
async fn a_plugin_that_allows_whatever_is_asked_comes_to_an_end() {
    let playground = Playground::new();
    let mut state = staged(&playground, ALL);
    let mut codes = Vec::new();
    for request in 0..40 {
        let answer =
            state.reply_permission("s".to_owned(), format!("per_{request}"), Decision::Once).await.unwrap();
        codes.push(answer.unwrap_err().code);
    }
    assert_eq!(codes.iter().filter(|code| **code == ErrorCode::Unavailable).count(), 20);
    assert_eq!(codes.iter().filter(|code| **code == ErrorCode::Quota).count(), 20);
    let audited = playground.audited();
    assert!(
        audited.iter().any(|(call, what, _)| call == "session.reply-permission" && what.contains("once"))
    );
}

#[tokio::test]
async fn a_plugin_cannot_attach_files_by_name_nor_send_without_end() {
    let playground = Playground::new();
    let mut state = staged(&playground, ALL);
    let file = Part::File(FilePart {
        uri: "file:///etc/passwd".to_owned(),
        mime: "text/plain".to_owned(),
        name: None,
    });
    let prompt = Prompt { parts: vec![file], agent: None, model: None };
    assert_eq!(state.send("s".to_owned(), prompt).await.unwrap().unwrap_err().code, ErrorCode::Denied);
    let wrong = Prompt { model: Some("no model".to_owned()), ..text("x") };
    assert_eq!(state.send("s".to_owned(), wrong).await.unwrap().unwrap_err().code, ErrorCode::Invalid);
    let mut last = ErrorCode::Internal;
    for _ in 0..21 {
        last = state.send("s".to_owned(), text("x")).await.unwrap().unwrap_err().code;
    }
    assert_eq!(last, ErrorCode::Quota);
}

#[tokio::test]
async fn subscriptions_are_bounded_and_those_that_fail_leave_nothing_behind() {
    let playground = Playground::new();
    let mut state = staged(&playground, ALL);
    let none = state.subscribe(Vec::new(), None).await.unwrap();
    assert_eq!(none.unwrap_err().code, ErrorCode::Invalid);
    for _ in 0..100 {
        let answer = state.subscribe(vec![EventKind::Text], None).await.unwrap();
        assert_eq!(
            answer.unwrap_err().code,
            ErrorCode::Unavailable,
            "no server, and no subscription is left"
        );
    }
    state.stage = Some(Stage::new(Sessions::rehearsal()));
    for _ in 0..64 {
        state.subscribe(vec![EventKind::Text], None).await.unwrap().unwrap();
    }
    let one_more = state.subscribe(vec![EventKind::Text], None).await.unwrap();
    assert_eq!(one_more.unwrap_err().code, ErrorCode::Quota);
}

#[tokio::test]
async fn pages_and_the_terminal_need_their_rights_and_notices_are_few_and_plain() {
    let mut playground = Playground::new();
    let mut state = staged(&playground, "");
    for answer in [
        state.web_push(None, "a".to_owned(), "1".to_owned()).await.unwrap(),
        state.term_render(vec!["row".to_owned()]).await.unwrap(),
    ] {
        assert_eq!(answer.unwrap_err().code, ErrorCode::Denied);
    }
    playground.told();
    let notice = || Notification { title: "a\u{1b}[2J".to_owned(), body: "b\nc".to_owned(), session: None };
    for _ in 0..10 {
        state.notify(notice()).await.unwrap().unwrap();
    }
    assert_eq!(state.notify(notice()).await.unwrap().unwrap_err().code, ErrorCode::Quota);
    let told = playground.told();
    assert!(
        told.len() == 10 && told.iter().all(|text| !text.contains('\u{1b}') && !text.contains('\n')),
        "{told:?}"
    );
    let mut state = staged(&playground, "web = { reason = \"tests\" }\n");
    for (channel, json, right) in [
        ("board", "{}", true),
        ("nexus", "{}", false),
        ("Board", "{}", false),
        ("board", "{", false),
        ("board", "1 2", false),
    ] {
        let answer = state.web_push(None, channel.to_owned(), json.to_owned()).await.unwrap();
        assert_eq!(answer.is_ok(), right, "{channel} {json}");
    }
    let gone = state.web_push(Some(7), "board".to_owned(), "1".to_owned()).await.unwrap();
    assert_eq!(gone.unwrap_err().code, ErrorCode::NotFound);
}
