//! What is said to a plugin: an event of the interface as it stands, or more of a text.

use super::convert;
use crate::bindings::nexus::plugin::session::{EventBody, EventKind, Failure, Text};
use crate::bindings::nexus::plugin::types::Field;

/// Something to be told.
pub(crate) enum Told<'a> {
    /// As it stands.
    Body(Box<EventBody>),
    /// More text. What it continues is known to those who have heard of it from the beginning; to others, `whole` is told.
    Text {
        piece: Piece<'a>,
        delta: &'a str,
        /// All of it, this delta included; none when it was begun before anybody looked.
        whole: Option<&'a str>,
    },
}

/// Whose text it is.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) session: &'a str,
    pub(crate) message: &'a str,
    pub(crate) part: &'a str,
    pub(crate) reasoning: bool,
}

impl Piece<'_> {
    pub(super) fn text(&self, text: &str) -> Text {
        Text {
            session: self.session.to_owned(),
            message: self.message.to_owned(),
            part: self.part.to_owned(),
            reasoning: self.reasoning,
            text: text.to_owned(),
        }
    }
}

impl From<EventBody> for Told<'_> {
    fn from(body: EventBody) -> Self {
        Self::Body(Box::new(body))
    }
}

impl Told<'_> {
    /// Its kind and its session.
    pub(super) fn about(&self) -> (EventKind, Option<&str>) {
        match self {
            Self::Body(body) => (kind_of(body).unwrap_or(EventKind::Session), session_of(body)),
            Self::Text { piece, .. } => (EventKind::Text, Some(piece.session)),
        }
    }
}

/// The kind by which it is subscribed to; none for what everybody is told.
pub(super) fn kind_of(body: &EventBody) -> Option<EventKind> {
    Some(match body {
        EventBody::Session(_) => EventKind::Session,
        EventBody::Status(_) => EventKind::Status,
        EventBody::Message(_) => EventKind::Message,
        EventBody::Text(_) | EventBody::TextReplaced(_) => EventKind::Text,
        EventBody::Tool(_) => EventKind::Tool,
        EventBody::PermissionAsked(_) | EventBody::PermissionClosed(_) => EventKind::Permission,
        EventBody::QuestionAsked(_) | EventBody::QuestionClosed(_) => EventKind::Question,
        EventBody::TurnEnded(_) => EventKind::TurnEnded,
        EventBody::Failure(_) => EventKind::Failure,
        EventBody::Other(_) => EventKind::Session,
        EventBody::Lagged(_) => return None,
    })
}

pub(super) fn session_of(body: &EventBody) -> Option<&str> {
    match body {
        EventBody::Session(info) => Some(&info.id),
        EventBody::Status(status) => Some(&status.session),
        EventBody::Message(message) => Some(&message.session),
        EventBody::Text(text) | EventBody::TextReplaced(text) => Some(&text.session),
        EventBody::Tool(update) => Some(&update.session),
        EventBody::PermissionAsked(ask) => Some(&ask.session),
        EventBody::QuestionAsked(ask) => Some(&ask.session),
        EventBody::PermissionClosed(closed) | EventBody::QuestionClosed(closed) => Some(&closed.session),
        EventBody::TurnEnded(end) => Some(&end.session),
        EventBody::Failure(failure) => failure.session.as_deref(),
        EventBody::Other(_) | EventBody::Lagged(_) => None,
    }
}

/// What the interface has no name for.
pub(super) fn other(key: &str, value: &serde_json::Value) -> Told<'static> {
    EventBody::Other(Field { key: key.to_owned(), value: value.to_string() }).into()
}

pub(crate) fn failure(session: Option<&str>, message: &str) -> Told<'static> {
    let message = convert::cut(message, convert::TEXT);
    EventBody::Failure(Failure { session: session.map(str::to_owned), message }).into()
}
