//! One who watches a session: what waits for it, joined, and never too much. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::join;
use crate::language_server::ext::{ChatProgress, ProgressKind};

/// What a watcher that does not read may have waiting, in pieces and in bytes. Beyond it, it is told everything anew.
const WAITING: usize = 2_048;
const WAITING_BYTES: usize = 8 << 20;

/// One who watches.
pub(super) struct Watching {
    pub(super) number: u64,
    pub(super) what: Watched,
    pub(super) shows_asks: bool,
    pub(super) waiting: VecDeque<ChatProgress>,
    pub(super) bytes: usize,
    /// Too much waited: everything must be told anew.
    pub(super) behind: bool,
    /// Its turn is over; nothing more is added.
    pub(super) done: bool,
    pub(super) wake: Arc<Notify>,
}

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// The session, until it is unsubscribed.
    Session,
    /// A turn whose prompt is just being sent; nothing is told yet.
    Beginning,
    /// A turn, until its end.
    Turn(String),
}

/// What a watcher gets next.
pub(super) enum Taken {
    Events(Vec<ChatProgress>),
    Nothing,
    /// There will never be more.
    Over,
}

impl Watching {
    pub(super) fn add(&mut self, progress: &ChatProgress) {
        if self.done {
            return;
        }
        let ends = matches!(&self.what, Watched::Turn(turn) if is_end_of(progress, turn));
        self.done = ends;
        if self.behind {
            if ends {
                self.waiting.push_back(progress.clone());
            }
            return;
        }
        self.bytes += size(progress);
        join::push(&mut self.waiting, progress.clone());
        if self.waiting.len() > WAITING || self.bytes > WAITING_BYTES {
            self.behind = true;
            let end = self.waiting.pop_back().filter(|_| ends);
            self.waiting.clear();
            self.waiting.extend(end);
        }
    }

    pub(super) fn wake_up(&self) {
        if !self.waiting.is_empty() || self.behind || self.done {
            self.wake.notify_one();
        }
    }

    /// Its turn has a name now. It may be over already.
    pub(super) fn begun(&mut self, turn: &str) {
        self.what = Watched::Turn(turn.to_owned());
        if let Some(end) = self.waiting.iter().position(|progress| is_end_of(progress, turn)) {
            self.waiting.truncate(end + 1);
            self.done = true;
        }
        for progress in &mut self.waiting {
            progress.turn_id.get_or_insert_with(|| turn.to_owned());
        }
        self.wake_up();
    }
}

fn is_end_of(progress: &ChatProgress, turn: &str) -> bool {
    matches!(progress.kind, ProgressKind::End { .. }) && progress.turn_id.as_deref() == Some(turn)
}

/// About how many bytes something holds; only texts can be long.
pub(super) fn size(progress: &ChatProgress) -> usize {
    let long = match &progress.kind {
        ProgressKind::Delta { text, .. }
        | ProgressKind::Replaced { text, .. }
        | ProgressKind::ToolOutput { text, .. } => text.len(),
        ProgressKind::Tool { output, error, input, .. } => {
            let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            text(output) + text(error) + input.as_ref().map_or(0, value_size)
        }
        ProgressKind::Part { body, .. } => value_size(body),
        ProgressKind::Permission { detail, .. } => detail.as_ref().map_or(0, String::len),
        _ => 0,
    };
    128 + long
}

fn value_size(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(items) => items.iter().map(value_size).sum(),
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(name, value)| name.len() + value_size(value)).sum()
        }
        _ => 8,
    }
}

/// What nobody should wait for, not even for a moment.
pub(super) fn is_urgent(kind: &ProgressKind) -> bool {
    use ProgressKind::{Connection, End, Error, Permission, PermissionClosed, Question, QuestionClosed};
    matches!(
        kind,
        End { .. }
            | Permission { .. }
            | PermissionClosed { .. }
            | Question { .. }
            | QuestionClosed { .. }
            | Connection { .. }
            | Error(_)
    )
}
