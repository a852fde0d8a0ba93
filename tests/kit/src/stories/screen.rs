//! What a person sees who follows a conversation by its events alone, as a simple frontend would show it.

use std::collections::BTreeMap;

use opencode_nexus::chat::ChatEvent;

/// Texts as they were told, part by part.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// The text of each part by its identifier.
    pub texts: BTreeMap<String, String>,
    /// How many events were shown.
    pub events: usize,
    /// How many were about a text that had to be replaced.
    pub replaced: usize,
}

impl Screen {
    /// Shows an event.
    pub fn show(&mut self, event: &ChatEvent) {
        self.events += 1;
        match event {
            ChatEvent::Text { part_id, delta, .. } => {
                self.texts.entry(part_id.to_string()).or_default().push_str(delta);
            }
            ChatEvent::TextReplaced { part_id, text, .. } => {
                self.replaced += 1;
                self.texts.insert(part_id.to_string(), text.clone());
            }
            ChatEvent::PartRemoved { part_id, .. } => {
                self.texts.remove(part_id.as_str());
            }
            ChatEvent::Child { event, .. } => {
                self.events -= 1;
                self.show(event);
            }
            _ => {}
        }
    }
}
