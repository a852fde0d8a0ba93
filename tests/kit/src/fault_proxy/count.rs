//! Counts what was really injected: a test of faults that injected none proves nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// A clean end in the middle.
    CleanEof,
    /// A FIN in the middle.
    Fin,
    /// A reset.
    Reset,
    /// A stop in the middle, or for ever.
    Stall,
    /// A request that is never answered.
    Ignored,
    /// A connection that was not accepted, or reset before the request was passed on.
    Refused,
    /// A status that the server did not send.
    Status,
    /// An answer that was thrown away after the server gave it.
    Lost,
    /// A body that was split into other pieces.
    Split,
    /// A body with other line ends.
    LineEnds,
    /// A frame that was sent twice.
    Duplicate,
    /// A body whose writes were delayed.
    Delay,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::CleanEof,
        Self::Fin,
        Self::Reset,
        Self::Stall,
        Self::Ignored,
        Self::Refused,
        Self::Status,
        Self::Lost,
        Self::Split,
        Self::LineEnds,
        Self::Duplicate,
        Self::Delay,
    ];
}

#[derive(Default)]
pub(super) struct Counts([AtomicU64; FaultKind::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, kind: FaultKind) {
        self.0[kind as usize].fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn get(&self, kind: FaultKind) -> u64 {
        self.0[kind as usize].load(Ordering::SeqCst)
    }
}
