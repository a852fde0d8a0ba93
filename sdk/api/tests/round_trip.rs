//! What real servers sent decodes completely, and encodes to the same JSON. Captures of OpenCode 1.x are beside this
//! file, those of OpenCode 2 are the cases of the whole repository.
use std::fs;
use std::path::PathBuf;

use opencode_api::{EventHead, v1, v2};

mod wire;

use wire::{assert_answer, assert_changes_are_kept, assert_frame, assert_same, files, frames, one_of_each};

const V1: &str = "tests/data";
const V2: &str = "../../tests/cases/v2";

/// Streams of `/event` and `/api/event` of OpenCode 1.x.
fn v1_streams() -> Vec<PathBuf> {
    files(V1, ".sse").into_iter().filter(|path| !path.ends_with("global-event.sse")).collect()
}

/// Streams of `/api/event` of OpenCode 2, and of the log of a session.
fn v2_streams() -> Vec<PathBuf> {
    [files(V2, ".sse"), files(&format!("{V2}/extra"), ".sse")].concat()
}

#[test]
fn every_captured_event_of_1_decodes_and_encodes_to_itself() {
    for path in v1_streams() {
        frames(&path).iter().for_each(|frame| assert_frame::<v1::Event>(frame));
    }
    for frame in files(V1, "global-event.sse").iter().flat_map(|path| frames(path)) {
        assert_same(&frame, &v1::GlobalEnvelope::from_slice(frame.as_bytes()).expect("a global event"));
    }
}

#[test]
fn every_captured_event_of_2_decodes_and_encodes_to_itself() {
    let mut count = 0;
    for frame in v2_streams().iter().flat_map(|path| frames(path)) {
        assert_frame::<v2::Event>(&frame);
        count += 1;
    }
    assert!(count > 450, "{count}");
}

#[test]
fn every_captured_message_of_1_decodes_and_encodes_to_itself() {
    for path in files(V1, ".messages.json") {
        let text = fs::read_to_string(&path).expect("a capture");
        assert_answer::<v1::operations::session::Messages>(&path, &text);
    }
}

#[test]
fn every_captured_answer_of_2_decodes_and_encodes_to_itself() {
    for path in files(V2, ".messages.json") {
        let text = fs::read_to_string(&path).expect("a capture");
        let answer = assert_answer::<v2::operations::message::List>(&path, &text);
        assert!(matches!(answer.data.first(), Some(v2::SessionMessage::User(_))), "{}", path.display());
    }
    for path in files(V2, ".session.json") {
        let text = fs::read_to_string(&path).expect("a capture");
        let answer = assert_answer::<v2::operations::session::Get>(&path, &text);
        assert!(answer.data.id.as_str().starts_with("ses_"));
    }
    for path in files(&format!("{V2}/extra"), "paging.json") {
        let text = fs::read_to_string(&path).expect("a capture");
        let pages: Vec<Box<opencode_api::RawValue>> = serde_json::from_str(&text).expect("pages");
        assert!(pages.len() > 2);
        for page in pages {
            assert_answer::<v2::operations::message::List>(&path, page.get());
        }
    }
}

#[test]
fn whatever_changes_in_an_event_of_1_is_kept() {
    assert_changes_are_kept::<v1::Event>(&one_of_each(&v1_streams(), |frame| {
        let part = frame.pointer("/properties/part");
        let key = [
            frame.get("type"),
            part.and_then(|part| part.get("type")),
            frame.pointer("/properties/part/state/status"),
        ];
        format!("{key:?}")
    }));
}

#[test]
fn whatever_changes_in_an_event_of_2_is_kept() {
    assert_changes_are_kept::<v2::Event>(&one_of_each(&v2_streams(), |frame| {
        let key =
            [frame.get("type"), frame.pointer("/data/item/type"), frame.pointer("/data/content/0/type")];
        format!("{key:?}")
    }));
}

#[test]
fn unknown_kinds_of_events_are_kept() {
    let frame = r#"{"id":"evt_1","type":"session.dreamt","properties":{"a":[1,1.0]}}"#;
    let envelope = v1::Envelope::from_slice(frame.as_bytes()).expect("an envelope");
    assert!(matches!(&envelope.event, v1::Event::Unknown { kind, .. } if &**kind == "session.dreamt"));
    assert_same(frame, &envelope);
    // What plugins of OpenCode 2 send has kinds of their own.
    let frame =
        r#"{"id":"evt_1","created":1.0,"type":"rpc.mine","location":{"directory":"/p"},"data":{"a":null}}"#;
    let envelope = v2::Envelope::from_slice(frame.as_bytes()).expect("an envelope");
    assert!(matches!(&envelope.event, v2::Event::Unknown { kind, .. } if &**kind == "rpc.mine"));
    assert_same(frame, &envelope);
}

#[test]
fn a_frame_of_2_tells_when_and_where_and_its_place_in_the_log() {
    let frame = r#"{"id":"evt_1","created":1795331518399,"metadata":{"instructions":{"initial":true}},"type":"session.execution.started","location":{"directory":"/p"},"data":{"sessionID":"ses_1"},"durable":{"aggregateID":"ses_1","seq":2,"version":1}}"#;
    let head = EventHead::parse(frame.as_bytes()).expect("a head");
    assert_eq!(head.created().and_then(|created| created.as_u64()), Some(1_795_331_518_399));
    assert_eq!(head.location().map(|location| location.directory).as_deref(), Some("/p"));
    let durable = head.durable().expect("a place");
    assert_eq!((durable.aggregate_id.as_str(), durable.seq.as_u64()), ("ses_1", Some(2)));
    let envelope = v2::Envelope::from_head(head);
    assert!(envelope.metadata.as_ref().is_some_and(|metadata| metadata.contains_key("instructions")));
    assert!(envelope.extra.is_empty());
}

#[test]
fn a_frame_without_payload_field_is_its_own_payload() {
    let frame = r#"{"type":"log.synced","aggregateID":"ses_1","seq":0}"#;
    let event = v2::Event::from_slice(frame.as_bytes()).expect("an event");
    assert!(matches!(&event, v2::Event::LogSynced(synced) if synced.aggregate_id == "ses_1"), "{event:?}");
    assert_same(frame, &v2::Envelope::from_slice(frame.as_bytes()).expect("an envelope"));
}
