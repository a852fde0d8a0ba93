//! What a client should show, computed from the server's own answer by other code than the client's: the yardstick
//! for transcripts of the 1.x line.

use serde_json::{Map, Value};

/// The comparable form of `GET /session/{id}/message` as the server sends it, in the shape that
/// `opencode_nexus::chat::digest::messages` gives.
pub fn messages(answer: &Value) -> Value {
    answer.as_array().into_iter().flatten().map(message).collect()
}

fn message(entry: &Value) -> Value {
    let info = &entry["info"];
    let mut shown = pick(info, &["id", "role", "error", "finish"]);
    let parts: Vec<Value> = entry["parts"].as_array().into_iter().flatten().map(part).collect();
    shown.insert("parts".into(), parts.into());
    Value::Object(shown)
}

fn part(part: &Value) -> Value {
    let mut shown = pick(part, &["id", "type"]);
    match part["type"].as_str() {
        Some("text" | "reasoning") => shown.extend(pick(part, &["text"])),
        Some("tool") => {
            shown.extend(pick(part, &["tool"]));
            shown.extend(pick(&part["state"], &["status", "input", "output", "error"]));
        }
        _ => {}
    }
    Value::Object(shown)
}

fn pick(from: &Value, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), from.get(name)?.clone()))).collect()
}
