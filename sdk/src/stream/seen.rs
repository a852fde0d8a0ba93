//! Remembers the latest event ids, so that an event that a proxy or server sends twice is handed on once.

use std::hash::{BuildHasher, RandomState};

/// How many ids are remembered. Doubles come right after each other or, from a second stream, soon.
const WINDOW: usize = 128;

pub(crate) struct SeenEvents {
    hasher: RandomState,
    ring: [u64; WINDOW],
    next: usize,
}

impl Default for SeenEvents {
    fn default() -> Self {
        Self { hasher: RandomState::new(), ring: [0; WINDOW], next: 0 }
    }
}

impl SeenEvents {
    /// Whether the id is new; it is remembered from now on.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        let hash = self.hasher.hash_one(id);
        // Without a branch for each: the usual answer is that it is nowhere, and so several are compared at once.
        if self.ring.iter().fold(false, |found, old| found | (*old == hash)) {
            return false;
        }
        self.ring[self.next] = hash;
        self.next = (self.next + 1) % WINDOW;
        true
    }
}
