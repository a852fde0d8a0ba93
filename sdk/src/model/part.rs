//! Parts: the pieces of which a message is made.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Extra, MessageId, PartId, SessionId, Usage};

/// One piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The server's name for it.
    pub id: PartId,
    /// The session to which it belongs.
    pub session_id: SessionId,
    /// The message to which it belongs.
    pub message_id: MessageId,
    /// What it is.
    pub body: PartBody,
    /// When it was begun, Unix milliseconds.
    pub started: Option<u64>,
    /// When it was complete, Unix milliseconds.
    pub ended: Option<u64>,
    /// Everything else.
    pub extra: Extra,
}

/// What a part is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PartBody {
    /// Text that the person wrote or the agent answered.
    Text {
        /// The text so far.
        text: String,
        /// Written by the server on the person's behalf.
        synthetic: bool,
        /// Not sent to the model.
        ignored: bool,
    },
    /// What the model thought.
    Reasoning {
        /// The text so far.
        text: String,
    },
    /// A tool that the agent used.
    Tool(Box<ToolCall>),
    /// A file that was attached.
    File {
        /// MIME type.
        mime: String,
        /// Name for people.
        filename: Option<String>,
        /// `file:`, `data:` or other URL.
        url: String,
    },
    /// A mention of an agent.
    Agent {
        /// The agent's name.
        name: String,
    },
    /// Work for a sub-agent.
    Subtask {
        /// What it is asked.
        prompt: String,
        /// One line for a person.
        description: String,
        /// The agent's name.
        agent: String,
    },
    /// A model call begins.
    StepStart,
    /// A model call has ended.
    StepFinish {
        /// Why the model stopped.
        reason: String,
        /// What it cost.
        usage: Usage,
    },
    /// Files were changed by a step.
    Patch {
        /// Their paths.
        files: Vec<String>,
    },
    /// The history was made shorter here.
    Compaction,
    /// The provider failed and was asked again.
    Retry {
        /// How many attempts have failed.
        attempt: u64,
    },
    /// A kind that this build does not know; all of it is in [`Part::extra`].
    Other {
        /// The server's word for the kind.
        kind: Cow<'static, str>,
    },
}

/// How far a tool call is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// The model is still writing the input (the word of OpenCode 2).
    Streaming,
    /// The model is still writing the input, or the call waits for a permission.
    Pending,
    /// It runs.
    Running,
    /// It ended well.
    Completed,
    /// It failed, was refused or was stopped.
    Error,
    /// A word that this build does not know.
    #[serde(untagged)]
    Other(String),
}

impl ToolStatus {
    /// The word for it.
    pub fn word(&self) -> &str {
        match self {
            Self::Streaming => "streaming",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Other(word) => word,
        }
    }

    /// Whether the call will not change any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Error)
    }

    /// Later states have higher ranks; an event that would lower the rank is an old one.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Streaming | Self::Pending => 0,
            Self::Running | Self::Other(_) => 1,
            Self::Completed | Self::Error => 2,
        }
    }
}

/// A tool that the agent used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's name for the call; permission requests refer to it.
    pub call_id: String,
    /// The tool's name.
    pub tool: String,
    /// How far it is.
    pub status: ToolStatus,
    /// The input, as the model wrote it.
    pub input: Value,
    /// One line for a person.
    pub title: Option<String>,
    /// What it gave, when it ended well.
    pub output: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// What the tool reports about itself.
    pub metadata: Option<Value>,
    /// Everything else of its state.
    pub extra: Extra,
}

impl Part {
    /// The text of a text or reasoning part.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            PartBody::Text { text, .. } | PartBody::Reasoning { text } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text_mut(&mut self) -> Option<&mut String> {
        match &mut self.body {
            PartBody::Text { text, .. } | PartBody::Reasoning { text } => Some(text),
            _ => None,
        }
    }

    /// The tool call of a tool part.
    pub fn tool(&self) -> Option<&ToolCall> {
        match &self.body {
            PartBody::Tool(call) => Some(call),
            _ => None,
        }
    }

    /// The word for its kind: `text`, `reasoning`, `tool`, `step-start`, … or the server's own.
    pub fn kind(&self) -> &str {
        match &self.body {
            PartBody::Text { .. } => "text",
            PartBody::Reasoning { .. } => "reasoning",
            PartBody::Tool(_) => "tool",
            PartBody::File { .. } => "file",
            PartBody::Agent { .. } => "agent",
            PartBody::Subtask { .. } => "subtask",
            PartBody::StepStart => "step-start",
            PartBody::StepFinish { .. } => "step-finish",
            PartBody::Patch { .. } => "patch",
            PartBody::Compaction => "compaction",
            PartBody::Retry { .. } => "retry",
            PartBody::Other { kind } => kind,
        }
    }
}
