//! Records and pieces are read as they were written.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::arbitrary::{message, session};
use crate::chat::{Recording, Transcript};
use crate::error::ErrorKind;
use crate::history::chunk::{Change, Chunk, changes, fold};
use crate::history::record::{MessageRecord, SessionRecord, VERSION, to_bounded_bytes, to_bytes};
use crate::model::{Message, PartBody};

fn piece(changes: Vec<Change>) -> Vec<u8> {
    to_bounded_bytes(&Chunk::new(changes)).unwrap()
}

fn whole(message: &Message) -> Vec<u8> {
    piece(vec![Change::Whole(Box::new(message.clone()))])
}

fn record(message: Message) -> MessageRecord {
    MessageRecord::new("http://127.0.0.1:4096", &session(), true, message)
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(message in message()) {
        let record = record(message);
        let stored = record.to_record().unwrap();
        prop_assert_eq!(MessageRecord::from_bytes(&stored.payload).unwrap(), record.clone());
        prop_assert_eq!(record.to_record().unwrap().payload, stored.payload, "the same bytes each time");
    }

    #[test]
    fn pieces_together_are_the_last_state_whatever_the_steps(steps in proptest::collection::vec(message(), 1..8)) {
        let mut pieces = vec![whole(&steps[0])];
        for pair in steps.windows(2) {
            pieces.push(piece(changes(&pair[0], &pair[1])));
            prop_assert!(changes(&pair[1], &pair[1]).is_empty());
        }
        let folded = fold(None, &pieces).unwrap();
        prop_assert_eq!(folded.as_ref(), steps.last());
    }

    #[test]
    fn two_programs_that_write_the_same_growing_text_do_not_double_it(
        text in "[a-zé漢 ]{0,60}",
        ours in proptest::collection::vec(0..60_usize, 1..6),
        theirs in proptest::collection::vec(0..60_usize, 1..6),
        mix in any::<u64>(),
    ) {
        let states = |cuts: &[usize]| {
            let mut cuts: Vec<usize> = cuts.iter().map(|c| (0..=(*c).min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let states: Vec<Message> = cuts.into_iter().map(|c| growing(&text[..c])).collect();
            let mut pieces = vec![whole(&states[0])];
            pieces.extend(states.windows(2).map(|p| piece(changes(&p[0], &p[1]))));
            pieces
        };
        let (ours, theirs) = (states(&ours), states(&theirs));
        let (mut ours, mut theirs) = (ours.into_iter().peekable(), theirs.into_iter().peekable());
        let (mut pieces, mut at) = (Vec::new(), 0);
        while ours.peek().is_some() || theirs.peek().is_some() {
            let first = (mix >> (at % 64)) & 1 == 0;
            at += 1;
            let next = if first { ours.next().or_else(|| theirs.next()) } else { theirs.next().or_else(|| ours.next()) };
            pieces.extend(next);
        }
        let folded = fold(None, &pieces).unwrap().unwrap();
        let stored = folded.parts[0].text().unwrap();
        // The slower one may have set it back; nothing is there twice, and nothing else is there.
        prop_assert!(text.starts_with(stored), "{:?} of {:?}", stored, text);
    }
}

fn growing(text: &str) -> Message {
    let mut message: Message = serde_json::from_value(json!({
        "id": "msg_1", "session_id": "ses_1", "role": "assistant", "parent_id": null, "created": 1, "completed": null,
        "agent": null, "model": null, "usage": null, "finish": null, "error": null, "extra": {},
        "parts": [{"id": "prt_1", "session_id": "ses_1", "message_id": "msg_1", "started": 1, "ended": null, "extra": {},
            "body": {"type": "text", "text": "", "synthetic": false, "ignored": false}}],
    }))
    .unwrap();
    *message.parts[0].text_mut().unwrap() = text.to_owned();
    message
}

#[test]
fn what_is_nested_as_deeply_as_servers_can_send_it_comes_back() {
    let mut deep = Value::Null;
    for _ in 0..126 {
        deep = json!([deep]);
    }
    let mut message = growing("x");
    message.extra.insert("deep".into(), deep);
    let record = record(message);
    assert_eq!(MessageRecord::from_bytes(&record.to_record().unwrap().payload).unwrap(), record);
}

#[test]
fn a_message_that_is_too_large_is_cut_where_it_is_longest_and_says_so() {
    let mut message = growing(&"word ".repeat(4_000_000));
    message.extra.insert("small".into(), "kept".into());
    let stored = record(message).to_record().unwrap();
    assert!(stored.payload.len() < 16 * 1024 * 1024);
    let read = MessageRecord::from_bytes(&stored.payload).unwrap().message;
    assert_eq!(read.extra["small"], "kept");
    let PartBody::Text { text, .. } = &read.parts[0].body else { panic!("a text") };
    assert!(text.starts_with("word word ") && text.ends_with("bytes are not in the history]"));
}

#[test]
fn what_is_newer_and_what_is_damaged_are_told_apart() {
    let bytes = to_bytes(&record(growing("x"))).unwrap();
    let newer = String::from_utf8(bytes.clone()).unwrap().replacen("\"v\":1", "\"v\":2", 1);
    let kind = |bytes: &[u8]| MessageRecord::from_bytes(bytes).unwrap_err().kind();
    assert_eq!(kind(newer.as_bytes()), ErrorKind::NewerFormat);
    assert_eq!(kind(br#"{"v":2,"something":"else"}"#), ErrorKind::NewerFormat);
    for cut in 0..bytes.len() {
        let error = MessageRecord::from_bytes(&bytes[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(
            !error.to_string().contains("/home/me"),
            "nothing of what is stored is in the error: {error}"
        );
    }
    let session = SessionRecord::new("local", session(), 3);
    assert_eq!(SessionRecord::from_bytes(&session.to_group().unwrap().payload).unwrap().v, VERSION);
}

#[test]
fn pieces_whose_first_is_gone_do_no_harm() {
    let (before, after) = (growing("It begins"), growing("It begins and ends"));
    let rest = [piece(changes(&before, &after))];
    assert_eq!(fold(None, &rest).unwrap(), None);
    assert_eq!(fold(Some(before), &rest).unwrap(), Some(after));
    assert_eq!(fold(Some(growing("It")), &rest).unwrap(), Some(growing("It")), "a hole is not jumped over");
}

/// Every message of every recorded stream, at every step of it.
#[test]
fn recorded_conversations_are_stored_as_they_were_told() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let (mut streams, mut messages) = (0, 0);
    for line in ["v1", "v2"] {
        for file in std::fs::read_dir(cases.join(line)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|e| e != "sse") {
                continue;
            }
            streams += 1;
            let recording = Recording::fold(&std::fs::read(&path).unwrap(), 64 << 20).unwrap();
            messages += recording.sessions.values().map(check_all).sum::<usize>();
        }
    }
    assert!(streams > 20 && messages > 60, "{streams} streams, {messages} messages");
}

fn check_all(transcript: &Transcript) -> usize {
    for message in transcript.messages() {
        let record = record(message.clone());
        assert_eq!(MessageRecord::from_bytes(&record.to_record().unwrap().payload).unwrap(), record);
        assert_eq!(fold(None, &[whole(message)]).unwrap().as_ref(), Some(message));
    }
    if let Some(session) = transcript.session() {
        let record = SessionRecord::new("local", session.clone(), 1);
        assert_eq!(SessionRecord::from_bytes(&record.to_group().unwrap().payload).unwrap(), record);
    }
    transcript.messages().len()
}
