//! What a client should show, computed from the server's own answer by other code than the client's: the yardstick
//! for transcripts of both lines.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The comparable form of the messages of a session as the server sends them (`GET /session/{id}/message` of 1.x,
/// `GET /api/session/{id}/message` of OpenCode 2), in the shape that `opencode_nexus::chat::digest::messages` gives.
pub fn messages(answer: &Value) -> Value {
    match answer.get("data") {
        Some(second) => {
            let said = |m: &&Value| matches!(m["type"].as_str(), Some("user" | "assistant"));
            second.as_array().into_iter().flatten().filter(said).map(second_message).collect()
        }
        None => answer.as_array().into_iter().flatten().map(message).collect(),
    }
}

/// A message of OpenCode 2. Its texts have no names; the client's are `MESSAGE:text:NUMBER`.
fn second_message(entry: &Value) -> Value {
    let mut shown = pick(entry, &["id", "error", "finish"]);
    shown.insert("role".into(), entry["type"].clone());
    let id = entry["id"].as_str().unwrap_or_default();
    let parts: Vec<Value> = if entry["type"] == "user" {
        vec![json!({"id": format!("{id}:text:0"), "type": "text", "text": entry["text"]})]
    } else {
        let mut counts = BTreeMap::new();
        entry["content"].as_array().into_iter().flatten().map(|c| second_part(id, c, &mut counts)).collect()
    };
    shown.insert("parts".into(), parts.into());
    Value::Object(shown)
}

fn second_part(message: &str, content: &Value, counts: &mut BTreeMap<String, usize>) -> Value {
    let kind = content["type"].as_str().unwrap_or_default();
    let count = counts.entry(kind.to_owned()).or_default();
    let number = std::mem::replace(count, *count + 1);
    if kind != "tool" {
        return json!({"id": format!("{message}:{kind}:{number}"), "type": kind, "text": content["text"]});
    }
    let state = &content["state"];
    let mut shown = pick(state, &["status", "input"]);
    shown.extend(pick(content, &["id", "type"]));
    shown.insert("tool".into(), content["name"].clone());
    if let Some(items) = state["content"].as_array() {
        let texts: String = items.iter().filter_map(|item| item["text"].as_str()).collect();
        shown.insert("output".into(), texts.into());
    }
    if let Some(error) = state["error"]["message"].as_str() {
        shown.insert("error".into(), error.into());
    }
    Value::Object(shown)
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
