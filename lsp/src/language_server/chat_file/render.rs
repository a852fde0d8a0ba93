//! A turn as Markdown. Pure, and made so that the text of a turn that grows only grows, as far as can be: what may still
//! change is held back until it is settled.
//!
//! Text stands as the model wrote it, a thought as one line, a tool call as one line with what came of it, and a change to a
//! file as a diff. What the agent asks stands below while it waits.

use std::fmt::Write as _;

use opencode_nexus::context::code_fence;
use opencode_nexus::model::{
    Message, Part, PartBody, Permission, Question, QuestionItem, Role, ToolCall, ToolStatus,
};
use serde_json::Value;

use super::parse::{OPENCODE, YOU, escape, settled};

/// How much of a thought or a result is shown, in characters.
const SHORT: usize = 120;
/// The most lines of a diff that are shown.
const DIFF_LINES: usize = 60;

/// What there is to be shown of a turn.
pub(super) struct TurnView<'a> {
    pub messages: &'a [Message],
    /// The prompt.
    pub prompt: &'a str,
    pub permissions: &'a [Permission],
    pub questions: &'a [Question],
    /// The project's folder; paths in it are shown without it.
    pub folder: &'a str,
    /// Whether the turn runs.
    pub runs: bool,
    /// Why its end cannot be learned, in a line.
    pub lost: Option<&'a str>,
    /// Whether there is a heading below under which the person goes on.
    pub goes_on: bool,
}

/// The section of an answer, with its heading, from the end of the prompt on; when the turn is over, with the heading under
/// which the person goes on.
pub(super) fn section(view: &TurnView<'_>, newline: &str) -> String {
    let mut out = format!("\n\n{OPENCODE}");
    let body = escape(&body(view));
    if !body.is_empty() {
        let _ = write!(out, "\n\n{body}");
    }
    let works = view.runs && view.permissions.is_empty() && view.questions.is_empty();
    if !works && !view.goes_on {
        let _ = write!(out, "\n\n{YOU}\n");
    }
    if newline == "\n" { out } else { out.replace('\n', newline) }
}

/// The answer itself, before it is escaped.
fn body(view: &TurnView<'_>) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let messages = answers(view.messages, view.prompt);
    for (index, message) in messages.iter().enumerate() {
        let runs = view.runs && message.completed.is_none() && index + 1 == messages.len();
        for (at, part) in message.parts.iter().enumerate() {
            let grows = runs && at + 1 == message.parts.len();
            blocks.extend(block(part, grows, view).filter(|block| !block.is_empty()));
        }
        if let Some(error) = &message.error {
            blocks.push(match error.aborted {
                true => "> ⏹ stopped".to_owned(),
                false => format!("> ✗ {}: {}", one_line(&error.name), one_line(&error.message)),
            });
        }
    }
    blocks.extend(view.lost.map(|line| format!("> ✗ {}", one_line(line))));
    if view.runs {
        blocks.extend(view.permissions.iter().map(|ask| permission(ask, view)));
        blocks.extend(view.questions.iter().map(question));
    }
    blocks.join("\n\n")
}

/// The messages that answer a prompt.
pub(super) fn answers<'a>(messages: &'a [Message], prompt: &str) -> Vec<&'a Message> {
    let mut asked = false;
    let mut found = Vec::new();
    for message in messages {
        if message.role == Role::User {
            asked = message.id.as_str() == prompt;
        } else if message.parent_id.as_ref().map_or(asked, |parent| parent.as_str() == prompt) {
            found.push(message);
        }
    }
    found
}

fn block(part: &Part, grows: bool, view: &TurnView<'_>) -> Option<String> {
    match &part.body {
        PartBody::Text { text, synthetic: false, ignored: false } => {
            let clean = clean(text);
            let shown = if grows && part.ended.is_none() { settled(&clean) } else { &clean };
            // Line breaks at the end belong to what may follow.
            Some(shown.trim_matches('\n').trim_end().to_owned())
        }
        PartBody::Reasoning { text } => thought(text, grows && part.ended.is_none()),
        PartBody::Tool(call) => tool(call, view),
        PartBody::Retry { attempt } => Some(format!("> ↻ the provider failed, attempt {attempt}")),
        PartBody::Compaction => Some("> ✂ the conversation was made shorter here".to_owned()),
        _ => None,
    }
}

/// A thought, when it is complete or longer than what is shown of it.
fn thought(text: &str, grows: bool) -> Option<String> {
    let line = one_line(text);
    let is_long = line.chars().count() > SHORT;
    (!line.is_empty() && (is_long || !grows)).then(|| format!("> 💭 {}", short(&line)))
}

fn tool(call: &ToolCall, view: &TurnView<'_>) -> Option<String> {
    if matches!(call.status, ToolStatus::Streaming | ToolStatus::Pending) {
        return None;
    }
    let mut out = format!("> ⚙ {}", one_line(&call.tool));
    let title = title(call, view.folder);
    if !title.is_empty() {
        let _ = write!(out, ": {}", short(&title));
    }
    match (&call.status, &call.error, &call.output) {
        (ToolStatus::Error, error, _) => {
            let _ = write!(out, "\n> ✗ {}", short(&one_line(error.as_deref().unwrap_or("failed"))));
        }
        (ToolStatus::Completed, _, output) => {
            let _ = write!(out, "\n> ✓ {}", result(output.as_deref().unwrap_or_default()));
            if let Some(diff) = call.metadata.as_ref().and_then(|m| text_of(m, &["diff", "patch"])) {
                let _ = write!(out, "\n\n{}", fenced(&diff));
            }
        }
        _ => {}
    }
    Some(out)
}

/// What a call is about, on one line: first what is known when it begins, so that the line stays.
fn title(call: &ToolCall, folder: &str) -> String {
    if let Some(command) = text_of(&call.input, &["command"]) {
        return format!("$ {}", one_line(&command));
    }
    let input = text_of(&call.input, &["filePath", "path", "pattern", "url", "query", "description", "name"]);
    let title = input.or_else(|| call.title.clone()).unwrap_or_default();
    one_line(within(&title, folder))
}

/// A path without the project's folder.
fn within<'a>(path: &'a str, folder: &str) -> &'a str {
    let inner = path.strip_prefix(folder).filter(|_| !folder.is_empty());
    inner.and_then(|inner| inner.strip_prefix(['/', '\\'])).filter(|inner| !inner.is_empty()).unwrap_or(path)
}

fn text_of(value: &Value, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| value.get(*name)?.as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The first line of a result, and how many there are.
fn result(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    match lines.as_slice() {
        [] => "done".to_owned(),
        [line] => short(&one_line(line)),
        [first, rest @ ..] => format!("{} (+{} lines)", short(&one_line(first)), rest.len()),
    }
}

fn permission(ask: &Permission, view: &TurnView<'_>) -> String {
    let patterns: Vec<String> =
        ask.patterns.iter().map(|pattern| one_line(within(pattern, view.folder))).collect();
    let mut out =
        format!("> 🔒 **May OpenCode do this?** {}: {}", one_line(&ask.action), short(&patterns.join(", ")));
    let diff = ask.metadata.get("diff").or_else(|| ask.metadata.get("patch")).and_then(Value::as_str);
    if let Some(diff) = diff.filter(|diff| !diff.trim().is_empty()) {
        let _ = write!(out, "\n\n{}\n", fenced(diff));
    }
    out.push_str("\n> Answer the message, or write `allow`, `always` or `deny` below and send it.");
    out
}

fn question(ask: &Question) -> String {
    let mut out = String::new();
    for (index, item) in ask.items.iter().enumerate() {
        let _ = writeln!(out, "> ❓ **{}**", one_line(&item.question));
        for option in &item.options {
            let about = Some(one_line(&option.description)).filter(|about| !about.is_empty());
            let about = about.map(|about| format!(": {about}")).unwrap_or_default();
            let _ = writeln!(out, "> - `{}`{about}", one_line(&option.label));
        }
        if index + 1 < ask.items.len() {
            out.push_str(">\n");
        }
    }
    out.push_str(how_to_answer(&ask.items));
    out
}

fn how_to_answer(items: &[QuestionItem]) -> &'static str {
    match items {
        [item] if item.multiple => {
            "> Answer the message, or write your answers below, a line each, and send them."
        }
        [_] => "> Answer the message, or write your answer below and send it.",
        _ => "> Answer the message, or write your answers below, a line for each question, and send them.",
    }
}

/// A diff in a fence that does not occur in it.
fn fenced(diff: &str) -> String {
    let diff = clean(diff);
    let fence = code_fence(&diff);
    let lines: Vec<&str> = diff.trim_end().lines().collect();
    let mut out = format!("{fence}diff\n{}\n", lines[..lines.len().min(DIFF_LINES)].join("\n"));
    if lines.len() > DIFF_LINES {
        let _ = writeln!(out, "… {} more lines", lines.len() - DIFF_LINES);
    }
    out + &fence
}

fn short(line: &str) -> String {
    match line.char_indices().nth(SHORT) {
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
        None => line.to_owned(),
    }
}

/// Text on one line.
fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Line breaks of one kind, and no other control characters but tabs: editors keep nothing else as it is.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}
