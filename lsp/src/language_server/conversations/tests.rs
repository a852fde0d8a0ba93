//! What every watcher may rely on, without a server: nothing is lost or told twice, numbers grow, turns end once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use opencode_nexus::chat::{ChatEvent, OutcomeKind, PartOrder, TextKind, Transcript, TurnOutcome};
use opencode_nexus::model::{Event, Message, Part, PartBody, Role, Status, ToolCall, ToolStatus, Usage};
use proptest::prelude::*;

use super::join;
use super::log::Log;
use super::session::Session;
use super::watching::Taken;
use crate::language_server::ext::{ChatProgress, EndReason, ProgressKind};

fn progress(seq: u64, kind: ProgressKind) -> ChatProgress {
    ChatProgress { session_id: "ses".into(), turn_id: None, seq, child: None, kind }
}

fn delta(part: usize, text: &str) -> ProgressKind {
    let (message_id, part_id) = (format!("m{}", part / 2), format!("p{part}"));
    ProgressKind::Delta { message_id, part_id, channel: TextKind::Text, text: text.to_owned() }
}

fn tool(part: usize, status: &str, input: bool, output: Option<String>) -> ProgressKind {
    ProgressKind::Tool {
        message_id: format!("m{}", part / 2),
        part_id: format!("p{part}"),
        call_id: format!("c{part}"),
        tool: "bash".into(),
        status: status.into(),
        title: None,
        input: input.then(|| serde_json::json!({ "command": part })),
        output,
        error: None,
    }
}

fn end() -> ProgressKind {
    let usage = Usage::default();
    ProgressKind::End { reason: EndReason::Completed, finish: None, error: None, usage }
}

/// What an editor has after it was told something.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    texts: BTreeMap<String, String>,
    tools: BTreeMap<String, (String, bool, String)>,
    ends: usize,
    /// The texts as they stood at each end.
    at_end: Vec<BTreeMap<String, String>>,
}

impl Shown {
    fn tell(&mut self, kind: &ProgressKind) {
        match kind {
            ProgressKind::Reset { .. } => *self = Self { ends: self.ends, ..Self::default() },
            ProgressKind::Delta { part_id, text, .. } => {
                self.texts.entry(part_id.clone()).or_default().push_str(text);
            }
            ProgressKind::Replaced { part_id, text, .. } => {
                self.texts.insert(part_id.clone(), text.clone());
            }
            ProgressKind::Removed { message_id, part_id: None } => {
                let of = |part: &String| format!("m{}", part[1..].parse::<usize>().unwrap_or(0) / 2);
                self.texts.retain(|part, _| of(part) != *message_id);
                self.tools.retain(|part, _| of(part) != *message_id);
            }
            ProgressKind::Tool { part_id, status, input, output, .. } => {
                let entry = self.tools.entry(part_id.clone()).or_default();
                entry.0.clone_from(status);
                entry.1 |= input.is_some();
                if let Some(output) = output {
                    entry.2.clone_from(output);
                }
            }
            ProgressKind::ToolOutput { part_id, text, .. } => {
                self.tools.get_mut(part_id).expect("a tool is told before its output").2.push_str(text);
            }
            ProgressKind::End { .. } => {
                self.ends += 1;
                self.at_end.push(self.texts.clone());
            }
            _ => {}
        }
    }
}

/// Something that happens: texts in parts 0 to 3, tools in parts 4 to 7.
fn happening() -> impl Strategy<Value = ProgressKind> {
    prop_oneof![
        8 => (0usize..4, "[a-zé]{1,4}").prop_map(|(part, text)| delta(part, &text)),
        1 => (0usize..4, "[A-Z]{0,4}").prop_map(|(part, text)| match delta(part, &text) {
            ProgressKind::Delta { message_id, part_id, channel, text } => ProgressKind::Replaced { message_id, part_id, channel, text },
            other => other,
        }),
        2 => (4usize..8).prop_map(|part| tool(part, "running", true, None)),
        1 => Just(ProgressKind::Status { status: Status::Busy }),
        1 => (0usize..4).prop_map(|message| ProgressKind::Message {
            message_id: format!("m{message}"), role: "assistant".into(), created: None, model: None, agent: None, error: None,
        }),
        1 => (0usize..4).prop_map(|message| ProgressKind::Removed { message_id: format!("m{message}"), part_id: None }),
        1 => Just(end()),
    ]
}

/// A tool that runs prints; one that has ended does not, and never runs again.
fn with_output(kinds: Vec<ProgressKind>) -> Vec<ProgressKind> {
    let (mut all, mut ended) = (Vec::new(), BTreeSet::new());
    for kind in kinds {
        if matches!(&kind, ProgressKind::Tool { part_id, .. } if ended.contains(part_id)) {
            continue;
        }
        let part = match &kind {
            ProgressKind::Tool { part_id, message_id, .. } => Some((part_id.clone(), message_id.clone())),
            _ => None,
        };
        all.push(kind);
        if let Some((part_id, message_id)) = part {
            let text = format!("{} ", all.len());
            all.push(ProgressKind::ToolOutput { message_id, part_id: part_id.clone(), text });
            if all.len() % 3 == 0 {
                let part = part_id[1..].parse().expect("a number");
                all.push(tool(part, "completed", false, Some(format!("all of {part}"))));
                ended.insert(part_id);
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn joined_leads_to_the_same_as_unjoined(
        kinds in proptest::collection::vec(happening(), 0..120).prop_map(with_output),
        window in 1usize..40,
    ) {
        let (mut plain, mut shown, mut last) = (Shown::default(), Shown::default(), 0);
        let mut waiting = VecDeque::new();
        for (at, kind) in kinds.iter().enumerate() {
            plain.tell(kind);
            join::push(&mut waiting, progress(at as u64 + 1, kind.clone()));
            if at % window == 0 || at + 1 == kinds.len() {
                for told in waiting.drain(..) {
                    prop_assert!(told.seq > last, "numbers grow: {} after {last}", told.seq);
                    last = told.seq;
                    shown.tell(&told.kind);
                }
            }
        }
        prop_assert_eq!(plain, shown);
    }

    #[test]
    fn a_log_has_what_is_newer_or_says_that_it_has_not(count in 0u64..6_000, asked in 0u64..6_000) {
        let mut log = Log::default();
        (1..=count).for_each(|seq| log.push(progress(seq, delta(0, "x"))));
        match log.since(asked) {
            Some(events) => {
                let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
                prop_assert_eq!(numbers, (asked + 1..=count).collect::<Vec<_>>());
            }
            None => prop_assert!(count - asked > 4_000),
        }
    }
}

/// A transcript and the session that follows it.
struct Story {
    transcript: Transcript,
    session: Session,
}

impl Story {
    fn new() -> Self {
        let transcript = Transcript::new("ses".into(), PartOrder::Identifier);
        let session = Session::new("ses".into(), "epoch".into(), &[&transcript]);
        Self { transcript, session }
    }

    fn happens(&mut self, event: Event) {
        let mut out = Vec::new();
        self.transcript.apply(&event, &mut out);
        out.iter().for_each(|event| self.session.fold(event));
    }

    fn message(&mut self, id: &str, role: Role) {
        let message = Message {
            id: id.into(),
            session_id: "ses".into(),
            role,
            parent_id: None,
            created: 1,
            completed: None,
            agent: None,
            model: None,
            usage: None,
            finish: None,
            error: None,
            parts: Vec::new(),
            extra: Default::default(),
        };
        self.happens(Event::Message(Box::new(message)));
    }

    fn part(&mut self, message: &str, id: &str, body: PartBody) {
        let part = Part {
            id: id.into(),
            session_id: "ses".into(),
            message_id: message.into(),
            body,
            started: Some(1),
            ended: None,
            extra: Default::default(),
        };
        self.happens(Event::Part(Box::new(part)));
    }

    fn text(&mut self, message: &str, id: &str, text: &str) {
        self.part(message, id, PartBody::Text { text: text.into(), synthetic: false, ignored: false });
    }

    fn ends(&mut self, turn: &str) {
        let outcome = TurnOutcome {
            kind: OutcomeKind::Completed,
            finish: Some("stop".into()),
            error: None,
            usage: Usage::default(),
        };
        self.session.fold(&ChatEvent::TurnEnded { message_id: turn.into(), outcome });
    }

    fn take(&mut self, watcher: u64) -> Vec<ChatProgress> {
        self.session.flush();
        let transcript = &self.transcript;
        match self.session.take(watcher, |session| session.anew(&[transcript])) {
            Taken::Events(events) => events,
            Taken::Nothing | Taken::Over => Vec::new(),
        }
    }

    fn is_over(&mut self, watcher: u64) -> bool {
        matches!(self.session.take(watcher, |_| Vec::new()), Taken::Over)
    }
}

fn ends_of(events: &[ChatProgress]) -> Vec<Option<&str>> {
    let end = |event: &&ChatProgress| matches!(event.kind, ProgressKind::End { .. });
    events.iter().filter(end).map(|event| event.turn_id.as_deref()).collect()
}

#[test]
fn a_turn_is_told_from_its_beginning_to_its_end_and_no_further() {
    let mut story = Story::new();
    story.session.watch_turn(1, true);
    story.message("m1", Role::User);
    // It is over before anybody here knows its name.
    story.message("m2", Role::Assistant);
    story.text("m2", "p1", "answer");
    story.ends("m1");
    story.text("m2", "p2", "after");
    assert!(story.take(1).is_empty(), "nothing before the turn has a name");
    story.session.begun(Some(1), "m1");
    let told = story.take(1);
    assert_eq!(ends_of(&told), [Some("m1")]);
    assert!(matches!(told.last().map(|last| &last.kind), Some(ProgressKind::End { .. })));
    assert!(told.iter().all(|event| event.turn_id.as_deref() == Some("m1")));
    assert!(story.is_over(1));
}

#[test]
fn a_turn_ends_once_whoever_says_so() {
    let mut story = Story::new();
    story.session.subscribe(1, false, None, &[]);
    story.session.begun(None, "m1");
    let lost = || {
        crate::language_server::convert::error_info(&opencode_nexus::Error::new(
            opencode_nexus::ErrorKind::TurnLost,
            "lost",
        ))
    };
    story.session.lost("m1", lost());
    story.ends("m1");
    story.session.lost("m1", lost());
    assert_eq!(ends_of(&story.take(1)), [Some("m1")]);
}

#[test]
fn a_turn_that_was_begun_elsewhere_ends_too() {
    let mut story = Story::new();
    story.session.subscribe(1, false, None, &[]);
    story.message("m1", Role::User);
    story.happens(Event::Status { session_id: "ses".into(), status: Status::Busy, error: None });
    story.message("m2", Role::Assistant);
    story.text("m2", "p1", "answer");
    story.happens(Event::Status { session_id: "ses".into(), status: Status::Idle, error: None });
    assert_eq!(ends_of(&story.take(1)), [Some("m1")]);
}

#[test]
fn who_comes_back_gets_the_rest_or_everything() {
    let mut story = Story::new();
    story.message("m1", Role::Assistant);
    story.text("m1", "p1", "one ");
    story.session.subscribe(1, false, Some(("epoch", 0)), &[]);
    let first = story.take(1);
    let seen = first.last().expect("something").seq;
    story.text("m1", "p1", "one two");
    story.session.flush();
    let transcripts = [&story.transcript];
    let rest = story.session.since(Some(("epoch", seen)), &transcripts);
    assert!(
        matches!(&rest[..], [ChatProgress { kind: ProgressKind::Delta { text, .. }, .. }] if text == "two")
    );
    for since in [None, Some(("other", seen)), Some(("epoch", 1_000))] {
        let all = story.session.since(since, &transcripts);
        assert!(matches!(all[0].kind, ProgressKind::Reset { .. }));
        let mut shown = Shown::default();
        all.iter().for_each(|event| shown.tell(&event.kind));
        assert_eq!(shown.texts["p1"], "one two");
    }
}

#[test]
fn who_has_only_the_beginning_of_everything_gets_it_again() {
    let mut story = Story::new();
    story.message("m1", Role::Assistant);
    story.text("m1", "p1", "text");
    let transcripts = [&story.transcript];
    let all = story.session.since(None, &transcripts);
    let again = story.session.since(Some(("epoch", all[1].seq)), &transcripts);
    assert!(matches!(again[0].kind, ProgressKind::Reset { .. }));
    let last = again.last().expect("something").seq;
    assert!(story.session.since(Some(("epoch", last)), &transcripts).is_empty());
}

#[test]
fn a_watcher_that_does_not_read_costs_no_memory_and_loses_nothing() {
    let mut story = Story::new();
    story.session.subscribe(1, false, Some(("epoch", 0)), &[]);
    story.message("m1", Role::Assistant);
    let mut text = String::new();
    for number in 0..3_000 {
        text += &format!("{number} ");
        story.text("m1", "p1", &text);
        // Each is something that cannot be joined with the others.
        story.session.fold(&ChatEvent::Recovered);
        story.session.flush();
    }
    let mut shown = Shown::default();
    let told = story.take(1);
    assert!(told.len() < 2_100);
    told.iter().for_each(|event| shown.tell(&event.kind));
    assert_eq!(shown.texts["p1"], text);
}

fn running(output: &str) -> PartBody {
    PartBody::Tool(Box::new(ToolCall {
        call_id: "call".into(),
        tool: "bash".into(),
        status: ToolStatus::Running,
        input: serde_json::json!({ "command": "x".repeat(100) }),
        title: None,
        output: None,
        error: None,
        metadata: Some(serde_json::json!({ "output": output })),
        extra: Default::default(),
    }))
}

#[test]
fn what_is_sent_of_a_tools_output_grows_as_the_output_does() {
    let sent = |lines: usize| {
        let mut story = Story::new();
        story.session.subscribe(1, false, Some(("epoch", 0)), &[]);
        story.message("m1", Role::Assistant);
        let (mut output, mut told) = (String::new(), Vec::new());
        for line in 0..lines {
            output += &format!("line {line:06}\n");
            story.part("m1", "p1", running(&output));
            told.extend(story.take(1));
        }
        let text: String = (told.iter())
            .filter_map(|event| match &event.kind {
                ProgressKind::ToolOutput { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(text, output);
        told.iter().map(|event| serde_json::to_string(event).expect("JSON").len()).sum::<usize>()
    };
    let (one, ten, hundred) = (sent(20), sent(200), sent(2_000));
    assert!(ten < one * 11 && hundred < one * 110, "{one}, {ten}, {hundred}");
}
