//! What happens to a transcript when events were missed: it is marked, and later told the whole state.

use std::collections::HashSet;

use super::event::ChatEvent;
use super::transcript::{Transcript, is_open};
use crate::model::{Message, MessageId, PartId, Snapshot};

impl Transcript {
    /// Events may be missing from here on. Texts that are being written can no longer grow by deltas.
    pub fn mark_gap(&mut self) {
        let open: Vec<PartId> = (self.messages.iter().filter(|m| m.completed.is_none()))
            .flat_map(|m| m.parts.iter().filter(|p| is_open(p)).map(|p| p.id.clone()))
            .collect();
        self.gapped.extend(open);
        self.break_orphans();
    }

    /// Takes over the server's state, which must have been read after the last event that was applied, and tells
    /// exactly the difference.
    ///
    /// A text that the server is still writing is empty in its answers: what is on record stays, and grows again
    /// when the text is complete. With `settled` (nothing runs and nothing will come) the answer is taken as it is.
    pub fn resync(&mut self, snapshot: &Snapshot, settled: bool, out: &mut Vec<ChatEvent>) {
        self.apply_session(&snapshot.session, out);
        let kept: HashSet<&MessageId> = snapshot.messages.iter().map(|m| &m.id).collect();
        let gone: Vec<MessageId> =
            self.messages.iter().map(|m| &m.id).filter(|id| !kept.contains(id)).cloned().collect();
        for id in gone {
            self.remove_message(&id, out);
        }
        for message in &snapshot.messages {
            self.put_header(message, out);
            let kept: HashSet<&PartId> = message.parts.iter().map(|p| &p.id).collect();
            let gone: Vec<PartId> = (self.message_mut(&message.id).into_iter().flat_map(|m| &m.parts))
                .map(|p| &p.id)
                .filter(|id| !kept.contains(id))
                .cloned()
                .collect();
            for id in gone {
                self.remove_part(&message.id, &id, out);
            }
            for part in &message.parts {
                let open = is_open(part) && message.completed.is_none() && !settled;
                if open {
                    self.gapped.insert(part.id.clone());
                }
                self.put_part(part, open, out);
            }
            self.order_parts(message);
        }
        self.resync_queue(&snapshot.queued, out);
        self.apply_todos(&snapshot.todos, out);
        if snapshot.status.is_idle() {
            self.apply_status(&snapshot.status, out);
        } else {
            self.resync_asks(&snapshot.permissions, &snapshot.questions, out);
            self.apply_status(&snapshot.status, out);
        }
    }

    /// What was begun while nobody listened comes where the server has it.
    fn order_parts(&mut self, theirs: &Message) {
        let place = |id: &PartId| theirs.parts.iter().position(|p| p.id == *id);
        if let Some(message) = self.message_mut(&theirs.id) {
            message.parts.sort_by_cached_key(|part| place(&part.id));
        }
    }
}
