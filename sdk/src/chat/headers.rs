//! The headers of messages in a transcript: everything but the parts, and where a message stands among the others.

use super::event::ChatEvent;
use super::transcript::{Transcript, text_kind};
use crate::model::{Message, MessageId, Part, PartBody, Role};

impl Transcript {
    pub(super) fn apply_message(&mut self, new: &Message, out: &mut Vec<ChatEvent>) {
        let headless = self.headless.contains(&new.id);
        if let Some(old) = self.message_mut(&new.id)
            && !headless
            && old.completed.is_some()
            && new.completed.is_none()
        {
            return;
        }
        self.put_header(new, out);
        if new.completed.is_some() {
            self.give_up_open_texts(&new.id, out);
        }
    }

    fn give_up_open_texts(&mut self, id: &MessageId, out: &mut Vec<ChatEvent>) {
        let Some(at) = self.messages.iter().rposition(|m| m.id == *id) else { return };
        for part in &mut self.messages[at].parts {
            let (Some(recorded), Some(kind)) = (self.recorded.remove(&part.id), text_kind(part)) else {
                continue;
            };
            let (message_id, part_id) = (part.message_id.clone(), part.id.clone());
            let Some(text) = part.text_mut().filter(|t| t.len() > recorded) else { continue };
            text.truncate(recorded);
            out.push(ChatEvent::TextReplaced { message_id, part_id, kind, text: text.clone() });
        }
    }

    /// Stores a message's header (everything but the parts) whatever was there before.
    pub(super) fn put_header(&mut self, new: &Message, out: &mut Vec<ChatEvent>) {
        let header = |parts| Message { parts, ..Message::clone_header(new) };
        match self.messages.iter().rposition(|m| m.id == new.id) {
            Some(at) => {
                let headless = self.headless.remove(&new.id);
                let parts = std::mem::take(&mut self.messages[at].parts);
                let updated = header(Vec::new());
                let changed = headless || self.messages[at] != updated;
                if self.messages[at].created == updated.created {
                    self.messages[at] = Message { parts, ..updated };
                } else {
                    self.messages.remove(at);
                    self.insert_message(Message { parts, ..updated });
                }
                if changed {
                    out.push(ChatEvent::Message(Box::new(header(Vec::new()))));
                }
            }
            None => {
                self.insert_message(header(Vec::new()));
                out.push(ChatEvent::Message(Box::new(header(Vec::new()))));
            }
        }
    }

    /// Servers order messages by the time of making, then by identifier.
    pub(super) fn insert_message(&mut self, message: Message) {
        let key = |m: &Message| (m.created, m.id.clone());
        let new = key(&message);
        let at = self.messages.iter().rposition(|m| key(m) <= new).map_or(0, |i| i + 1);
        self.messages.insert(at, message);
    }
}

impl Message {
    /// Everything but the parts.
    pub(crate) fn clone_header(other: &Self) -> Self {
        Self {
            id: other.id.clone(),
            session_id: other.session_id.clone(),
            role: other.role.clone(),
            parent_id: other.parent_id.clone(),
            created: other.created,
            completed: other.completed,
            agent: other.agent.clone(),
            model: other.model.clone(),
            usage: other.usage,
            finish: other.finish.clone(),
            error: other.error.clone(),
            parts: Vec::new(),
            extra: other.extra.clone(),
        }
    }

    /// What can be said of a message from one of its parts: people do not take steps, think or use tools.
    pub(super) fn placeholder(part: &Part) -> Self {
        let by_person =
            matches!(part.body, PartBody::File { .. } | PartBody::Agent { .. } | PartBody::Subtask { .. })
                || (matches!(part.body, PartBody::Text { .. }) && part.started.is_none());
        Self {
            id: part.message_id.clone(),
            session_id: part.session_id.clone(),
            role: if by_person { Role::User } else { Role::Assistant },
            parent_id: None,
            // Newest until its header says otherwise: parts come for the message that is being written.
            created: u64::MAX,
            completed: None,
            agent: None,
            model: None,
            usage: None,
            finish: None,
            error: None,
            parts: Vec::new(),
            extra: Default::default(),
        }
    }
}
