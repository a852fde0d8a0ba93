//! What real servers sent decodes completely, and encodes to the same JSON.
use std::fs;
use std::path::{Path, PathBuf};

use opencode_api::v1::bodies::MessageWithParts;
use opencode_api::v1::{Envelope, Event, GlobalEnvelope};
use opencode_api::{EventHead, Operation, Value};
use serde::Serialize;

fn data(extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the captures")
        .map(|entry| entry.expect("a capture").path())
        .filter(|path| path.to_string_lossy().ends_with(extension))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn frames(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a capture");
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// JSON with sorted keys.
fn canonical(json: &str) -> String {
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
                entries.sort_by(|left, right| left.0.cmp(&right.0));
                Value::Object(entries.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
            other => other,
        }
    }
    sorted(serde_json::from_str(json).expect("JSON")).to_string()
}

fn assert_same(sent: &str, decoded: &impl Serialize) {
    let encoded = serde_json::to_string(decoded).expect("encodes");
    assert_eq!(canonical(sent), canonical(&encoded));
}

#[test]
fn every_captured_event_decodes_and_encodes_to_itself() {
    for path in data(".sse") {
        for frame in frames(&path) {
            if path.ends_with("global-event.sse") {
                assert_same(&frame, &GlobalEnvelope::from_slice(frame.as_bytes()).expect("a global event"));
                continue;
            }
            let head = EventHead::parse(frame.as_bytes()).expect("a head");
            let event = Event::decode(&head).expect("an event");
            assert!(!matches!(event, Event::Unknown { .. }), "{} is unknown", head.kind);
            assert_same(head.properties.get(), &event);
            let envelope: Envelope = serde_json::from_str(&frame).expect("an envelope");
            assert_same(&frame, &envelope);
            let tree: Value = serde_json::from_str(&frame).expect("JSON");
            assert_eq!(serde_json::from_value::<Envelope>(tree).expect("an envelope"), envelope);
        }
    }
}

#[test]
fn every_captured_message_decodes_and_encodes_to_itself() {
    for path in data(".messages.json") {
        let text = fs::read_to_string(&path).expect("a capture");
        let messages = opencode_api::v1::operations::session::Messages::decode(
            Some("application/json; charset=utf-8"),
            text.as_bytes(),
        )
        .expect("messages");
        assert_same(&text, &messages);
        assert!(!format!("{messages:?}").contains("Unknown("), "{} has something unknown", path.display());
        let tree: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(serde_json::from_value::<Vec<MessageWithParts>>(tree).expect("messages"), messages);
    }
}

/// What to do to a JSON document at one place.
#[derive(Clone, Copy, Debug)]
enum Change {
    UnknownField,
    UnknownText,
    Null,
    WrongType,
    Remove,
}

/// Applies a change at the `nth` place where it is possible; `None` when there are fewer places.
fn change(value: &mut Value, change_kind: Change, nth: &mut usize) -> bool {
    match value {
        Value::Object(map) => {
            if matches!(change_kind, Change::UnknownField) {
                if *nth == 0 {
                    map.insert("fromTheFuture".to_owned(), serde_json::json!({ "deep": [1, 2.0, null] }));
                    return true;
                }
                *nth -= 1;
            }
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                if matches!(change_kind, Change::Null | Change::WrongType | Change::Remove) {
                    if *nth == 0 {
                        match change_kind {
                            Change::Null => drop(map.insert(key, Value::Null)),
                            Change::WrongType => drop(map.insert(key, serde_json::json!([[true]]))),
                            _ => map.retain(|name, _| *name != key),
                        }
                        return true;
                    }
                    *nth -= 1;
                }
                if map.get_mut(&key).is_some_and(|inner| change(inner, change_kind, nth)) {
                    return true;
                }
            }
            false
        }
        Value::Array(items) => items.iter_mut().any(|item| change(item, change_kind, nth)),
        Value::String(text) if matches!(change_kind, Change::UnknownText) => {
            if *nth == 0 {
                *text = "from-the-future".to_owned();
                return true;
            }
            *nth -= 1;
            false
        }
        _ => false,
    }
}

/// One event of each kind and form, so that every place of it can be changed.
fn samples() -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let mut samples = Vec::new();
    for path in data(".sse").into_iter().filter(|path| !path.ends_with("global-event.sse")) {
        for frame in frames(&path) {
            let value: Value = serde_json::from_str(&frame).expect("JSON");
            let part = value.pointer("/properties/part");
            let key = [
                value.get("type"),
                part.and_then(|part| part.get("type")),
                value.pointer("/properties/part/state/status"),
            ];
            if seen.insert(format!("{key:?}")) {
                samples.push(frame);
            }
        }
    }
    samples
}

#[test]
fn whatever_changes_in_an_event_is_kept() {
    for sample in samples() {
        for kind in
            [Change::UnknownField, Change::UnknownText, Change::Null, Change::WrongType, Change::Remove]
        {
            for place in 0.. {
                let mut value: Value = serde_json::from_str(&sample).expect("JSON");
                if !change(&mut value, kind, &mut place.clone()) {
                    break;
                }
                // Without a kind there is no event.
                if value.get("type").is_none_or(|kind| !kind.is_string())
                    || value.get("id").is_some_and(|id| !id.is_string() && !id.is_null())
                {
                    continue;
                }
                let changed = value.to_string();
                let envelope = Envelope::from_slice(changed.as_bytes())
                    .unwrap_or_else(|error| panic!("{kind:?} at {place}: {error}\n{changed}"));
                assert_same(&changed, &envelope);
                if matches!(kind, Change::UnknownField) {
                    let shown = format!("{envelope:?}");
                    assert!(
                        !shown.contains("Unknown(") && !shown.contains("Unknown { kind"),
                        "no longer typed: {changed}"
                    );
                }
            }
        }
    }
}

#[test]
fn unknown_kinds_of_events_are_kept() {
    let frame = r#"{"id":"evt_1","type":"session.dreamt","properties":{"a":[1,1.0]}}"#;
    let envelope = Envelope::from_slice(frame.as_bytes()).expect("an envelope");
    assert!(matches!(&envelope.event, Event::Unknown { kind, .. } if &**kind == "session.dreamt"));
    assert_same(frame, &envelope);
}
