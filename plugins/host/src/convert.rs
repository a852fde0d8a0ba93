//! Parts of prompts and messages, between the SDK and the plugin interface.
//!
//! What a plugin puts into a prompt is looked at twice: the server reads the files that a prompt names, so a plugin may name only
//! those that it may read itself, or that the person has named already.

use opencode_nexus::chat::PromptPart;
use opencode_nexus::model::{Message, Part as ModelPart, PartBody, ToolStatus};
use opencode_nexus::{ErrorKind, Result};

use crate::actor::PluginHandle;
use crate::bindings::nexus::plugin::types as wit;
use crate::foreign;
use crate::provider::granted_file;

/// Parts of one prompt, and all of their texts together.
const PARTS: usize = 1_000;
const BYTES: usize = 4 << 20;

/// Which files a plugin may put into a prompt.
pub(crate) enum Files<'a> {
    /// Those that it may read itself.
    Granted,
    /// These too: what the person's prompt has had, with its agents and their work.
    GrantedOr(&'a [PromptPart]),
}

/// A prompt for a plugin.
pub(crate) fn parts_of_prompt(parts: &[PromptPart]) -> Vec<wit::Part> {
    parts.iter().map(part_of_prompt).collect()
}

fn part_of_prompt(part: &PromptPart) -> wit::Part {
    match part {
        PromptPart::Text(text) => wit::Part::Text(wit::TextPart { text: text.clone(), synthetic: false }),
        PromptPart::Context(text) => wit::Part::Text(wit::TextPart { text: text.clone(), synthetic: true }),
        PromptPart::File { mime, filename, url } => {
            wit::Part::File(wit::FilePart { uri: url.clone(), mime: mime.clone(), name: filename.clone() })
        }
        PromptPart::Agent { name } => other("agent", &serde_json::json!({ "name": name })),
        PromptPart::Subtask { agent, prompt, description } => other(
            "subtask",
            &serde_json::json!({ "agent": agent, "prompt": prompt, "description": description }),
        ),
    }
}

fn other(key: &str, value: &serde_json::Value) -> wit::Part {
    wit::Part::Other(wit::Field { key: key.to_owned(), value: value.to_string() })
}

/// What a plugin wants to be sent.
///
/// # Errors
/// `security.forbidden` for a file that it may not name, `system.plugin` for what is no part of a prompt, or too much.
pub(crate) async fn prompt_parts(
    plugin: &PluginHandle,
    parts: Vec<wit::Part>,
    files: &Files<'_>,
) -> Result<Vec<PromptPart>> {
    let size: usize = parts.iter().map(size).sum();
    if parts.len() > PARTS || size > BYTES {
        return Err(plugin
            .error(ErrorKind::Plugin, format!("its prompt has {} parts and {size} bytes", parts.len()))
            .with_hint(format!("a prompt may have {PARTS} parts and {} MiB", BYTES >> 20)));
    }
    let mut looked_at = Vec::new();
    for part in parts {
        looked_at.push(prompt_part(plugin, part, files).await?);
    }
    Ok(looked_at)
}

fn size(part: &wit::Part) -> usize {
    match part {
        wit::Part::Text(text) => text.text.len(),
        wit::Part::Reasoning(text) => text.len(),
        wit::Part::File(file) => file.uri.len(),
        wit::Part::Tool(_) => 0,
        wit::Part::Other(field) => field.value.len(),
    }
}

async fn prompt_part(plugin: &PluginHandle, part: wit::Part, files: &Files<'_>) -> Result<PromptPart> {
    if let Files::GrantedOr(old) = files
        && let Some(same) = old.iter().find(|old| is_same(&part_of_prompt(old), &part))
    {
        return Ok(same.clone());
    }
    match part {
        wit::Part::Text(text) if text.synthetic => Ok(PromptPart::Context(text.text)),
        wit::Part::Text(text) => Ok(PromptPart::Text(text.text)),
        wit::Part::File(file) => file_part(plugin, file).await,
        wit::Part::Reasoning(_) => Err(no_part(plugin, "reasoning")),
        wit::Part::Tool(_) => Err(no_part(plugin, "a tool call")),
        wit::Part::Other(field) => Err(no_part(plugin, &foreign::line(&field.key, 40))),
    }
}

/// The same file, agent or work; texts need no comparing.
fn is_same(old: &wit::Part, new: &wit::Part) -> bool {
    match (old, new) {
        (wit::Part::File(old), wit::Part::File(new)) => old.uri == new.uri,
        (wit::Part::Other(old), wit::Part::Other(new)) => old.key == new.key && old.value == new.value,
        _ => false,
    }
}

fn no_part(plugin: &PluginHandle, what: &str) -> opencode_nexus::Error {
    plugin
        .error(ErrorKind::Plugin, format!("it puts {what} into a prompt, which cannot be sent"))
        .with_hint("give texts and files")
}

async fn file_part(plugin: &PluginHandle, file: wit::FilePart) -> Result<PromptPart> {
    let filename = file.name.map(|name| foreign::line(&name, 200)).filter(|name| !name.is_empty());
    let mime = foreign::line(&file.mime, 100);
    if file.uri.starts_with("data:") {
        return Ok(PromptPart::File { mime, filename, url: file.uri });
    }
    let refused = || {
        plugin
            .error(ErrorKind::Forbidden, "it puts the address of a file into a prompt that it may not read")
            .with_hint("grant it with `nexus plugin grant`, or leave it")
    };
    let url = url::Url::parse(&file.uri).map_err(|_| refused())?;
    let path = (url.scheme() == "file").then(|| url.to_file_path().ok()).flatten().ok_or_else(refused)?;
    let caller = plugin.caller();
    let relative = path.strip_prefix(&caller.workspace).map_err(|_| refused())?;
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let real = granted_file(plugin, &parts.join("/")).await?;
    let mut real = url::Url::from_file_path(real).map_err(|()| refused())?;
    real.set_query(url.query());
    Ok(PromptPart::File { mime, filename, url: real.into() })
}

/// A message for a plugin.
pub(crate) fn message_parts(message: &Message) -> Vec<wit::Part> {
    message.parts.iter().map(message_part).collect()
}

fn message_part(part: &ModelPart) -> wit::Part {
    match &part.body {
        PartBody::Text { text, synthetic, .. } => {
            wit::Part::Text(wit::TextPart { text: text.clone(), synthetic: *synthetic })
        }
        PartBody::Reasoning { text } => wit::Part::Reasoning(text.clone()),
        PartBody::Tool(call) => wit::Part::Tool(wit::ToolPart {
            call_id: call.call_id.clone(),
            tool: call.tool.clone(),
            state: tool_state(&call.status).to_owned(),
            title: call.title.clone(),
        }),
        PartBody::File { mime, filename, url } => {
            wit::Part::File(wit::FilePart { uri: url.clone(), mime: mime.clone(), name: filename.clone() })
        }
        body => {
            let value = serde_json::to_value(body).unwrap_or_default();
            let key = value.get("type").and_then(|kind| kind.as_str()).unwrap_or("unknown").to_owned();
            other(&key, &value)
        }
    }
}

/// `pending`, `running`, `completed` or `error`: what the interface has words for.
fn tool_state(status: &ToolStatus) -> &'static str {
    match status {
        ToolStatus::Streaming | ToolStatus::Pending => "pending",
        ToolStatus::Running | ToolStatus::Other(_) => "running",
        ToolStatus::Completed => "completed",
        ToolStatus::Error => "error",
    }
}
