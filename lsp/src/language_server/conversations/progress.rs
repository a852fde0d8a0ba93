//! What happens in a conversation, in the words of the protocol. Pure.
//!
//! A [`Teller`] knows what was told of one session: so nothing is told twice, texts and the output of tools are told as what
//! is new of them, and somebody who comes later can be told the same again. What is told of texts lies in the transcript;
//! only its length is kept here.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use opencode_nexus::chat::{ChatEvent, TextKind, Transcript};
use opencode_nexus::model::{
    FileDiff, Message, MessageId, Part, PartBody, PartId, Role, Todo, ToolCall, ToolStatus, Usage,
};
use serde::Serialize;

use crate::language_server::convert::{
    message_kind, permission_kind, question_kind, reply_word, session_info, turn_error,
};
use crate::language_server::ext::{ProgressKind, SessionInfo};

/// What was told of one session.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// What was told of the session itself; 0 when nothing was.
    session: u64,
    messages: HashMap<MessageId, ToldMessage>,
    /// What is open now, by its identifier.
    asks: Vec<(String, ProgressKind)>,
    todos: Vec<Todo>,
    diff: Vec<FileDiff>,
    /// Of the messages of the turn that runs.
    usage: HashMap<MessageId, Usage>,
}

#[derive(Debug, Default)]
struct ToldMessage {
    /// What was told of the message itself; 0 when nothing was.
    shape: u64,
    parts: HashMap<PartId, ToldPart>,
}

#[derive(Debug)]
enum ToldPart {
    /// So many bytes of its text.
    Text(usize),
    /// Text that the server wrote for the model, not for the person.
    Hidden,
    Tool(ToldTool),
    /// Anything else: what was told.
    Other(u64),
}

#[derive(Debug, Default)]
struct ToldTool {
    shape: u64,
    input: u64,
    /// What was told of the output while it runs.
    output: String,
}

impl Teller {
    /// Takes a difference and calls `tell` for what is to be told of it.
    pub(super) fn fold(&mut self, event: &ChatEvent, tell: &mut dyn FnMut(ProgressKind)) {
        match event {
            ChatEvent::Session(session) => self.session(session_info(session), tell),
            ChatEvent::Status(status) => tell(ProgressKind::Status { status: status.clone() }),
            ChatEvent::Message(message) => self.message(message, tell),
            ChatEvent::Queued(message) => tell(ProgressKind::Queued { message_id: message.id.to_string() }),
            ChatEvent::Withdrawn { message_id } | ChatEvent::MessageRemoved { message_id } => {
                self.messages.remove(message_id);
                tell(ProgressKind::Removed { message_id: message_id.to_string(), part_id: None });
            }
            ChatEvent::PartRemoved { message_id, part_id } => {
                self.of(message_id).parts.remove(part_id);
                let part_id = Some(part_id.to_string());
                tell(ProgressKind::Removed { message_id: message_id.to_string(), part_id });
            }
            ChatEvent::Part(part) => self.part(part, tell),
            ChatEvent::Text { message_id, part_id, kind, delta } => {
                self.text(message_id, part_id, *kind, delta, false, tell);
            }
            ChatEvent::TextReplaced { message_id, part_id, kind, text } => {
                self.text(message_id, part_id, *kind, text, true, tell);
            }
            ChatEvent::Todos { todos } if self.todos != *todos => {
                self.todos.clone_from(todos);
                tell(ProgressKind::Todo { todos: todos.clone() });
            }
            ChatEvent::Diff { files } => self.diff(files, tell),
            ChatEvent::Error(error) => tell(ProgressKind::Error(turn_error(error))),
            _ => self.asks(event, tell),
        }
    }

    fn asks(&mut self, event: &ChatEvent, tell: &mut dyn FnMut(ProgressKind)) {
        match event {
            ChatEvent::PermissionAsked(ask) => self.open(ask.id.to_string(), permission_kind(ask), tell),
            ChatEvent::QuestionAsked(ask) => self.open(ask.id.to_string(), question_kind(ask), tell),
            ChatEvent::PermissionClosed { id, reply } => {
                self.asks.retain(|(open, _)| open != id.as_str());
                let reply = reply.as_ref().map(|reply| reply_word(reply).to_owned());
                tell(ProgressKind::PermissionClosed { permission_id: id.to_string(), reply });
            }
            ChatEvent::QuestionClosed { id, answers } => {
                self.asks.retain(|(open, _)| open != id.as_str());
                tell(ProgressKind::QuestionClosed { question_id: id.to_string(), answers: answers.clone() });
            }
            _ => {}
        }
    }

    fn open(&mut self, id: String, kind: ProgressKind, tell: &mut dyn FnMut(ProgressKind)) {
        self.asks.retain(|(open, _)| *open != id);
        self.asks.push((id, kind.clone()));
        tell(kind);
    }

    /// Servers tell it with every step; when it was touched last is no news.
    fn session(&mut self, info: SessionInfo, tell: &mut dyn FnMut(ProgressKind)) {
        let shape = fingerprint(&SessionInfo { updated: 0, ..info.clone() });
        if self.session != shape {
            self.session = shape;
            tell(ProgressKind::Session(info));
        }
    }

    fn of(&mut self, message: &MessageId) -> &mut ToldMessage {
        self.messages.entry(message.clone()).or_default()
    }

    fn message(&mut self, message: &Message, tell: &mut dyn FnMut(ProgressKind)) {
        let kind = message_kind(message);
        let shape = fingerprint(&kind);
        let told = self.of(&message.id);
        if told.shape != shape {
            told.shape = shape;
            tell(kind);
        }
        let (Role::Assistant, Some(usage)) = (&message.role, message.usage) else { return };
        if usage != Usage::default() && self.usage.insert(message.id.clone(), usage) != Some(usage) {
            tell(ProgressKind::Usage(self.usage()));
        }
    }

    fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        self.usage.values().for_each(|usage| sum += *usage);
        sum
    }

    /// A turn begins while none runs: what was before is not its cost.
    pub(super) fn turn_begins(&mut self) {
        self.usage.clear();
    }

    fn part(&mut self, part: &Part, tell: &mut dyn FnMut(ProgressKind)) {
        let told = self.of(&part.message_id).parts.entry(part.id.clone());
        match &part.body {
            PartBody::Text { synthetic: true, .. } | PartBody::Text { ignored: true, .. } => {
                told.insert_entry(ToldPart::Hidden);
            }
            PartBody::Text { .. } | PartBody::Reasoning { .. } => {
                told.or_insert(ToldPart::Text(0));
            }
            PartBody::Tool(call) => {
                let told = told.or_insert_with(|| ToldPart::Tool(ToldTool::default()));
                if let ToldPart::Tool(told) = told {
                    told.fold(part, call, tell);
                }
            }
            _ => {
                let shape = fingerprint(&part.body);
                let new = !matches!(told, std::collections::hash_map::Entry::Occupied(ref known)
                    if matches!(known.get(), ToldPart::Other(known) if *known == shape));
                told.insert_entry(ToldPart::Other(shape));
                if new {
                    tell(part_kind(part));
                }
            }
        }
    }

    fn text(
        &mut self,
        message: &MessageId,
        part: &PartId,
        channel: TextKind,
        text: &str,
        all: bool,
        tell: &mut dyn FnMut(ProgressKind),
    ) {
        let told = self.of(message).parts.entry(part.clone()).or_insert(ToldPart::Text(0));
        let ToldPart::Text(bytes) = told else { return };
        let (message_id, part_id, text) = (message.to_string(), part.to_string(), text.to_owned());
        match all {
            true => {
                *bytes = text.len();
                tell(ProgressKind::Replaced { message_id, part_id, channel, text });
            }
            false => {
                *bytes += text.len();
                tell(ProgressKind::Delta { message_id, part_id, channel, text });
            }
        }
    }

    fn diff(&mut self, files: &[FileDiff], tell: &mut dyn FnMut(ProgressKind)) {
        let files: Vec<FileDiff> =
            files.iter().map(|file| FileDiff { patch: None, ..file.clone() }).collect();
        if self.diff != files {
            self.diff.clone_from(&files);
            tell(ProgressKind::Diff { files });
        }
    }

    /// Takes a transcript as told, all of it.
    pub(super) fn learn(&mut self, transcript: &Transcript) {
        let nothing = &mut |_| {};
        *self = Self::default();
        if let Some(session) = transcript.session() {
            self.session(session_info(session), nothing);
        }
        for message in transcript.messages() {
            self.message(message, nothing);
            for part in &message.parts {
                self.part(part, nothing);
                let told = self.of(&message.id).parts.get_mut(&part.id);
                if let (Some(ToldPart::Text(bytes)), Some(text)) = (told, part.text()) {
                    *bytes = text.len();
                }
            }
        }
        self.todos = transcript.todos().to_vec();
        for ask in transcript.permissions() {
            self.open(ask.id.to_string(), permission_kind(ask), nothing);
        }
        for ask in transcript.questions() {
            self.open(ask.id.to_string(), question_kind(ask), nothing);
        }
    }

    /// Everything that was told, once more. The transcript may be ahead of it: what it has and was not told yet is left out,
    /// because it will be told.
    pub(super) fn again(&self, transcript: &Transcript, tell: &mut dyn FnMut(ProgressKind)) {
        if let Some(session) = transcript.session() {
            tell(ProgressKind::Session(session_info(session)));
        }
        for message in transcript.messages() {
            let Some(told) = self.messages.get(&message.id) else { continue };
            if told.shape != 0 {
                tell(message_kind(message));
            }
            for part in &message.parts {
                if let Some(told) = told.parts.get(&part.id) {
                    told.again(part, tell);
                }
            }
        }
        for message in transcript.queued() {
            tell(ProgressKind::Queued { message_id: message.id.to_string() });
        }
        self.asks.iter().for_each(|(_, ask)| tell(ask.clone()));
        if !self.todos.is_empty() {
            tell(ProgressKind::Todo { todos: self.todos.clone() });
        }
        if !self.diff.is_empty() {
            tell(ProgressKind::Diff { files: self.diff.clone() });
        }
        if !self.usage.is_empty() {
            tell(ProgressKind::Usage(self.usage()));
        }
        tell(ProgressKind::Status { status: transcript.status().clone() });
    }
}

impl ToldPart {
    fn again(&self, part: &Part, tell: &mut dyn FnMut(ProgressKind)) {
        let (message_id, part_id) = (part.message_id.to_string(), part.id.to_string());
        match (self, &part.body) {
            (Self::Text(bytes), PartBody::Text { .. } | PartBody::Reasoning { .. }) => {
                let text = part.text().unwrap_or_default();
                // A text that was replaced meanwhile may be another one; that it was is told next.
                let told = text.get(..*bytes).unwrap_or(text);
                if !told.is_empty() {
                    let channel = channel(part);
                    tell(ProgressKind::Delta { message_id, part_id, channel, text: told.to_owned() });
                }
            }
            (Self::Tool(told), PartBody::Tool(call)) if told.shape != 0 => {
                tell(tool_kind(part, call, is_known(call)));
                if !told.output.is_empty() && !call.status.is_final() {
                    let text = told.output.clone();
                    tell(ProgressKind::ToolOutput { message_id, part_id, text });
                }
            }
            (Self::Other(_), PartBody::Tool(_) | PartBody::Text { .. } | PartBody::Reasoning { .. }) => {}
            (Self::Other(_), _) => tell(part_kind(part)),
            _ => {}
        }
    }
}

impl ToldTool {
    fn fold(&mut self, part: &Part, call: &ToolCall, tell: &mut dyn FnMut(ProgressKind)) {
        let input = if is_known(call) { fingerprint(&call.input) } else { 0 };
        let new_input = input != 0 && input != self.input;
        let outcome = call.status.is_final().then_some((&call.output, &call.error));
        let shape = fingerprint(&(call.status.word(), &call.title, outcome, &call.tool));
        if shape != self.shape || new_input {
            self.shape = shape;
            if new_input {
                self.input = input;
            }
            tell(tool_kind(part, call, new_input));
        }
        if call.status.is_final() {
            self.output = String::new();
            return;
        }
        // A tool that shows only the end of a long output cannot be followed by appending; all of it comes when it has ended.
        let rest = running_output(call).and_then(|text| text.strip_prefix(self.output.as_str()));
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            let rest = rest.to_owned();
            self.output.push_str(&rest);
            let (message_id, part_id) = (part.message_id.to_string(), part.id.to_string());
            tell(ProgressKind::ToolOutput { message_id, part_id, text: rest });
        }
    }
}

/// What a call that runs has given so far: OpenCode 1.x keeps it among what the tool reports about itself.
fn running_output(call: &ToolCall) -> Option<&str> {
    let reported = || call.metadata.as_ref()?.get("output")?.as_str();
    call.output.as_deref().or_else(reported)
}

/// Whether the model has written all of the input.
fn is_known(call: &ToolCall) -> bool {
    !matches!(call.status, ToolStatus::Streaming | ToolStatus::Pending)
}

fn tool_kind(part: &Part, call: &ToolCall, with_input: bool) -> ProgressKind {
    let ended = call.status.is_final();
    ProgressKind::Tool {
        message_id: part.message_id.to_string(),
        part_id: part.id.to_string(),
        call_id: call.call_id.clone(),
        tool: call.tool.clone(),
        status: call.status.word().to_owned(),
        title: call.title.clone(),
        input: with_input.then(|| call.input.clone()),
        output: call.output.clone().filter(|_| ended),
        error: call.error.clone().filter(|_| ended),
    }
}

fn part_kind(part: &Part) -> ProgressKind {
    ProgressKind::Part {
        message_id: part.message_id.to_string(),
        part_id: part.id.to_string(),
        body: serde_json::to_value(&part.body).unwrap_or_default(),
    }
}

fn channel(part: &Part) -> TextKind {
    match part.body {
        PartBody::Reasoning { .. } => TextKind::Reasoning,
        _ => TextKind::Text,
    }
}

/// A number for what something looks like; never 0.
fn fingerprint(value: &impl Serialize) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(value).unwrap_or_default().hash(&mut hasher);
    hasher.finish().max(1)
}
