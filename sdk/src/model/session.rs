//! Sessions, what they are doing, and the state of one as the server gives it at a moment.

use serde::{Deserialize, Serialize};

use super::{Extra, Message, ModelRef, Permission, Question, SessionId, Usage};

/// One conversation on a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The server's name for it.
    pub id: SessionId,
    /// The session whose agent started this one.
    pub parent_id: Option<SessionId>,
    /// The title; servers make one from the first prompt.
    pub title: String,
    /// The directory in which the agent works.
    pub directory: String,
    /// When it was made, Unix milliseconds.
    pub created: u64,
    /// When it last changed, Unix milliseconds.
    pub updated: u64,
    /// The agent of the last prompt.
    pub agent: Option<String>,
    /// The model of the last prompt.
    pub model: Option<ModelRef>,
    /// Cost and tokens of the whole session, where the server counts them.
    pub usage: Option<Usage>,
    /// The public address, when it is shared.
    pub share_url: Option<String>,
    /// Set while messages are hidden by a revert.
    pub revert: Option<Revert>,
    /// Everything else.
    pub extra: Extra,
}

/// From where on a session is reverted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revert {
    /// The first message that is taken back.
    pub message_id: super::MessageId,
    /// The first part that is taken back, when only a part of the message is.
    pub part_id: Option<super::PartId>,
}

/// What a session is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Status {
    /// Nothing runs.
    #[default]
    Idle,
    /// A turn runs.
    Busy,
    /// The provider failed; the server tries again by itself.
    Retry {
        /// How many attempts have failed.
        attempt: u64,
        /// What the provider said.
        message: String,
        /// When the next attempt starts, Unix milliseconds.
        next: u64,
    },
    /// A word that this build does not know; it counts as busy.
    Other {
        /// The server's word.
        word: String,
    },
}

impl Status {
    /// Whether nothing runs.
    pub fn is_idle(&self) -> bool {
        *self == Self::Idle
    }

    /// The word for it: `idle`, `busy`, `retry` or the server's own.
    pub fn word(&self) -> &str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Retry { .. } => "retry",
            Self::Other { word } => word,
        }
    }
}

/// One entry of the agent's list of things to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Todo {
    /// What is to be done.
    pub content: String,
    /// The server's word: `pending`, `in_progress`, `completed`, `cancelled`.
    pub status: String,
    /// The server's word: `high`, `medium`, `low`.
    pub priority: String,
}

/// A slash command that a server offers: its own, or one of the project's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashCommand {
    /// Its name, without the slash.
    pub name: String,
    /// One line for a person.
    pub description: Option<String>,
}

/// What changed in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// The path, relative to the session's directory.
    pub path: String,
    /// The change as a unified diff, where the server gives it.
    pub patch: Option<String>,
    /// Lines added.
    pub additions: u64,
    /// Lines deleted.
    pub deletions: u64,
    /// The server's word: `added`, `modified`, `deleted`.
    pub status: Option<String>,
}

/// Everything that a server says about one session at one moment, read by REST.
///
/// The parts are read one after the other, status first, so they need not be of the very same moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The session itself.
    pub session: Session,
    /// Read before the messages: when it says idle, the messages are not older than that.
    pub status: Status,
    /// All messages in the server's order.
    pub messages: Vec<Message>,
    /// Prompts that the server has and that are no messages yet.
    pub queued: Vec<Message>,
    /// Permission requests that wait for an answer.
    pub permissions: Vec<Permission>,
    /// Questions that wait for an answer.
    pub questions: Vec<Question>,
    /// The list of things to do.
    pub todos: Vec<Todo>,
    /// Sessions that this one's agent has started.
    pub children: Vec<Session>,
}
