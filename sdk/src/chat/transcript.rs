//! The reducer: folds events into messages and says exactly what changed.
//!
//! Pure: no I/O, no clock. Everything that shows a conversation goes through it. Its invariant: after any
//! conversation, under any network fault, [`Transcript::messages`] equals what the server's REST API returns, and
//! the [`ChatEvent`]s that were given out, applied in order, lead to the same.
//!
//! How it holds when events are late, doubled, out of order or lost:
//! - A text grows by deltas only while nothing can be missing before them. After a gap the part is *gapped*: its
//!   deltas are let go until the server sends the whole text, and then the rest is told. REST cannot help before
//!   that, because servers store the text of a part when it ends.
//! - A delta may come before its part; it waits for it.
//! - An update that would go back (from completed to running) is an old one and is let go.
//! - A text that is still open when its message is complete was given up by the server (the model's connection
//!   broke and the step was tried again): its record is what the last full update said, mostly nothing (1.18, seen).
//! - Order is the server's: by identifier, not by arrival, where identifiers grow ([`PartOrder`]).

use std::collections::{HashMap, HashSet, VecDeque};

use super::event::{ChatEvent, TextKind};
use crate::model::{
    AskId, Event, Message, MessageId, Part, PartBody, PartField, PartId, Permission, Question, Session,
    SessionId, Status, Todo,
};

/// How many settled requests are remembered, so that a late `asked` does not open one again.
const SETTLED_LIMIT: usize = 256;

/// How the parts of a message are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartOrder {
    /// By their identifiers, which grow.
    Identifier,
    /// As they were begun.
    Arrival,
}

/// One session as its events tell it.
#[derive(Clone, Debug)]
pub struct Transcript {
    pub(super) session_id: SessionId,
    pub(super) session: Option<Session>,
    pub(super) status: Status,
    pub(super) messages: Vec<Message>,
    /// Messages of which only parts were seen yet.
    pub(super) headless: HashSet<MessageId>,
    /// Open parts of which something may be missing.
    pub(super) gapped: HashSet<PartId>,
    /// Parts of which something is missing for certain.
    pub(super) broken: HashSet<PartId>,
    /// How much of an open text the server has on record; the rest came by deltas.
    pub(super) recorded: HashMap<PartId, usize>,
    /// Deltas that came before their part.
    pub(super) orphans: HashMap<PartId, String>,
    pub(super) orphan_bytes: usize,
    pub(super) permissions: Vec<Permission>,
    pub(super) questions: Vec<Question>,
    pub(super) settled: VecDeque<AskId>,
    /// Requests whose opening is among the held events that are still to be folded in.
    pub(super) awaited: HashSet<AskId>,
    pub(super) todos: Vec<Todo>,
    pub(super) removed: bool,
    order: PartOrder,
    /// Prompts that wait.
    pub(super) queued: Vec<Message>,
    /// Something has come that only the state can explain.
    pub(super) unclear: bool,
}

impl Transcript {
    /// An empty transcript of a session.
    pub fn new(session_id: SessionId, order: PartOrder) -> Self {
        Self {
            session_id,
            session: None,
            status: Status::Idle,
            messages: Vec::new(),
            headless: HashSet::new(),
            gapped: HashSet::new(),
            broken: HashSet::new(),
            recorded: HashMap::new(),
            orphans: HashMap::new(),
            orphan_bytes: 0,
            permissions: Vec::new(),
            questions: Vec::new(),
            settled: VecDeque::new(),
            awaited: HashSet::new(),
            todos: Vec::new(),
            removed: false,
            order,
            queued: Vec::new(),
            unclear: false,
        }
    }

    /// The session's identifier.
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// The session itself, once the server has told about it.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// What the session is doing.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The messages in the server's order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Permission requests that wait for an answer.
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// Questions that wait for an answer.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The agent's list of things to do.
    pub fn todos(&self) -> &[Todo] {
        &self.todos
    }

    /// Whether the session was deleted.
    pub fn is_removed(&self) -> bool {
        self.removed
    }

    /// Folds an event in and calls `out` for every difference that it makes. Events of other sessions do nothing.
    pub fn apply(&mut self, event: &Event, out: &mut Vec<ChatEvent>) {
        if event.session_id().is_some_and(|id| *id != self.session_id) {
            return;
        }
        match event {
            Event::Session(session) => self.apply_session(session, out),
            Event::SessionRemoved(_) if !std::mem::replace(&mut self.removed, true) => {
                out.push(ChatEvent::SessionRemoved)
            }
            Event::Status { status, error, .. } => {
                out.extend(error.as_deref().cloned().map(ChatEvent::Error));
                self.apply_status(status, out);
            }
            Event::Message(message) => self.apply_message(message, out),
            Event::MessageRemoved { message_id, .. } => self.remove_message(message_id, out),
            Event::Part(part) => self.apply_part(part, out),
            Event::Delta { message_id, part_id, field, text, .. } if *field == PartField::Text => {
                self.apply_delta(message_id, part_id, text, out);
            }
            Event::PartRemoved { message_id, part_id, .. } => self.remove_part(message_id, part_id, out),
            Event::PermissionAsked(permission) => {
                self.awaited.remove(&permission.id);
                self.open_permission(permission, out);
            }
            Event::PermissionReplied { id, reply, .. } => self.close_permission(id, reply.clone(), out),
            Event::QuestionAsked(question) => {
                self.awaited.remove(&question.id);
                self.open_question(question, out);
            }
            Event::QuestionClosed { id, answers, .. } => self.close_question(id, answers.clone(), out),
            Event::Todos { todos, .. } => self.apply_todos(todos, out),
            Event::Diff { files, .. } => out.push(ChatEvent::Diff { files: files.clone() }),
            Event::Changed { change, .. } => self.apply_change(change, out),
            Event::Error { session_id: Some(_), error } => out.push(ChatEvent::Error(error.clone())),
            Event::Other { kind, session_id: Some(_), raw } => {
                out.push(ChatEvent::Other { kind: kind.clone(), raw: raw.clone() });
            }
            _ => {}
        }
    }

    pub(super) fn apply_session(&mut self, session: &Session, out: &mut Vec<ChatEvent>) {
        if self.session.as_ref() != Some(session) {
            self.session = Some(session.clone());
            out.push(ChatEvent::Session(Box::new(session.clone())));
        }
    }

    pub(super) fn apply_status(&mut self, status: &Status, out: &mut Vec<ChatEvent>) {
        if self.status != *status {
            self.status = status.clone();
            out.push(ChatEvent::Status(status.clone()));
        }
        if status.is_idle() {
            // Servers leave the requests of an aborted turn open; nobody waits for an answer any more.
            self.close_all_asks(out);
        }
    }

    pub(super) fn apply_todos(&mut self, todos: &[Todo], out: &mut Vec<ChatEvent>) {
        if self.todos != todos {
            self.todos = todos.to_vec();
            out.push(ChatEvent::Todos { todos: todos.to_vec() });
        }
    }

    pub(super) fn message_mut(&mut self, id: &MessageId) -> Option<&mut Message> {
        self.messages.iter_mut().rev().find(|m| m.id == *id)
    }

    fn apply_part(&mut self, new: &Part, out: &mut Vec<ChatEvent>) {
        if let Some(old) = self.part(&new.message_id, &new.id) {
            if is_old(old, new) {
                return;
            }
            let same_text = is_open(new) && old.text() == new.text();
            if same_text && !self.broken.contains(&new.id) {
                // The start of the part, seen on this connection: nothing is missing after it.
                self.gapped.remove(&new.id);
            }
        }
        self.put_part(new, is_open(new), out);
    }

    /// Stores a part. While it is `open` its text on record may be ahead of the one given here.
    pub(super) fn put_part(&mut self, new: &Part, open: bool, out: &mut Vec<ChatEvent>) {
        let waiting = self.take_orphan(&new.id);
        if !open {
            self.gapped.remove(&new.id);
            self.broken.remove(&new.id);
        } else if self.broken.contains(&new.id) {
            self.gapped.insert(new.id.clone());
        }
        let gapped = self.gapped.contains(&new.id);
        match new.text().filter(|_| open) {
            Some(text) => self.recorded.insert(new.id.clone(), text.len()),
            None => self.recorded.remove(&new.id),
        };
        let order = self.order;
        let message = self.message_for(new);
        match message.parts.iter().position(|p| p.id == new.id) {
            None => {
                let at = match order {
                    PartOrder::Identifier => {
                        message.parts.iter().rposition(|p| p.id < new.id).map_or(0, |i| i + 1)
                    }
                    PartOrder::Arrival => message.parts.len(),
                };
                let mut part = new.clone();
                if let (Some(text), Some(waiting), true, false) = (part.text_mut(), waiting, open, gapped) {
                    text.push_str(&waiting);
                }
                out.push(ChatEvent::Part(Box::new(without_text(&part))));
                if let (Some(kind), Some(text)) = (text_kind(&part), part.text().filter(|t| !t.is_empty())) {
                    out.push(text_event(&part, kind, text.to_owned()));
                }
                message.parts.insert(at, part);
            }
            Some(at) => {
                let old = &mut message.parts[at];
                let shown = old.text_mut().map(std::mem::take);
                let mut part = new.clone();
                let given = part.text_mut().map(std::mem::take);
                if *old != part {
                    out.push(ChatEvent::Part(Box::new(part.clone())));
                }
                if let (Some(shown), Some(given), Some(kind)) = (shown, given, text_kind(&part)) {
                    let text = if open && shown.starts_with(&given) {
                        shown
                    } else if let Some(rest) = given.strip_prefix(shown.as_str()) {
                        if !rest.is_empty() {
                            out.push(text_event(&part, kind, rest.to_owned()));
                        }
                        given
                    } else {
                        out.push(ChatEvent::TextReplaced {
                            message_id: part.message_id.clone(),
                            part_id: part.id.clone(),
                            kind,
                            text: given.clone(),
                        });
                        given
                    };
                    if let Some(slot) = part.text_mut() {
                        *slot = text;
                    }
                }
                *old = part;
            }
        }
    }

    /// The message of a part; one without a header when it was not seen yet.
    fn message_for(&mut self, part: &Part) -> &mut Message {
        let at = match self.messages.iter().rposition(|m| m.id == part.message_id) {
            Some(at) => at,
            None => {
                self.headless.insert(part.message_id.clone());
                self.insert_message(Message::placeholder(part));
                self.messages.iter().rposition(|m| m.id == part.message_id).unwrap_or_default()
            }
        };
        &mut self.messages[at]
    }

    pub(super) fn message(&self, id: &MessageId) -> Option<&Message> {
        self.messages.iter().rev().find(|m| m.id == *id)
    }

    pub(super) fn part(&self, message: &MessageId, part: &PartId) -> Option<&Part> {
        self.message(message)?.parts.iter().rev().find(|p| p.id == *part)
    }

    pub(super) fn remove_message(&mut self, id: &MessageId, out: &mut Vec<ChatEvent>) {
        if let Some(at) = self.messages.iter().rposition(|m| m.id == *id) {
            let message = self.messages.remove(at);
            for part in &message.parts {
                self.gapped.remove(&part.id);
                self.broken.remove(&part.id);
                self.recorded.remove(&part.id);
            }
            self.headless.remove(id);
            out.push(ChatEvent::MessageRemoved { message_id: id.clone() });
        }
    }

    pub(super) fn remove_part(&mut self, message: &MessageId, part: &PartId, out: &mut Vec<ChatEvent>) {
        self.take_orphan(part);
        self.gapped.remove(part);
        self.broken.remove(part);
        self.recorded.remove(part);
        let Some(entry) = self.message_mut(message) else { return };
        if let Some(at) = entry.parts.iter().rposition(|p| p.id == *part) {
            entry.parts.remove(at);
            out.push(ChatEvent::PartRemoved { message_id: message.clone(), part_id: part.clone() });
        }
    }

    pub(super) fn remember_settled(&mut self, id: &AskId) {
        if self.settled.len() == SETTLED_LIMIT {
            self.settled.pop_front();
        }
        self.settled.push_back(id.clone());
    }
}

/// Whether the server is still writing this text: it says when it began and not when it ended.
pub(super) fn is_open(part: &Part) -> bool {
    text_kind(part).is_some() && part.started.is_some() && part.ended.is_none()
}

/// Whether `new` was sent before `old`.
fn is_old(old: &Part, new: &Part) -> bool {
    match (old.tool(), new.tool()) {
        (Some(before), Some(after)) => after.status.rank() < before.status.rank(),
        _ => old.ended.is_some() && new.ended.is_none() && new.started.is_some(),
    }
}

pub(super) fn text_kind(part: &Part) -> Option<TextKind> {
    match part.body {
        PartBody::Text { .. } => Some(TextKind::Text),
        PartBody::Reasoning { .. } => Some(TextKind::Reasoning),
        _ => None,
    }
}

fn without_text(part: &Part) -> Part {
    let mut part = part.clone();
    if let Some(text) = part.text_mut() {
        text.clear();
    }
    part
}

pub(super) fn text_event(part: &Part, kind: TextKind, delta: String) -> ChatEvent {
    ChatEvent::Text { message_id: part.message_id.clone(), part_id: part.id.clone(), kind, delta }
}
