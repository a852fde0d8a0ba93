//! Changes that a server tells without repeating the whole thing: servers of OpenCode 2 send only what is new.

use serde_json::Value;

use super::{Extra, Message, MessageId, ModelRef, PartId, Revert, ToolStatus, TurnError, Usage};

/// What is new about a session, or about something in it. `None` is always: as before.
#[derive(Clone, Debug)]
pub enum Change {
    /// Of the session itself.
    Session(SessionChange),
    /// Of a message.
    Message {
        /// Which.
        message_id: MessageId,
        /// What is new.
        change: MessageChange,
    },
    /// Of a tool call.
    Tool {
        /// Of which message.
        message_id: MessageId,
        /// Which part.
        part_id: PartId,
        /// What is new.
        change: Box<ToolChange>,
    },
    /// A prompt waits for its turn; it is no message yet.
    Queued(Box<Message>),
    /// A prompt that waited has become a message.
    Delivered {
        /// Which.
        message_id: MessageId,
        /// When, Unix milliseconds.
        at: u64,
    },
    /// A prompt that waited was taken back.
    Withdrawn {
        /// Which.
        message_id: MessageId,
    },
    /// Something that this build cannot follow by events: the state must be read.
    Unclear {
        /// The server's word for it.
        kind: String,
    },
}

/// What is new about a session.
#[derive(Clone, Debug, Default)]
pub struct SessionChange {
    /// The title.
    pub title: Option<String>,
    /// Cost and tokens of the whole session.
    pub usage: Option<Usage>,
    /// The agent of the next prompt.
    pub agent: Option<String>,
    /// The model of the next prompt.
    pub model: Option<ModelRef>,
    /// What is taken back now; `Some(None)` when nothing is any more.
    pub revert: Option<Option<Revert>>,
}

/// What is new about a message.
#[derive(Clone, Debug, Default)]
pub struct MessageChange {
    /// When the agent was done with it.
    pub completed: Option<u64>,
    /// Why the model stopped.
    pub finish: Option<String>,
    /// What it cost.
    pub usage: Option<Usage>,
    /// Why it ended badly.
    pub error: Option<TurnError>,
}

/// What is new about a tool call.
#[derive(Clone, Debug)]
pub struct ToolChange {
    /// How far it is.
    pub status: ToolStatus,
    /// The tool's name; a call begins with it.
    pub tool: Option<String>,
    /// The input, or as much of it as the model has written.
    pub input: Option<Value>,
    /// What it gave.
    pub output: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// What the tool reports about itself.
    pub metadata: Option<Value>,
    /// When it began.
    pub started: Option<u64>,
    /// When it ended.
    pub ended: Option<u64>,
    /// Everything else of its state.
    pub extra: Extra,
}

impl ToolChange {
    /// A change to this state and of nothing else.
    pub fn to(status: ToolStatus) -> Self {
        Self {
            status,
            tool: None,
            input: None,
            output: None,
            error: None,
            metadata: None,
            started: None,
            ended: None,
            extra: Extra::new(),
        }
    }
}
