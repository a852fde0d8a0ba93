//! What a conversation tells the person who watches it: differences, each told once.

use serde::{Deserialize, Serialize};

use crate::model::{
    AskId, FileDiff, Message, MessageId, Part, PartId, Permission, PermissionReply, Question, Session,
    SessionId, Status, Todo, TurnError, Usage,
};

/// One difference of a conversation. As JSON it is an object with a `type`; what belongs to it stands under a name of its own,
/// such as `message` or `part`.
///
/// Text is told only by [`Text`](Self::Text) and [`TextReplaced`](Self::TextReplaced): all deltas of a part joined
/// (from the last replacement on) are exactly its text on the server, under any network fault.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum ChatEvent {
    /// The session is new to us or has changed.
    Session(Box<Session>),
    /// The session does something else now.
    Status(Status),
    /// A message is new or has changed. `parts` is empty here; they come by themselves.
    Message(Box<Message>),
    /// A prompt waits at the server; it becomes a message when its turn comes.
    Queued(Box<Message>),
    /// A prompt that waited was taken back.
    Withdrawn {
        /// Which.
        message_id: MessageId,
    },
    /// A message is gone (reverted, compacted, deleted).
    MessageRemoved {
        /// Which.
        message_id: MessageId,
    },
    /// A part is new or has changed. The text of a text or reasoning part is empty here; it comes by `Text`.
    Part(Box<Part>),
    /// More text of a text or reasoning part.
    Text {
        /// Of which message.
        message_id: MessageId,
        /// Of which part.
        part_id: PartId,
        /// Whether it is an answer or a thought.
        kind: TextKind,
        /// What to append.
        delta: String,
    },
    /// The text of a part is not a continuation of what was told: this is all of it.
    TextReplaced {
        /// Of which message.
        message_id: MessageId,
        /// Of which part.
        part_id: PartId,
        /// Whether it is an answer or a thought.
        kind: TextKind,
        /// The text that stands there now.
        text: String,
    },
    /// A part is gone.
    PartRemoved {
        /// Of which message.
        message_id: MessageId,
        /// Which.
        part_id: PartId,
    },
    /// The agent asks for a permission and waits.
    PermissionAsked(Box<Permission>),
    /// A permission request is settled, by us, by someone else, or because its turn is over.
    PermissionClosed {
        /// Which.
        id: AskId,
        /// How; `None` when the server did not say.
        reply: Option<PermissionReply>,
    },
    /// The agent asks something and waits.
    QuestionAsked(Box<Question>),
    /// A question is settled.
    QuestionClosed {
        /// Which.
        id: AskId,
        /// The labels chosen; `None` when it was rejected or the server did not say.
        answers: Option<Vec<Vec<String>>>,
    },
    /// The agent's list of things to do; all of it.
    Todos {
        /// The list.
        todos: Vec<Todo>,
    },
    /// The files that the session has changed; all of them.
    Diff {
        /// The files.
        files: Vec<FileDiff>,
    },
    /// The server reports an error of this session. If it ends the turn, `TurnEnded` follows.
    Error(TurnError),
    /// The session was deleted.
    SessionRemoved,
    /// Something in the session of a sub-agent.
    Child {
        /// The sub-agent's session.
        session_id: SessionId,
        /// What.
        event: Box<Self>,
    },
    /// The connection was lost and is being made again. Nothing that was told becomes untrue by that.
    Reconnecting {
        /// One line.
        reason: String,
    },
    /// The connection stands and what was missed has been told.
    Recovered,
    /// This subscriber was too slow and some changes were not queued for it; read the transcript anew.
    Lagged {
        /// How many.
        missed: u64,
    },
    /// A turn is over.
    TurnEnded {
        /// The prompt with which it began.
        message_id: MessageId,
        /// How it ended.
        outcome: TurnOutcome,
    },
    /// Anything else, untouched.
    Other {
        /// The server's word.
        kind: String,
        /// The payload as the server sent it.
        raw: Box<serde_json::value::RawValue>,
    },
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// What the person wrote or the agent answered.
    Text,
    /// What the model thought.
    Reasoning,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnOutcome {
    /// In one word.
    pub kind: OutcomeKind,
    /// Why the model stopped, in the server's word: `stop`, `length`, …
    pub finish: Option<String>,
    /// What went wrong.
    pub error: Option<TurnError>,
    /// Cost and tokens of all the model calls of the turn.
    pub usage: Usage,
}

/// How a turn ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// The agent was done.
    Completed,
    /// Somebody stopped it.
    Aborted,
    /// It failed; see [`TurnOutcome::error`].
    Failed,
}
