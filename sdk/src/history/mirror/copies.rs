//! What is copied from a transcript to be written: as many messages as fit into a batch.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::chat::Transcript;
use crate::model::{Message, MessageId, Part, PartBody};

/// About so many bytes go into one batch, or one message that is larger.
pub(super) const BYTES: usize = 4 * 1024 * 1024;

/// About how many bytes a message has: its long texts.
pub(super) fn weight(message: &Message) -> usize {
    message.parts.iter().map(part_weight).sum()
}

fn part_weight(part: &Part) -> usize {
    match &part.body {
        PartBody::Tool(call) => {
            let values = value_weight(&call.input) + call.metadata.as_ref().map_or(0, value_weight);
            values + call.output.as_ref().map_or(0, String::len)
        }
        PartBody::File { url, .. } => url.len(),
        _ => part.text().map_or(0, str::len),
    }
}

fn value_weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(value_weight).sum(),
        Value::Object(fields) => fields.values().map(value_weight).sum(),
        _ => 8,
    }
}

/// Messages by name, in one walk from the newest on; those that do not fit into a batch are left out.
pub(super) fn copies(transcript: &Transcript, ids: Vec<MessageId>) -> Vec<(MessageId, Option<Message>)> {
    let mut wanted: HashSet<&MessageId> = ids.iter().collect();
    let mut found: HashMap<MessageId, Message> = HashMap::new();
    let (mut left, mut bytes) = (HashSet::new(), 0);
    for message in transcript.messages().iter().rev() {
        if wanted.is_empty() {
            break;
        }
        if wanted.contains(&message.id) {
            let weight = weight(message);
            if bytes > 0 && bytes + weight > BYTES {
                left.insert(message.id.clone());
            } else {
                found.insert(message.id.clone(), message.clone());
                bytes += weight;
            }
            wanted.remove(&message.id);
        }
    }
    drop(wanted);
    let fitting = ids.into_iter().filter(|id| !left.contains(id));
    fitting.map(|id| (id.clone(), found.remove(&id))).collect()
}
