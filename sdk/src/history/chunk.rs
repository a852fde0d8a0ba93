//! A message that is being written, in pieces: what changed since the piece before. Pure.
//!
//! The first piece of a writer holds the whole message, so pieces of a writer that was killed do no harm to the next one.
//! More text is given with its place, so two programs that watch the same conversation do not double it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::record::{VERSION, from_bytes};
use crate::error::Result;
use crate::model::{Message, Part, PartBody, PartId};

/// What is stored at once.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Chunk {
    /// The version of the form.
    pub(super) v: u32,
    /// In order.
    pub(super) changes: Vec<Change>,
}

/// One change of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// All of it.
    Whole(Box<Message>),
    /// Everything but the parts.
    Header(Box<Message>),
    /// A part is new, or another one.
    Part(Box<Part>),
    /// A text goes on.
    Text {
        /// Whose.
        part: PartId,
        /// At which byte.
        at: usize,
        /// With what.
        more: String,
    },
    /// A part is gone.
    Removed(PartId),
    /// The parts stand in this order.
    Order(Vec<PartId>),
}

impl Chunk {
    pub(super) fn new(changes: Vec<Change>) -> Self {
        Self { v: VERSION, changes }
    }
}

/// What makes `new` of `old`; nothing when they are equal.
pub(super) fn changes(old: &Message, new: &Message) -> Vec<Change> {
    let mut ids = HashSet::new();
    if !new.parts.iter().all(|p| ids.insert(&p.id)) {
        // No server does that; parts could not be told apart by their names.
        return if old == new { Vec::new() } else { vec![Change::Whole(Box::new(new.clone()))] };
    }
    let mut out = Vec::new();
    let header = Message::clone_header(new);
    if Message::clone_header(old) != header {
        out.push(Change::Header(Box::new(header)));
    }
    let gone = old.parts.iter().filter(|p| !ids.contains(&p.id));
    out.extend(gone.map(|p| Change::Removed(p.id.clone())));
    let mut order: Vec<&PartId> = old.parts.iter().map(|p| &p.id).filter(|id| ids.contains(id)).collect();
    for part in &new.parts {
        match old.parts.iter().find(|p| p.id == part.id) {
            Some(before) => out.extend(part_change(before, part)),
            None => {
                order.push(&part.id);
                out.push(Change::Part(Box::new(part.clone())));
            }
        }
    }
    if !order.into_iter().eq(new.parts.iter().map(|p| &p.id)) {
        out.push(Change::Order(new.parts.iter().map(|p| p.id.clone()).collect()));
    }
    out
}

fn part_change(old: &Part, new: &Part) -> Option<Change> {
    if let (Some(before), Some(after)) = (old.text(), new.text())
        && same_frame(old, new)
    {
        let more = after.strip_prefix(before);
        return match more {
            Some("") => None,
            Some(more) => {
                Some(Change::Text { part: new.id.clone(), at: before.len(), more: more.to_owned() })
            }
            None => Some(Change::Part(Box::new(new.clone()))),
        };
    }
    (old != new).then(|| Change::Part(Box::new(new.clone())))
}

/// Whether two parts with texts differ in nothing but the text.
fn same_frame(a: &Part, b: &Part) -> bool {
    let frame = |p: &Part| (p.session_id.clone(), p.message_id.clone(), p.started, p.ended);
    let body = match (&a.body, &b.body) {
        (
            PartBody::Text { synthetic, ignored, .. },
            PartBody::Text { synthetic: other_synthetic, ignored: other_ignored, .. },
        ) => synthetic == other_synthetic && ignored == other_ignored,
        (PartBody::Reasoning { .. }, PartBody::Reasoning { .. }) => true,
        _ => false,
    };
    body && frame(a) == frame(b) && a.extra == b.extra
}

/// Puts pieces together, upon what is there already. `None` when no piece says what the message is.
///
/// # Errors
/// `recovery.damaged`, `system.newer_format`.
pub(super) fn fold(base: Option<Message>, chunks: &[Vec<u8>]) -> Result<Option<Message>> {
    let mut message = base;
    for bytes in chunks {
        let chunk: Chunk = from_bytes(bytes)?;
        super::record::known(chunk.v)?;
        for change in chunk.changes {
            apply(&mut message, change);
        }
    }
    Ok(message)
}

/// What refers to something that is not there belongs to a writer whose first piece is gone, and is let go.
fn apply(message: &mut Option<Message>, change: Change) {
    if let Change::Whole(whole) = change {
        *message = Some(*whole);
        return;
    }
    let Some(message) = message else { return };
    let find = |parts: &[Part], id: &PartId| parts.iter().position(|p| p.id == *id);
    match change {
        Change::Header(header) => {
            let parts = std::mem::take(&mut message.parts);
            *message = Message { parts, ..*header };
        }
        Change::Part(part) => match find(&message.parts, &part.id) {
            Some(at) => message.parts[at] = *part,
            None => message.parts.push(*part),
        },
        Change::Text { part, at, more } => {
            let part = find(&message.parts, &part).map(|i| &mut message.parts[i]);
            if let Some(text) = part.and_then(Part::text_mut).filter(|t| t.is_char_boundary(at)) {
                text.truncate(at);
                text.push_str(&more);
            }
        }
        Change::Removed(part) => message.parts.retain(|p| p.id != part),
        Change::Order(order) => {
            message.parts.sort_by_cached_key(|p| order.iter().position(|id| *id == p.id));
        }
        Change::Whole(_) => {}
    }
}
