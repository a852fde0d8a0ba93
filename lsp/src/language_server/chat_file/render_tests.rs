//! Turns as Markdown: what a person reads, and that what grows only grows.

use opencode_nexus::model::{Message, Part, PartBody, Role, ToolCall, ToolStatus, TurnError};
use proptest::prelude::*;
use serde_json::json;

use super::parse::{ChatText, unescape};
use super::render::{TurnView, section};

fn message(id: &str, role: Role, parts: Vec<PartBody>) -> Message {
    let part = |(at, body): (usize, PartBody)| Part {
        id: format!("{id}:{at}").as_str().into(),
        session_id: "ses_1".into(),
        message_id: id.into(),
        body,
        started: Some(1),
        ended: None,
        extra: Default::default(),
    };
    Message {
        id: id.into(),
        session_id: "ses_1".into(),
        role,
        parent_id: None,
        created: 0,
        completed: None,
        agent: None,
        model: None,
        usage: None,
        finish: None,
        error: None,
        parts: parts.into_iter().enumerate().map(part).collect(),
        extra: Default::default(),
    }
}

fn text(text: &str) -> PartBody {
    PartBody::Text { text: text.into(), synthetic: false, ignored: false }
}

fn tool(status: ToolStatus, output: Option<&str>, error: Option<&str>) -> PartBody {
    PartBody::Tool(Box::new(ToolCall {
        call_id: "c".into(),
        tool: "bash".into(),
        status,
        input: json!({ "command": "ls" }),
        title: None,
        output: output.map(str::to_owned),
        error: error.map(str::to_owned),
        metadata: None,
        extra: Default::default(),
    }))
}

fn shown(parts: Vec<PartBody>, runs: bool) -> String {
    let messages = [message("m1", Role::User, vec![text("hi")]), message("m2", Role::Assistant, parts)];
    shown_of(&messages, runs)
}

fn shown_of(messages: &[Message], runs: bool) -> String {
    let view = TurnView {
        messages,
        prompt: "m1",
        permissions: &[],
        questions: &[],
        folder: "/project",
        runs,
        lost: None,
        goes_on: false,
    };
    section(&view, "\n")
}

#[test]
fn a_turn_is_text_thoughts_and_tool_calls() {
    let parts = vec![
        PartBody::Reasoning { text: "I should\nlook".into() },
        tool(ToolStatus::Completed, Some("a\nb\n"), None),
        tool(ToolStatus::Error, None, Some("no\nway")),
        text("It is `a`.\n\n## You\n"),
    ];
    assert_eq!(
        shown(parts, false),
        "\n\n## OpenCode\n\n> 💭 I should look\n\n> ⚙ bash: $ ls\n> ✓ a (+1 lines)\n\n> ⚙ bash: $ ls\n> ✗ no way\n\n\
         It is `a`.\n\n\\## You\n\n## You\n"
    );
}

#[test]
fn a_turn_that_ended_badly_says_why() {
    let mut answer = message("m2", Role::Assistant, vec![text("half")]);
    let error = |aborted| TurnError {
        name: "ProviderError".into(),
        message: "no\nkey".into(),
        aborted,
        raw: json!({}),
    };
    answer.error = Some(error(false));
    let prompt = message("m1", Role::User, vec![text("hi")]);
    let failed = shown_of(&[prompt.clone(), answer.clone()], false);
    assert_eq!(failed, "\n\n## OpenCode\n\nhalf\n\n> ✗ ProviderError: no key\n\n## You\n");
    answer.error = Some(error(true));
    assert!(shown_of(&[prompt, answer], false).contains("> ⏹ stopped"));
}

#[test]
fn only_what_answers_the_prompt_is_shown() {
    let messages = [
        message("m1", Role::User, vec![text("hi")]),
        message("m2", Role::Assistant, vec![text("one")]),
        message("m3", Role::User, vec![text("more")]),
        message("m4", Role::Assistant, vec![text("two")]),
    ];
    assert_eq!(shown_of(&messages, false), "\n\n## OpenCode\n\none\n\n## You\n");
}

proptest! {
    #[test]
    fn a_text_that_grows_is_only_appended_to(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["## You", "## Open", "Code", "\n", "\r\n", "\\", "#", " ", "x", "😀", "```\n"]), 0..24
        )
    ) {
        let mut before = shown(vec![text("")], true);
        for count in 1..=pieces.len() {
            let now = shown(vec![text(&pieces[..count].concat())], true);
            prop_assert!(now.starts_with(&before), "{:?} after {:?}", now, before);
            before = now;
        }
        let whole = pieces.concat();
        let done = shown(vec![text(&whole)], false);
        prop_assert!(done.starts_with(&before));
        let sections = ChatText::parse(&done).sections;
        prop_assert_eq!(sections.len(), 2, "{:?}", done);
        let body = unescape(done[sections[0].body.clone()].trim());
        let clean = whole.replace("\r\n", "\n");
        prop_assert_eq!(body, clean.trim_matches('\n').trim());
    }
}
