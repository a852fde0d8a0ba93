//! What a [`ChatEvent`] looks like as JSON: its `type`, and each thing that belongs to it under a name.

use serde::{Serialize, Serializer};

use super::event::{ChatEvent, TextKind, TurnOutcome};
use crate::model::{
    AskId, FileDiff, Message, MessageId, Part, PartId, Permission, PermissionReply, Question, Session,
    SessionId, Status, Todo, TurnError,
};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Form<'a> {
    Session { session: &'a Session },
    Status { status: &'a Status },
    Message { message: &'a Message },
    Queued { message: &'a Message },
    Withdrawn { message_id: &'a MessageId },
    MessageRemoved { message_id: &'a MessageId },
    Part { part: &'a Part },
    Text { message_id: &'a MessageId, part_id: &'a PartId, kind: TextKind, delta: &'a str },
    TextReplaced { message_id: &'a MessageId, part_id: &'a PartId, kind: TextKind, text: &'a str },
    PartRemoved { message_id: &'a MessageId, part_id: &'a PartId },
    PermissionAsked { permission: &'a Permission },
    PermissionClosed { id: &'a AskId, reply: Option<&'a PermissionReply> },
    QuestionAsked { question: &'a Question },
    QuestionClosed { id: &'a AskId, answers: Option<&'a [Vec<String>]> },
    Todos { todos: &'a [Todo] },
    Diff { files: &'a [FileDiff] },
    Error { error: &'a TurnError },
    SessionRemoved,
    Child { session_id: &'a SessionId, event: &'a ChatEvent },
    Reconnecting { reason: &'a str },
    Recovered,
    Lagged { missed: u64 },
    TurnEnded { message_id: &'a MessageId, outcome: &'a TurnOutcome },
    Other { kind: &'a str, raw: &'a serde_json::value::RawValue },
}

impl Serialize for ChatEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self {
            Self::Session(session) => Form::Session { session },
            Self::Status(status) => Form::Status { status },
            Self::Message(message) => Form::Message { message },
            Self::Queued(message) => Form::Queued { message },
            Self::Withdrawn { message_id } => Form::Withdrawn { message_id },
            Self::MessageRemoved { message_id } => Form::MessageRemoved { message_id },
            Self::Part(part) => Form::Part { part },
            Self::Text { message_id, part_id, kind, delta } => {
                Form::Text { message_id, part_id, kind: *kind, delta }
            }
            Self::TextReplaced { message_id, part_id, kind, text } => {
                Form::TextReplaced { message_id, part_id, kind: *kind, text }
            }
            Self::PartRemoved { message_id, part_id } => Form::PartRemoved { message_id, part_id },
            Self::PermissionAsked(permission) => Form::PermissionAsked { permission },
            Self::PermissionClosed { id, reply } => Form::PermissionClosed { id, reply: reply.as_ref() },
            Self::QuestionAsked(question) => Form::QuestionAsked { question },
            Self::QuestionClosed { id, answers } => Form::QuestionClosed { id, answers: answers.as_deref() },
            Self::Todos { todos } => Form::Todos { todos },
            Self::Diff { files } => Form::Diff { files },
            Self::Error(error) => Form::Error { error },
            Self::SessionRemoved => Form::SessionRemoved,
            Self::Child { session_id, event } => Form::Child { session_id, event },
            Self::Reconnecting { reason } => Form::Reconnecting { reason },
            Self::Recovered => Form::Recovered,
            Self::Lagged { missed } => Form::Lagged { missed: *missed },
            Self::TurnEnded { message_id, outcome } => Form::TurnEnded { message_id, outcome },
            Self::Other { kind, raw } => Form::Other { kind, raw },
        };
        form.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_event_and_that_of_what_belongs_to_it_do_not_meet() {
        let busy = serde_json::to_value(ChatEvent::Status(Status::Idle)).unwrap();
        assert_eq!(busy, serde_json::json!({"type": "status", "status": {"type": "idle"}}));
        let raw = serde_json::value::RawValue::from_string(r#"{"a": 1}"#.to_owned()).unwrap();
        let inner = ChatEvent::Other { kind: "x".to_owned(), raw };
        let outer = ChatEvent::Child { session_id: "ses_1".into(), event: Box::new(inner) };
        assert_eq!(
            serde_json::to_string(&outer).unwrap(),
            r#"{"type":"child","session_id":"ses_1","event":{"type":"other","kind":"x","raw":{"a": 1}}}"#
        );
    }
}
