//! Folding of changes: events that say only what is new. What they are about must be there already; when it is not,
//! something was missed, and the state must be read ([`Transcript::take_unclear`]).

use super::asks::missing;
use super::event::ChatEvent;
use super::transcript::Transcript;
use crate::model::{
    Change, Extra, Message, MessageChange, MessageId, Part, PartBody, PartId, SessionChange, ToolCall,
    ToolChange,
};

impl Transcript {
    /// Prompts that the server has and that are no messages yet, in the order in which they came.
    pub fn queued(&self) -> &[Message] {
        &self.queued
    }

    /// Whether an event has come that cannot be understood without reading the state; asking forgets it.
    pub fn take_unclear(&mut self) -> bool {
        std::mem::take(&mut self.unclear)
    }

    pub(super) fn apply_change(&mut self, change: &Change, out: &mut Vec<ChatEvent>) {
        match change {
            Change::Session(change) => self.change_session(change, out),
            Change::Message { message_id, change } => self.change_message(message_id, change, out),
            Change::Tool { message_id, part_id, change } => {
                self.change_tool(message_id, part_id, change, out)
            }
            Change::Queued(message) => self.queue(message, out),
            Change::Delivered { message_id, at } => self.deliver(message_id, *at, out),
            Change::Withdrawn { message_id } => self.withdraw(message_id, out),
            Change::Unclear { .. } => self.unclear = true,
        }
    }

    fn change_session(&mut self, change: &SessionChange, out: &mut Vec<ChatEvent>) {
        let Some(mut session) = self.session.clone() else {
            self.unclear = true;
            return;
        };
        let SessionChange { title, usage, agent, model, revert } = change.clone();
        session.title = title.unwrap_or(session.title);
        session.usage = usage.or(session.usage);
        session.agent = agent.or(session.agent);
        session.model = model.or(session.model);
        session.revert = revert.unwrap_or(session.revert);
        self.apply_session(&session, out);
    }

    fn change_message(&mut self, id: &MessageId, change: &MessageChange, out: &mut Vec<ChatEvent>) {
        let Some(old) = self.message_mut(id) else {
            self.unclear = true;
            return;
        };
        let MessageChange { completed, finish, usage, error } = change.clone();
        let mut new = Message { parts: Vec::new(), ..old.clone() };
        new.completed = completed.or(new.completed);
        new.finish = finish.or(new.finish);
        new.usage = usage.or(new.usage);
        new.error = error.or(new.error);
        self.apply_message(&new, out);
    }

    fn change_tool(
        &mut self,
        message_id: &MessageId,
        part_id: &PartId,
        change: &ToolChange,
        out: &mut Vec<ChatEvent>,
    ) {
        let known = self.part(message_id, part_id).cloned();
        let (mut part, mut call) = match (known, &change.tool) {
            (Some(part), _) => {
                let Some(call) = part.tool().cloned() else { return };
                (part, call)
            }
            (None, Some(tool)) if self.message_mut(message_id).is_some() => {
                begun(self, message_id, part_id, tool)
            }
            _ => {
                self.unclear = true;
                return;
            }
        };
        if change.status.rank() < call.status.rank() {
            return;
        }
        let ToolChange { status, tool: _, input, output, error, metadata, started, ended, extra } =
            change.clone();
        call.status = status;
        call.input = input.unwrap_or(call.input);
        call.output = output.or(call.output);
        call.error = error.or(call.error);
        call.metadata = metadata.or(call.metadata);
        call.extra.extend(extra);
        part.started = part.started.or(started);
        part.ended = ended.or(part.ended);
        part.body = PartBody::Tool(Box::new(call));
        self.put_part(&part, false, out);
    }

    fn queue(&mut self, message: &Message, out: &mut Vec<ChatEvent>) {
        let known = self.queued.iter().any(|m| m.id == message.id) || self.message_mut(&message.id).is_some();
        if !known {
            self.queued.push(message.clone());
            out.push(ChatEvent::Queued(Box::new(message.clone())));
        }
    }

    fn deliver(&mut self, id: &MessageId, at: u64, out: &mut Vec<ChatEvent>) {
        if self.message_mut(id).is_some() {
            return;
        }
        let Some(place) = self.queued.iter().position(|m| m.id == *id) else {
            self.unclear = true;
            return;
        };
        let mut message = self.queued.remove(place);
        let parts = std::mem::take(&mut message.parts);
        message.created = at;
        self.put_header(&message, out);
        parts.iter().for_each(|part| self.put_part(part, false, out));
    }

    fn withdraw(&mut self, id: &MessageId, out: &mut Vec<ChatEvent>) {
        let before = self.queued.len();
        self.queued.retain(|m| m.id != *id);
        if self.queued.len() < before {
            out.push(ChatEvent::Withdrawn { message_id: id.clone() });
        }
    }

    /// Makes the queue equal to what the server lists.
    pub(super) fn resync_queue(&mut self, queued: &[Message], out: &mut Vec<ChatEvent>) {
        for id in missing(self.queued.iter().map(|m| &m.id), queued.iter().map(|m| &m.id)) {
            // One that has become a message is not withdrawn.
            if self.message_mut(&id).is_some() {
                self.queued.retain(|m| m.id != id);
            } else {
                self.withdraw(&id, out);
            }
        }
        queued.iter().for_each(|message| self.queue(message, out));
    }
}

/// The beginning of a call.
fn begun(transcript: &Transcript, message_id: &MessageId, part_id: &PartId, tool: &str) -> (Part, ToolCall) {
    let call = ToolCall {
        call_id: part_id.as_str().to_owned(),
        tool: tool.to_owned(),
        status: crate::model::ToolStatus::Streaming,
        input: serde_json::Value::Null,
        title: None,
        output: None,
        error: None,
        metadata: None,
        extra: Extra::new(),
    };
    let part = Part {
        id: part_id.clone(),
        session_id: transcript.session_id().clone(),
        message_id: message_id.clone(),
        body: PartBody::Tool(Box::new(call.clone())),
        started: None,
        ended: None,
        extra: Extra::new(),
    };
    (part, call)
}
