//! Parts of messages of OpenCode 2. They have no names there: a text is known by its message and its number among the
//! texts of that message, a tool call by its message and the model's name for it. The names are made here.

use opencode_api::v2;
use serde_json::Value;

use super::map::{id, time};
use crate::model::{Extra, MessageId, Part, PartBody, PartId, SessionId, ToolCall, ToolStatus};

/// What a text is, in the server's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Reasoning,
}

/// The name of a text.
pub(super) fn text_id(message: &str, kind: Kind, ordinal: u64) -> PartId {
    let word = match kind {
        Kind::Text => "text",
        Kind::Reasoning => "reasoning",
    };
    format!("{message}:{word}:{ordinal}").into()
}

/// A part that is there at once and does not change.
pub(super) fn part(session: &SessionId, message: &MessageId, id: PartId, body: PartBody) -> Part {
    Part {
        id,
        session_id: session.clone(),
        message_id: message.clone(),
        body,
        started: None,
        ended: None,
        extra: Extra::new(),
    }
}

/// A text as it stands.
pub(super) fn text(
    session: &SessionId,
    message: &MessageId,
    (kind, ordinal): (Kind, u64),
    text: String,
    (started, ended): (u64, Option<u64>),
) -> Part {
    let body = match kind {
        Kind::Text => PartBody::Text { text, synthetic: false, ignored: false },
        Kind::Reasoning => PartBody::Reasoning { text },
    };
    let id = text_id(message.as_str(), kind, ordinal);
    Part { started: Some(started), ended, ..part(session, message, id, body) }
}

/// The content of an assistant's message. A text is empty until it has ended; so an empty one in a message that is not
/// complete is being written.
pub(super) fn content(
    wire: Vec<v2::AssistantContent>,
    session: &SessionId,
    message: &MessageId,
    created: u64,
    completed: Option<u64>,
) -> Vec<Part> {
    use v2::AssistantContent as Wire;
    let (mut texts, mut thoughts, mut others) = (0, 0, 0);
    let end = |text: &str| completed.or((!text.is_empty()).then_some(created));
    let next = |count: &mut u64| std::mem::replace(count, *count + 1);
    wire.into_iter()
        .map(|item| match item {
            Wire::Text(t) => {
                let ended = end(&t.text);
                text(session, message, (Kind::Text, next(&mut texts)), t.text, (created, ended))
            }
            Wire::Reasoning(t) => {
                let ended = end(&t.text);
                text(session, message, (Kind::Reasoning, next(&mut thoughts)), t.text, (created, ended))
            }
            Wire::Tool(tool) => tool_part(*tool, session, message),
            other => {
                let body = PartBody::Other { kind: other.kind().into_owned().into() };
                let id = format!("{message}:other:{}", next(&mut others)).into();
                Part { extra: fields(&other), ..part(session, message, id, body) }
            }
        })
        .collect()
}

fn tool_part(wire: v2::SessionMessageAssistantTool, session: &SessionId, message: &MessageId) -> Part {
    use v2::ToolState as State;
    let mut call = ToolCall {
        call_id: wire.id.as_str().to_owned(),
        tool: wire.name,
        status: ToolStatus::Streaming,
        input: Value::Null,
        title: None,
        output: None,
        error: None,
        metadata: None,
        extra: Extra::new(),
    };
    match wire.state {
        State::Streaming(s) => call.input = s.input.into(),
        State::Running(s) => {
            call.status = ToolStatus::Running;
            call.input = Value::Object(s.input);
            call.metadata = Some(Value::Object(s.metadata));
        }
        State::Completed(s) => {
            call.status = ToolStatus::Completed;
            call.input = Value::Object(s.input);
            call.output = Some(output(&s.content));
            call.metadata = s.metadata.map(Value::Object);
        }
        State::Error(s) => {
            call.status = ToolStatus::Error;
            call.input = Value::Object(s.input);
            call.error = Some(s.error.message);
            call.output = s.content.as_deref().map(output);
            call.metadata = s.metadata.map(Value::Object);
        }
        other => {
            let mut fields = fields(&other);
            if let Some(Value::String(word)) = fields.remove("status") {
                call.status = ToolStatus::Other(word);
            }
            call.input = fields.remove("input").unwrap_or_default();
            call.extra = fields;
        }
    }
    Part {
        started: Some(time(&wire.time.created)),
        ended: wire.time.completed.as_ref().map(time),
        ..part(session, message, id(wire.id), PartBody::Tool(Box::new(call)))
    }
}

/// All fields of what this build does not know.
fn fields(wire: &impl serde::Serialize) -> Extra {
    match serde_json::to_value(wire) {
        Ok(Value::Object(fields)) => fields,
        _ => Extra::new(),
    }
}

/// The texts of what a tool gave, joined.
pub(super) fn output(content: &[v2::ToolContent]) -> String {
    content
        .iter()
        .filter_map(|item| match item {
            v2::ToolContent::Text(text) => Some(text.text.as_str()),
            _ => None,
        })
        .collect()
}
