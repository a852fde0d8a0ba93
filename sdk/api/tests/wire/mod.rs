//! What the tests of recorded traffic share: reading it, comparing JSON, and changing it at every place.
use std::fs;
use std::path::{Path, PathBuf};

use opencode_api::{Envelope, EventHead, EventPayload, Operation, Value};
use serde::Serialize;

/// The files of a folder of this repository whose names end like this.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the captures")
        .map(|entry| entry.expect("a capture").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// The data of all frames of a recorded stream.
pub fn frames(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a capture");
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// JSON with sorted keys.
pub fn canonical(json: &str) -> String {
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

/// Whether a decoded value encodes to what was sent.
pub fn assert_same(sent: &str, decoded: &impl Serialize) {
    let encoded = serde_json::to_string(decoded).expect("encodes");
    assert_eq!(canonical(sent), canonical(&encoded));
}

/// Whether a value is typed all the way down. Unknown kinds show themselves in the text for people.
pub fn is_typed(value: &impl std::fmt::Debug) -> bool {
    let shown = format!("{value:?}");
    !shown.contains("Unknown(") && !shown.contains("Unknown { kind")
}

/// Decodes a frame in every way that there is, and compares what it encodes to.
pub fn assert_frame<E: EventPayload + Serialize + std::fmt::Debug + PartialEq>(frame: &str) {
    let head = EventHead::parse(frame.as_bytes()).expect("a head");
    let event = E::decode_payload(&head.kind, head.properties).expect("an event");
    assert!(is_typed(&event), "{} is unknown: {event:?}", head.kind);
    assert_same(head.properties.get(), &event);
    let envelope: Envelope<E> = serde_json::from_str(frame).expect("an envelope");
    assert_same(frame, &envelope);
    let tree: Value = serde_json::from_str(frame).expect("JSON");
    assert_eq!(serde_json::from_value::<Envelope<E>>(tree).expect("an envelope"), envelope);
}

/// Decodes a recorded answer, and compares what it encodes to.
pub fn assert_answer<O: Operation>(path: &Path, text: &str) -> O::Response
where
    O::Response: Serialize + std::fmt::Debug + PartialEq + serde::de::DeserializeOwned,
{
    let answer = O::decode(Some("application/json; charset=utf-8"), text.as_bytes()).expect("an answer");
    assert_same(text, &answer);
    assert!(is_typed(&answer), "{} has something unknown: {answer:?}", path.display());
    let tree: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(serde_json::from_value::<O::Response>(tree).expect("an answer"), answer);
    answer
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

/// Changes frames at every place in every way: each is still an event, and nothing of it is lost.
pub fn assert_changes_are_kept<E: EventPayload + std::fmt::Debug>(samples: &[String]) {
    for sample in samples {
        for kind in
            [Change::UnknownField, Change::UnknownText, Change::Null, Change::WrongType, Change::Remove]
        {
            for place in 0.. {
                let mut value: Value = serde_json::from_str(sample).expect("JSON");
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
                let envelope = Envelope::<E>::from_slice(changed.as_bytes())
                    .unwrap_or_else(|error| panic!("{kind:?} at {place}: {error}\n{changed}"));
                assert_same(&changed, &envelope);
                if matches!(kind, Change::UnknownField) {
                    assert!(is_typed(&envelope), "no longer typed: {changed}");
                }
            }
        }
    }
}

/// One frame of each key, so that every place of it can be changed.
pub fn one_of_each(paths: &[PathBuf], key: impl Fn(&Value) -> String) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let all = paths.iter().flat_map(|path| frames(path));
    all.filter(|frame| seen.insert(key(&serde_json::from_str(frame).expect("JSON")))).collect()
}
