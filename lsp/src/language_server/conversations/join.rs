//! What waits to be told, joined: more of the same text becomes one piece, and a newer state of a thing takes the place of an
//! older one. Pure.
//!
//! Numbers stay in order: a piece of text that grows moves to the end with its newest number, over what has nothing to do
//! with it, and so does what stands for itself (a status, a list). A message, part or tool call that is renewed keeps its
//! place, because its texts come behind it, and its number, so that who comes back is told it again.

use std::collections::VecDeque;

use crate::language_server::ext::{ChatProgress, ProgressKind};

/// So far it is looked back for something to join with.
const DEPTH: usize = 128;

/// Adds what happened behind what waits.
pub(super) fn push(waiting: &mut VecDeque<ChatProgress>, mut new: ChatProgress) {
    if let ProgressKind::Tool { output: Some(_), part_id, .. } = &new.kind {
        // All of it comes now.
        let (child, part) = (new.child.clone(), part_id.clone());
        let same = |old: &ChatProgress| matches!(&old.kind, ProgressKind::ToolOutput { part_id, .. } if *part_id == part);
        waiting.retain(|old| old.child != child || !same(old));
    }
    let lowest = waiting.len().saturating_sub(DEPTH);
    for at in (lowest..waiting.len()).rev() {
        let old = &mut waiting[at];
        if old.child != new.child {
            if is_end(&old.kind) {
                break;
            }
            continue;
        }
        match joined(&mut old.kind, &mut new.kind) {
            Joined::InPlace => return,
            Joined::Moved => {
                let last = at + 1 == waiting.len();
                if last {
                    waiting[at].seq = new.seq;
                } else if let Some(mut moved) = waiting.remove(at) {
                    moved.seq = new.seq;
                    waiting.push_back(moved);
                }
                return;
            }
            Joined::Renewed => {
                waiting.remove(at);
                break;
            }
            Joined::No => {}
            Joined::Barrier => break,
        }
    }
    waiting.push_back(new);
}

enum Joined {
    /// The older now says what the newer does.
    InPlace,
    /// The same, and it must go to the end.
    Moved,
    /// The older is not needed any more.
    Renewed,
    /// They have nothing to do with each other.
    No,
    /// The newer must stay behind the older.
    Barrier,
}

fn is_end(kind: &ProgressKind) -> bool {
    matches!(kind, ProgressKind::End { .. } | ProgressKind::Reset { .. })
}

fn joined(old: &mut ProgressKind, new: &mut ProgressKind) -> Joined {
    use ProgressKind::{
        Delta, Diff, End, Message, Part, Removed, Replaced, Reset, Session, Status, Todo, Tool, ToolOutput,
        Usage,
    };
    match (old, new) {
        (End { .. } | Reset { .. }, _) => Joined::Barrier,
        (
            Delta { part_id: a, text, .. } | Replaced { part_id: a, text, .. },
            Delta { part_id: b, text: more, .. },
        )
        | (ToolOutput { part_id: a, text, .. }, ToolOutput { part_id: b, text: more, .. })
            if a == b =>
        {
            text.push_str(more);
            Joined::Moved
        }
        (old @ Message { .. }, new @ Message { .. }) if message_of(old) == message_of(new) => {
            replace(old, new)
        }
        (old @ Part { .. }, new @ Part { .. }) if part_of(old) == part_of(new) => replace(old, new),
        (old @ Tool { .. }, new @ Tool { .. }) if part_of(old) == part_of(new) => {
            keep_input(old, new);
            replace(old, new)
        }
        (Usage(_), Usage(_))
        | (Todo { .. }, Todo { .. })
        | (Diff { .. }, Diff { .. })
        | (Status { .. }, Status { .. })
        | (Session(_), Session(_)) => Joined::Renewed,
        // What is gone may come again.
        (old @ Removed { .. }, new) if message_of(old) == message_of(new) => Joined::Barrier,
        (old, new) if part_of(old).is_some() && part_of(old) == part_of(new) => Joined::Barrier,
        (old @ Message { .. }, new) if message_of(old) == message_of(new) => Joined::Barrier,
        _ => Joined::No,
    }
}

fn replace(old: &mut ProgressKind, new: &mut ProgressKind) -> Joined {
    std::mem::swap(old, new);
    Joined::InPlace
}

/// The input of a call is told once, so a newer state without it must not lose it.
fn keep_input(old: &mut ProgressKind, new: &mut ProgressKind) {
    if let (ProgressKind::Tool { input: known, .. }, ProgressKind::Tool { input, .. }) = (old, new)
        && input.is_none()
    {
        *input = known.take();
    }
}

fn part_of(kind: &ProgressKind) -> Option<&str> {
    match kind {
        ProgressKind::Delta { part_id, .. }
        | ProgressKind::Replaced { part_id, .. }
        | ProgressKind::Part { part_id, .. }
        | ProgressKind::Tool { part_id, .. }
        | ProgressKind::ToolOutput { part_id, .. } => Some(part_id),
        ProgressKind::Removed { part_id, .. } => part_id.as_deref(),
        _ => None,
    }
}

fn message_of(kind: &ProgressKind) -> Option<&str> {
    match kind {
        ProgressKind::Delta { message_id, .. }
        | ProgressKind::Replaced { message_id, .. }
        | ProgressKind::Part { message_id, .. }
        | ProgressKind::Tool { message_id, .. }
        | ProgressKind::ToolOutput { message_id, .. }
        | ProgressKind::Removed { message_id, .. }
        | ProgressKind::Queued { message_id }
        | ProgressKind::Message { message_id, .. } => Some(message_id),
        _ => None,
    }
}
