//! What a server says has happened.

use serde_json::value::RawValue;

use super::*;

/// One event of a server's stream, in neutral words.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Event {
    /// The stream is open. Carried so that subscribers see where one connection ends and the next begins.
    Connected {
        /// The server's own event id, where it gives one: it holds the server's clock.
        event_id: Option<String>,
    },
    /// The server is alive; nothing else.
    Heartbeat,
    /// The server drops its state for this directory; it closes the stream next.
    Disposed,
    /// A session is new or has changed.
    Session(Box<Session>),
    /// A session is gone.
    SessionRemoved(SessionId),
    /// A session does something else now.
    Status {
        /// Which session.
        session_id: SessionId,
        /// What it does now.
        status: Status,
        /// Why, when it went idle because something went wrong.
        error: Option<Box<TurnError>>,
    },
    /// Something went wrong in a session, or (without one) in the server.
    Error {
        /// Which session.
        session_id: Option<SessionId>,
        /// What.
        error: TurnError,
    },
    /// A message is new or has changed; its parts come by themselves.
    Message(Box<Message>),
    /// A message is gone.
    MessageRemoved {
        /// Of which session.
        session_id: SessionId,
        /// Which.
        message_id: MessageId,
    },
    /// A part is new or has changed; this is all of it.
    Part(Box<Part>),
    /// More text for a part.
    Delta {
        /// Of which session.
        session_id: SessionId,
        /// Of which message.
        message_id: MessageId,
        /// Which part.
        part_id: PartId,
        /// What grows.
        field: PartField,
        /// The text to append.
        text: String,
    },
    /// A part is gone.
    PartRemoved {
        /// Of which session.
        session_id: SessionId,
        /// Of which message.
        message_id: MessageId,
        /// Which.
        part_id: PartId,
    },
    /// The agent asks for a permission.
    PermissionAsked(Box<Permission>),
    /// A permission request is settled.
    PermissionReplied {
        /// Of which session.
        session_id: SessionId,
        /// Which.
        id: AskId,
        /// How; `None` when the server does not say.
        reply: Option<PermissionReply>,
    },
    /// The agent asks something.
    QuestionAsked(Box<Question>),
    /// A question is settled.
    QuestionClosed {
        /// Of which session.
        session_id: SessionId,
        /// Which.
        id: AskId,
        /// The labels chosen, an item each; `None` when it was rejected.
        answers: Option<Vec<Vec<String>>>,
    },
    /// The list of things to do has changed; this is all of it.
    Todos {
        /// Of which session.
        session_id: SessionId,
        /// The list.
        todos: Vec<Todo>,
    },
    /// The files that a session has changed.
    Diff {
        /// Of which session.
        session_id: SessionId,
        /// All of them.
        files: Vec<FileDiff>,
    },
    /// Something in a session has changed, and only what is new is said.
    Changed {
        /// In which session.
        session_id: SessionId,
        /// What is new.
        change: Box<Change>,
    },
    /// Anything else, untouched.
    Other {
        /// The server's word.
        kind: String,
        /// The session that it names, if it does.
        session_id: Option<SessionId>,
        /// The payload as the server sent it.
        raw: Box<RawValue>,
    },
}

/// Which text of a part grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartField {
    /// The text of a text or reasoning part.
    Text,
    /// Something else, in the server's word.
    Other(String),
}

impl Event {
    /// The session that the event is about.
    pub fn session_id(&self) -> Option<&SessionId> {
        match self {
            Self::Connected { .. } | Self::Heartbeat | Self::Disposed => None,
            Self::Session(session) => Some(&session.id),
            Self::Message(message) => Some(&message.session_id),
            Self::Part(part) => Some(&part.session_id),
            Self::PermissionAsked(ask) => Some(&ask.session_id),
            Self::QuestionAsked(ask) => Some(&ask.session_id),
            Self::Error { session_id, .. } | Self::Other { session_id, .. } => session_id.as_ref(),
            Self::SessionRemoved(session_id)
            | Self::Status { session_id, .. }
            | Self::MessageRemoved { session_id, .. }
            | Self::Delta { session_id, .. }
            | Self::PartRemoved { session_id, .. }
            | Self::PermissionReplied { session_id, .. }
            | Self::QuestionClosed { session_id, .. }
            | Self::Todos { session_id, .. }
            | Self::Changed { session_id, .. }
            | Self::Diff { session_id, .. } => Some(session_id),
        }
    }
}
