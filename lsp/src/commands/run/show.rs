//! What a run tells: the answer alone on standard output and everything else on standard error, or one line of JSON for
//! each event.
//!
//! The lines of JSON are a promise: fields may be added, none is renamed or taken away.
//! `nexus run --help` lists them.

use std::collections::{HashMap, HashSet};
use std::io::{IsTerminal as _, Write as _};

use opencode_nexus::chat::{ChatEvent, Conversation, TextKind};
use opencode_nexus::model::{MessageId, Part, PartId, Permission, Question, Role, Status, ToolCall};
use serde_json::{Value, json};

use crate::output;

/// Nobody reads our output any more.
#[derive(Debug)]
pub(super) struct Closed;

/// Where everything is shown.
pub(super) struct Screen {
    json: bool,
    quiet: bool,
    /// With a schema, standard output holds the value that follows it and nothing else.
    silent_answer: bool,
    terminal: bool,
    roles: HashMap<MessageId, bool>,
    /// The part whose text was written last, and whether its line is still open.
    last_part: Option<PartId>,
    open_line: bool,
    /// The states of tools that were told.
    told: HashSet<(PartId, String)>,
}

impl Screen {
    pub(super) fn new(json: bool, quiet: bool, silent_answer: bool) -> Self {
        Self {
            json,
            quiet,
            silent_answer,
            terminal: std::io::stdout().is_terminal(),
            roles: HashMap::new(),
            last_part: None,
            open_line: false,
            told: HashSet::new(),
        }
    }

    /// Whether standard output is a pipe that nobody reads any more. Writing would tell as well, but an agent that says
    /// nothing for an hour is not written about.
    pub(super) fn reader_is_gone(&self) -> bool {
        #[cfg(unix)]
        {
            let mut poll = libc::pollfd { fd: 1, events: 0, revents: 0 };
            // SAFETY: one entry, which lives through the call; the call does not wait.
            let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
            ready > 0 && poll.revents & libc::POLLERR != 0
        }
        #[cfg(not(unix))]
        false
    }

    /// One line on standard error.
    pub(super) fn note(&mut self, text: &str) {
        if !self.quiet && !self.json {
            self.end_line();
            eprintln!("{}", output::clean(text));
        }
    }

    /// The last word on standard output: an end of line where one is missing.
    pub(super) fn end_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            let _ = self.write("\n");
        }
    }

    /// A value and nothing else, for `--output-schema`.
    pub(super) fn value(&mut self, value: &Value) {
        if !self.json {
            let _ = self.write(&format!("{value}\n"));
        }
    }

    pub(super) fn line(&mut self, value: &Value) -> Result<(), Closed> {
        if self.json { self.write(&format!("{value}\n")) } else { Ok(()) }
    }

    fn write(&mut self, text: &str) -> Result<(), Closed> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Closed)
    }

    /// Whatever the agent did.
    pub(super) fn event(&mut self, conversation: &Conversation, event: &ChatEvent) -> Result<(), Closed> {
        let (child, inner) = match event {
            ChatEvent::Child { session_id, event } => (Some(session_id), &**event),
            event => (None, event),
        };
        if self.json {
            let own = match inner {
                ChatEvent::Text { message_id, .. } | ChatEvent::TextReplaced { message_id, .. } => {
                    child.is_none() && !self.is_answer(conversation, message_id)
                }
                _ => false,
            };
            let Some(mut value) = as_json(inner).filter(|_| !own) else { return Ok(()) };
            if let Some(session) = child {
                value["child"] = session.as_str().into();
            }
            return self.line(&value);
        }
        self.plain(conversation, inner, child.is_some())
    }

    fn plain(&mut self, conversation: &Conversation, event: &ChatEvent, child: bool) -> Result<(), Closed> {
        match event {
            ChatEvent::Text { message_id, part_id, kind: TextKind::Text, delta }
                if !child && self.is_answer(conversation, message_id) =>
            {
                self.answer(part_id, delta)
            }
            ChatEvent::TextReplaced { message_id, part_id, kind: TextKind::Text, text }
                if !child && self.is_answer(conversation, message_id) =>
            {
                self.note("  (the server has replaced the text above)");
                self.last_part = None;
                self.answer(part_id, text)
            }
            ChatEvent::Part(part) => {
                if let Some(call) = part.tool() {
                    self.tool(part, call, child);
                }
                Ok(())
            }
            ChatEvent::Status(Status::Retry { attempt, message, .. }) => {
                self.note(&format!(
                    "  the provider failed (attempt {attempt}), the server tries again: {message}"
                ));
                Ok(())
            }
            ChatEvent::Error(error) if !error.aborted => {
                self.note(&format!("  ! {}", error.message));
                Ok(())
            }
            ChatEvent::Reconnecting { reason } => {
                self.note(&format!("  connection lost ({reason}); connecting again"));
                Ok(())
            }
            ChatEvent::Recovered => {
                self.note("  connected again; nothing is missing");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn answer(&mut self, part: &PartId, text: &str) -> Result<(), Closed> {
        if self.silent_answer || text.is_empty() {
            return Ok(());
        }
        if self.last_part.as_ref() != Some(part) {
            self.end_line();
            self.last_part = Some(part.clone());
        }
        self.open_line = !text.ends_with('\n');
        let shown = if self.terminal { output::clean(text) } else { text.into() };
        self.write(&shown)
    }

    fn tool(&mut self, part: &Part, call: &ToolCall, child: bool) {
        if !call.status.is_final() || !self.told.insert((part.id.clone(), call.status.word().to_owned())) {
            return;
        }
        let title =
            call.title.clone().filter(|title| !title.is_empty()).unwrap_or_else(|| summary(&call.input));
        let mark = if call.error.is_some() { "✗" } else { "✓" };
        let indent = if child { "    " } else { "  " };
        let error = call.error.as_deref().and_then(|e| e.lines().next()).map(|e| format!(": {e}"));
        self.note(&format!("{indent}{mark} {} {title}{}", call.tool, error.unwrap_or_default()));
    }

    /// A permission, and what became of it.
    pub(super) fn permission(&mut self, ask: &Permission, allowed: bool) -> Result<(), Closed> {
        let decision = if allowed { "allow" } else { "deny" };
        if !allowed {
            let what = format!("{}:{}", ask.action, ask.patterns.join(" "));
            self.note(&format!("  refused {what} (--allow '{what}' would allow it)"));
        }
        self.line(&json!({
            "type": "permission", "id": ask.id, "session": ask.session_id, "action": ask.action,
            "patterns": ask.patterns, "decision": decision,
        }))
    }

    /// A question, and the answer.
    pub(super) fn question(&mut self, ask: &Question, answers: Option<&[Vec<String>]>) -> Result<(), Closed> {
        for (number, item) in ask.items.iter().enumerate() {
            let answer = answers.and_then(|a| a.get(number)).map(|labels| labels.join(", "));
            let answer = answer.unwrap_or_else(|| "refused (--answer LABEL would answer it)".to_owned());
            self.note(&format!("  ? {} → {answer}", item.question));
        }
        self.line(&json!({
            "type": "question", "id": ask.id, "session": ask.session_id, "items": ask.items, "answers": answers,
        }))
    }

    fn is_answer(&mut self, conversation: &Conversation, message: &MessageId) -> bool {
        if let Some(known) = self.roles.get(message) {
            return *known;
        }
        let role = conversation.with_transcript(|t| {
            t.messages().iter().rev().find(|m| m.id == *message).map(|m| m.role.clone())
        });
        let answer = role == Some(Role::Assistant);
        self.roles.insert(message.clone(), answer);
        answer
    }
}

/// The first text of a tool's input, in one line.
fn summary(input: &Value) -> String {
    let text = match input {
        Value::Object(fields) => fields.values().find_map(Value::as_str).unwrap_or_default(),
        Value::String(text) => text,
        _ => "",
    };
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(100).collect()
}

/// The line of an event; `None` for those that are told in another way or by nobody needed.
fn as_json(event: &ChatEvent) -> Option<Value> {
    Some(match event {
        ChatEvent::Text { message_id, part_id, kind, delta } => {
            json!({"type": kind, "message": message_id, "part": part_id, "delta": delta})
        }
        ChatEvent::TextReplaced { message_id, part_id, kind, text } => {
            json!({"type": kind, "message": message_id, "part": part_id, "replaced": text})
        }
        ChatEvent::Part(part) => {
            let call = part.tool()?;
            json!({
                "type": "tool", "message": part.message_id, "part": part.id, "call": call.call_id,
                "tool": call.tool, "status": call.status.word(), "title": call.title, "input": call.input,
                "output": call.output, "error": call.error,
            })
        }
        ChatEvent::Status(status) => json!({"type": "status", "status": status}),
        ChatEvent::Todos { todos } => json!({"type": "todos", "todos": todos}),
        ChatEvent::Error(error) => json!({"type": "error", "name": error.name, "message": error.message}),
        ChatEvent::Reconnecting { reason } => json!({"type": "reconnecting", "reason": reason}),
        ChatEvent::Recovered => json!({"type": "recovered"}),
        ChatEvent::Lagged { missed } => json!({"type": "lagged", "missed": missed}),
        ChatEvent::Queued(message) => json!({"type": "queued", "message": message.id}),
        ChatEvent::MessageRemoved { message_id } => json!({"type": "removed", "message": message_id}),
        ChatEvent::PartRemoved { message_id, part_id } => {
            json!({"type": "removed", "message": message_id, "part": part_id})
        }
        _ => return None,
    })
}
