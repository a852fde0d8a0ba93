//! Conversations: the reducer that folds events into messages, turns, and the policy for what servers ask.

mod asks;
mod event;
mod resync;
mod transcript;

pub use event::{ChatEvent, OutcomeKind, TextKind, TurnOutcome};
pub use transcript::Transcript;
