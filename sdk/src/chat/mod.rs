//! Conversations: the reducer that folds events into messages, turns, and the policy for what servers ask.

mod answer;
mod asks;
mod changes;
mod conversation;
mod deltas;
pub mod digest;
mod driver;
mod event;
mod event_form;
mod feed;
mod headers;
mod observer;
mod policy;
mod prompt;
mod recording;
mod resync;
mod said;
mod scope;
mod sending;
mod shared;
mod stopping;
mod transcript;
#[cfg(test)]
mod transcript_tests;
mod turn;
mod verdict;
mod waiting;

pub use conversation::Conversation;
pub use event::{ChatEvent, OutcomeKind, TextKind, TurnOutcome};
pub use feed::ChatFeed;
pub(crate) use observer::Observer;
pub use policy::{AskPolicy, AskRule, Decision};
pub use prompt::{Delivery, Prompt, PromptPart};
pub use recording::Recording;
pub use said::{Deed, Opening, Piece, RejectWord, Rejection, Reply, Said, seconds};
pub use sending::TurnOptions;
pub use shared::ConversationOptions;
pub use transcript::{PartOrder, Transcript};
pub use turn::{Turn, TurnHandle};
