//! What a server asks the person: permissions and questions.

use serde::Serialize;

use super::{AskId, Extra, MessageId, SessionId};

/// The tool call for which something is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolRef {
    /// The message with the call.
    pub message_id: MessageId,
    /// The call.
    pub call_id: String,
}

/// May the agent do this?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Permission {
    /// The server's name for the request.
    pub id: AskId,
    /// The session that asks; a sub-agent's is a child of the conversation's.
    pub session_id: SessionId,
    /// What is asked for, in the server's word: `bash`, `edit`, `webfetch`, …
    pub action: String,
    /// On what: commands, paths, addresses.
    pub patterns: Vec<String>,
    /// What `always` would allow from now on.
    pub always: Vec<String>,
    /// The tool call that waits.
    pub tool: Option<ToolRef>,
    /// Details for a person, for example the diff of an edit.
    pub metadata: Extra,
}

/// The answer to a [`Permission`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionReply {
    /// This time.
    Once,
    /// From now on, for what [`Permission::always`] says.
    Always,
    /// No; with a message the agent may go on and try something else, where the server supports it.
    Reject {
        /// What the agent is told.
        message: Option<String>,
    },
}

impl PermissionReply {
    /// The answer by its word, which is the same on all lines; `None` for a word that this build does not know.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "once" => Some(Self::Once),
            "always" => Some(Self::Always),
            "reject" => Some(Self::Reject { message: None }),
            _ => None,
        }
    }
}

/// One or more questions that are answered together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// The server's name for the request.
    pub id: AskId,
    /// The session that asks.
    pub session_id: SessionId,
    /// The questions in order.
    pub items: Vec<QuestionItem>,
    /// The tool call that waits.
    pub tool: Option<ToolRef>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuestionItem {
    /// A few words.
    pub header: String,
    /// The question in full.
    pub question: String,
    /// What may be chosen.
    pub options: Vec<QuestionOption>,
    /// Whether more than one may be chosen.
    pub multiple: bool,
    /// Whether an answer of one's own is welcome.
    pub custom: bool,
}

/// One choice of a question. Its label is the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuestionOption {
    /// The answer.
    pub label: String,
    /// What it means.
    pub description: String,
}
