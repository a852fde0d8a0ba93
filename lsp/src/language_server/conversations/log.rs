//! The last of what was told in a session, for those who come back: bounded, because the transcript is the truth and can be
//! told anew. Pure.

use std::collections::VecDeque;

use super::watching::size;
use crate::language_server::ext::ChatProgress;

/// What is kept, in pieces and in bytes.
const PIECES: usize = 4_096;
const BYTES: usize = 2 << 20;

#[derive(Debug, Default)]
pub(super) struct Log {
    kept: VecDeque<ChatProgress>,
    bytes: usize,
    /// The number of the last thing that is not kept any more.
    dropped: u64,
    /// Numbers between which everything was told anew to one watcher. Who has only the beginning of it needs it again.
    anew: VecDeque<(u64, u64)>,
}

/// So many times of telling everything anew are remembered.
const ANEW: usize = 32;

impl Log {
    pub(super) fn push(&mut self, progress: ChatProgress) {
        self.bytes += size(&progress);
        self.kept.push_back(progress);
        while self.kept.len() > PIECES || self.bytes > BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= size(&oldest);
            self.dropped = oldest.seq;
        }
    }

    /// What is newer; `None` when some of it is not kept any more.
    pub(super) fn since(&self, seq: u64) -> Option<Vec<ChatProgress>> {
        let whole = !self.anew.iter().any(|(before, last)| *before < seq && seq < *last);
        (whole && seq >= self.dropped)
            .then(|| self.kept.iter().filter(|progress| progress.seq > seq).cloned().collect())
    }

    /// Everything was told anew with numbers above `before`, up to `last`.
    pub(super) fn told_anew(&mut self, before: u64, last: u64) {
        if self.anew.len() == ANEW
            && let Some((_, oldest)) = self.anew.pop_front()
        {
            self.dropped = self.dropped.max(oldest);
        }
        self.anew.push_back((before, last));
    }

    /// Keeps nothing of what was before this number.
    pub(super) fn forget(&mut self, seq: u64) {
        (self.bytes, self.dropped) = (0, seq);
        self.kept.clear();
    }
}
