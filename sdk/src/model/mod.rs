//! The neutral model: what a conversation is, whichever line of OpenCode the server speaks.
//!
//! Nothing here knows a wire name; `dialect` maps to and from it. Unknown things are carried along, never
//! dropped: unknown fields in `extra`, unknown parts as [`PartBody::Other`], unknown events as
//! [`Event::Other`]. Times are Unix milliseconds as the server gave them.

mod ask;
mod catalogue;
mod change;
mod configuration;
mod event;
mod id;
mod message;
mod part;
mod session;

pub use ask::{Permission, PermissionReply, Question, QuestionItem, QuestionOption, ToolRef};
pub use catalogue::{Agent, Catalogue, Model, Price, Provider};
pub use change::{Change, MessageChange, SessionChange, ToolChange};
pub use configuration::ServerConfiguration;
pub(crate) use configuration::merge;
pub use event::{Event, PartField};
pub use id::{AskId, MessageId, PartId, SessionId};
pub use message::{Message, ModelRef, Role, Tokens, TurnError, Usage};
pub use part::{Part, PartBody, ToolCall, ToolStatus};
pub use session::{FileDiff, Revert, Session, SlashCommand, Snapshot, Status, Todo};

/// Fields that the neutral model has no name for, as the server sent them.
pub type Extra = serde_json::Map<String, serde_json::Value>;
