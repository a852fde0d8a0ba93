//! The comparable form of a transcript: what a person sees of it, and nothing that a clock or a line of servers adds.
//! `nexus replay --json` prints it, and tests compare it with what the server's REST API returns.

use serde_json::{Map, Value, json};

use super::transcript::Transcript;
use crate::model::{Message, Part, Role};

/// A transcript: `{"messages": […], "status": …, "title"?, "permissions", "questions", "todos"}`; see [`messages`].
pub fn transcript(transcript: &Transcript) -> Value {
    let mut value = json!({
        "messages": messages(transcript.messages()),
        "status": transcript.status().word(),
        "permissions": transcript.permissions().iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
        "questions": transcript.questions().iter().map(|q| q.id.as_str()).collect::<Vec<_>>(),
        "todos": transcript.todos(),
    });
    if let Some(session) = transcript.session() {
        value["title"] = session.title.as_str().into();
        if let Some(parent) = &session.parent_id {
            value["parent"] = parent.as_str().into();
        }
    }
    value
}

/// Messages: `[{"id", "role", "error"?, "finish"?, "parts": [{"id", "type", "text"?, "tool"?, "status"?, "input"?,
/// "output"?, "error"?}]}]`. A message's `error` is the server's object; a tool's `error` and `output` are texts. Notes
/// that servers keep among the messages (a switch of the model, a summary) are left out.
pub fn messages(messages: &[Message]) -> Value {
    let of_people_and_agents = |m: &&Message| matches!(m.role, Role::User | Role::Assistant);
    messages.iter().filter(of_people_and_agents).map(message).collect()
}

fn message(message: &Message) -> Value {
    let mut fields = Map::new();
    fields.insert("id".into(), message.id.as_str().into());
    fields.insert("role".into(), message.role.word().into());
    if let Some(error) = &message.error {
        fields.insert("error".into(), error.raw.clone());
    }
    if let Some(finish) = &message.finish {
        fields.insert("finish".into(), finish.as_str().into());
    }
    fields.insert("parts".into(), message.parts.iter().map(part).collect());
    Value::Object(fields)
}

fn part(part: &Part) -> Value {
    let mut fields = Map::new();
    fields.insert("id".into(), part.id.as_str().into());
    fields.insert("type".into(), part.kind().into());
    if let Some(text) = part.text() {
        fields.insert("text".into(), text.into());
    }
    if let Some(call) = part.tool() {
        fields.insert("tool".into(), call.tool.as_str().into());
        fields.insert("status".into(), call.status.word().into());
        fields.insert("input".into(), call.input.clone());
        let texts = [("output", &call.output), ("error", &call.error)];
        fields.extend(texts.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v.as_deref()?.into()))));
    }
    Value::Object(fields)
}
