//! From the SDK's words to the interface's, and back. Pure.

use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::model::{
    Message, ModelRef, Part, PartBody, Permission, Question, Role, Session, ToolCall, TurnError,
};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use crate::bindings::nexus::plugin::session as wit;
use crate::bindings::nexus::plugin::types::{self, Field, FilePart, MessageRole, TextPart, ToolPart};

/// Texts for people are cut at so many bytes.
pub(super) const TEXT: usize = 2 * 1024;

/// Longer addresses (pictures as `data:`) are told by their kind only.
const ADDRESS: usize = 16 * 1024;

/// So many bytes of what a permission is about are shown.
const DETAIL: usize = 8 * 1024;

pub(crate) fn info(session: &Session, busy: bool) -> wit::Info {
    wit::Info {
        id: session.id.to_string(),
        title: session.title.clone(),
        parent: session.parent_id.as_ref().map(ToString::to_string),
        updated_ms: session.updated,
        busy,
    }
}

/// A message without its texts, which come by themselves.
pub(super) fn header(message: &Message) -> wit::Message {
    wit::Message {
        id: message.id.to_string(),
        session: message.session_id.to_string(),
        role: match message.role {
            Role::User => MessageRole::User,
            _ => MessageRole::Assistant,
        },
        created_ms: message.created,
        parts: Vec::new(),
    }
}

/// A message with everything.
pub(crate) fn message(message: &Message) -> wit::Message {
    wit::Message { parts: message.parts.iter().filter_map(part).collect(), ..header(message) }
}

fn part(part: &Part) -> Option<types::Part> {
    Some(match &part.body {
        PartBody::Text { text, synthetic, ignored } => {
            types::Part::Text(TextPart { text: text.clone(), synthetic: *synthetic || *ignored })
        }
        PartBody::Reasoning { text } => types::Part::Reasoning(text.clone()),
        PartBody::Tool(call) => types::Part::Tool(tool(call)),
        PartBody::File { mime, filename, url } => {
            types::Part::File(FilePart { uri: address(url), mime: mime.clone(), name: filename.clone() })
        }
        PartBody::StepStart | PartBody::StepFinish { .. } => return None,
        _ => {
            let value = part_json(part).to_string();
            types::Part::Other(Field { key: part.kind().to_owned(), value })
        }
    })
}

fn address(url: &str) -> String {
    if url.len() <= ADDRESS {
        return url.to_owned();
    }
    // `data:image/png;base64,`
    let end = url.find(',').filter(|end| *end < 256).map_or(0, |end| end + 1);
    url[..end].to_owned()
}

/// What stands in no other event.
pub(super) fn part_json(part: &Part) -> serde_json::Value {
    let mut value = json!({
        "session": part.session_id, "message": part.message_id, "part": part.id, "kind": part.kind(),
    });
    match &part.body {
        PartBody::File { mime, filename, url } => {
            value["mime"] = json!(mime);
            value["name"] = json!(filename);
            value["uri"] = json!(address(url));
        }
        PartBody::Agent { name } => value["agent"] = json!(name),
        PartBody::Subtask { description, agent, .. } => {
            value["agent"] = json!(agent);
            value["description"] = json!(description);
        }
        PartBody::Patch { files } => value["files"] = json!(files),
        PartBody::Retry { attempt } => value["attempt"] = json!(attempt),
        _ => {}
    }
    value
}

pub(super) fn tool(call: &ToolCall) -> ToolPart {
    use opencode_nexus::model::ToolStatus;
    ToolPart {
        call_id: call.call_id.clone(),
        tool: call.tool.clone(),
        state: match &call.status {
            ToolStatus::Streaming | ToolStatus::Pending => "pending",
            ToolStatus::Running | ToolStatus::Other(_) => "running",
            ToolStatus::Completed => "completed",
            ToolStatus::Error => "error",
        }
        .to_owned(),
        title: call.title.as_deref().map(|title| cut(title, TEXT)),
    }
}

pub(super) fn permission(ask: &Permission) -> wit::PermissionAsk {
    wit::PermissionAsk {
        session: ask.session_id.to_string(),
        request: ask.id.to_string(),
        tool: ask.action.clone(),
        title: cut(&format!("{} {}", ask.action, ask.patterns.join(" ")), TEXT),
        detail: permission_detail(ask),
    }
}

/// What it is about in full: commands, paths, and the diff of an edit where there is one.
fn permission_detail(ask: &Permission) -> String {
    let mut lines = ask.patterns.join("\n");
    if let Some(diff) = ask.metadata.get("diff").and_then(|diff| diff.as_str()) {
        lines.push('\n');
        lines.push_str(diff);
    }
    cut(&lines, DETAIL)
}

pub(super) fn question(ask: &Question) -> wit::QuestionAsk {
    let titles: Vec<&str> = ask.items.iter().map(|item| item.question.as_str()).collect();
    wit::QuestionAsk {
        session: ask.session_id.to_string(),
        request: ask.id.to_string(),
        title: cut(&titles.join(" "), TEXT),
    }
}

pub(super) fn error_text(error: &TurnError) -> String {
    cut(&format!("{}: {}", error.name, error.message), TEXT)
}

/// The beginning of a text.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…", &text[..end])
}

/// What a plugin sends.
///
/// # Errors
/// `user.invalid_input` for parts that nobody can send, and for a model that is none.
pub(crate) fn prompt(prompt: wit::Prompt) -> Result<Prompt> {
    let parts = prompt.parts.into_iter().map(prompt_part).collect::<Result<Vec<_>>>()?;
    let model = prompt.model.as_deref().map(str::parse::<ModelRef>).transpose()?;
    Ok(Prompt { parts, model, agent: prompt.agent, ..Prompt::default() })
}

fn prompt_part(part: types::Part) -> Result<PromptPart> {
    let wrong = |what: &str| {
        let message = format!("a prompt cannot hold {what}");
        Error::new(ErrorKind::InvalidInput, message).with_hint("send parts of the kinds text and file")
    };
    match part {
        types::Part::Text(TextPart { text, synthetic: false }) => Ok(PromptPart::Text(text)),
        types::Part::Text(TextPart { text, synthetic: true }) => Ok(PromptPart::Context(text)),
        // The server would read whatever `file:` names, also what the plugin itself may not.
        types::Part::File(FilePart { uri, mime, name }) if uri.starts_with("data:") => {
            Ok(PromptPart::File { mime, filename: name, url: uri })
        }
        types::Part::File(_) => {
            Err(Error::new(ErrorKind::Forbidden, "a plugin cannot attach a file by its address")
                .with_hint("read it with the permission `workspace-read` and send its text"))
        }
        types::Part::Reasoning(_) => Err(wrong("thoughts")),
        types::Part::Tool(_) => Err(wrong("a tool call")),
        types::Part::Other(_) => Err(wrong("a part of another kind")),
    }
}
