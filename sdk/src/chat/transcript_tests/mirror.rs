//! What a frontend would show that knows nothing but the chat events: messages, parts and texts put together from them.

use std::collections::{BTreeMap, HashMap};

use crate::chat::ChatEvent;
use crate::chat::transcript::Transcript;
use crate::model::{Message, Part};

#[derive(Debug, Default)]
pub(super) struct Mirror {
    headers: BTreeMap<String, Message>,
    parts: BTreeMap<(String, String), Part>,
    /// How often each request was opened and closed.
    pub(super) opened: HashMap<String, usize>,
    pub(super) closed: HashMap<String, usize>,
}

impl Mirror {
    pub(super) fn show(&mut self, events: &[ChatEvent]) -> Result<(), String> {
        events.iter().try_for_each(|event| self.one(event))
    }

    fn one(&mut self, event: &ChatEvent) -> Result<(), String> {
        match event {
            ChatEvent::Message(message) => {
                self.headers.insert(message.id.to_string(), (**message).clone());
            }
            ChatEvent::MessageRemoved { message_id } => {
                self.headers.remove(message_id.as_str());
                self.parts.retain(|(message, _), _| message != message_id.as_str());
            }
            ChatEvent::Part(part) => {
                let key = (part.message_id.to_string(), part.id.to_string());
                let text = self.parts.get(&key).and_then(|p| p.text().map(str::to_owned)).unwrap_or_default();
                let mut part = (**part).clone();
                if let Some(slot) = part.text_mut() {
                    if !slot.is_empty() {
                        return Err(format!("the text of {} came with the part", part.id));
                    }
                    *slot = text;
                }
                self.parts.insert(key, part);
            }
            ChatEvent::Text { message_id, part_id, delta, .. } => {
                self.text(message_id.as_str(), part_id.as_str())?.push_str(delta);
            }
            ChatEvent::TextReplaced { message_id, part_id, text, .. } => {
                self.text(message_id.as_str(), part_id.as_str())?.clone_from(text);
            }
            ChatEvent::PartRemoved { message_id, part_id } => {
                self.parts.remove(&(message_id.to_string(), part_id.to_string()));
            }
            ChatEvent::PermissionAsked(ask) => *self.opened.entry(ask.id.to_string()).or_default() += 1,
            ChatEvent::QuestionAsked(ask) => *self.opened.entry(ask.id.to_string()).or_default() += 1,
            ChatEvent::PermissionClosed { id, .. } | ChatEvent::QuestionClosed { id, .. } => {
                *self.closed.entry(id.to_string()).or_default() += 1
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, message: &str, part: &str) -> Result<&mut String, String> {
        let key = (message.to_owned(), part.to_owned());
        let part =
            self.parts.get_mut(&key).ok_or_else(|| format!("text for {part}, which was never told"))?;
        let kind = part.kind().to_owned();
        part.text_mut().ok_or(format!("text for a {kind}"))
    }

    /// What is shown must be what is on record.
    pub(super) fn equals(&self, transcript: &Transcript) -> Result<(), String> {
        let mut headers = self.headers.clone();
        let mut parts = self.parts.clone();
        for message in transcript.messages() {
            let shown = headers.remove(message.id.as_str());
            let bare = Message { parts: Vec::new(), ..message.clone() };
            // A message of which only parts have come is not told yet.
            if shown.is_some_and(|shown| shown != bare) {
                return Err(format!("the message {} is shown differently", message.id));
            }
            for part in &message.parts {
                let shown = parts.remove(&(message.id.to_string(), part.id.to_string()));
                if shown.as_ref() != Some(part) {
                    return Err(format!("shown {shown:?}, on record {part:?}"));
                }
            }
        }
        match (headers.is_empty(), parts.is_empty()) {
            (true, true) => Ok(()),
            _ => Err(format!("shown, but not on record: {headers:?} {parts:?}")),
        }
    }
}
