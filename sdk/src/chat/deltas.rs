//! Deltas: how the texts of a transcript grow, and what becomes of a delta that comes before its part.

use super::event::ChatEvent;
use super::transcript::{Transcript, text_event, text_kind};
use crate::model::{MessageId, PartId};

/// Text that may wait for its part, per transcript.
const ORPHAN_LIMIT: usize = 16 * 1024 * 1024;

impl Transcript {
    pub(super) fn apply_delta(
        &mut self,
        message_id: &MessageId,
        part_id: &PartId,
        delta: &str,
        out: &mut Vec<ChatEvent>,
    ) {
        if self.gapped.contains(part_id) || self.broken.contains(part_id) {
            // A start that comes only now was overtaken by this delta: what follows it is not the beginning.
            self.broken.insert(part_id.clone());
            return;
        }
        let completed = self.message(message_id).is_some_and(|m| m.completed.is_some());
        let part =
            self.message_mut(message_id).and_then(|m| m.parts.iter_mut().rev().find(|p| p.id == *part_id));
        let Some(part) = part else {
            if !completed && self.orphan_bytes + delta.len() <= ORPHAN_LIMIT {
                self.orphan_bytes += delta.len();
                self.orphans.entry(part_id.clone()).or_default().push_str(delta);
            } else {
                self.take_orphan(part_id);
                self.broken.insert(part_id.clone());
            }
            return;
        };
        if completed || part.ended.is_some() {
            return;
        }
        let Some(kind) = text_kind(part) else { return };
        let Some(text) = part.text_mut() else { return };
        text.push_str(delta);
        out.push(text_event(part, kind, delta.to_owned()));
    }

    pub(super) fn take_orphan(&mut self, id: &PartId) -> Option<String> {
        let text = self.orphans.remove(id)?;
        self.orphan_bytes -= text.len();
        Some(text)
    }

    pub(super) fn break_orphans(&mut self) {
        self.broken.extend(self.orphans.drain().map(|(id, _)| id));
        self.orphan_bytes = 0;
    }
}
