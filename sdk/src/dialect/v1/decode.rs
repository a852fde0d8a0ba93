//! From a frame of an event stream to a neutral event. Sans-IO, and fed to the fuzzer.
//!
//! All three streams of 1.x servers are understood: `/event`, `/global/event` (whose `sync` twins of durable events
//! are let go) and the frames of `/api/event`. Deltas are four events of five, so they have a path of their own
//! (`delta`) that copies only their text.

use std::sync::Arc;

use opencode_api::v1::{self, Event as Wire};
use opencode_api::{EventHead, Form, GlobalHead};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{asks, delta, map, parts};
use crate::dialect::ids::IdClock;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Event, MessageId, PartField, PartId, PermissionReply, SessionId, Status};
use crate::stream::sse::Frame;
use crate::stream::{Decode, SeenEvents};

/// The kind of the event that opens a connection.
const OPENING: &str = "server.connected";

/// Decodes the frames of one connection.
#[derive(Default)]
pub(crate) struct EventDecoder {
    clock: Arc<IdClock>,
    last: Option<(SessionId, MessageId, PartId)>,
    /// Whether the opening event has come.
    opened: bool,
}

impl std::fmt::Debug for EventDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventDecoder")
    }
}

/// The payload of `message.part.delta`, borrowed from the frame.
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(rename = "sessionID", borrow)]
    session_id: std::borrow::Cow<'a, str>,
    #[serde(rename = "messageID", borrow)]
    message_id: std::borrow::Cow<'a, str>,
    #[serde(rename = "partID", borrow)]
    part_id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    field: std::borrow::Cow<'a, str>,
    delta: String,
}

impl EventDecoder {
    pub(super) fn new(clock: Arc<IdClock>) -> Self {
        Self { clock, ..Self::default() }
    }

    fn decode_with(&mut self, frame: &[u8], seen: &mut SeenEvents) -> Result<Option<Event>> {
        let repaired;
        let frame = match std::str::from_utf8(frame) {
            Ok(text) => text,
            Err(_) => {
                // The standard decodes event streams with replacement characters.
                repaired = String::from_utf8_lossy(frame);
                &repaired
            }
        };
        if let Some(quick) = delta::parse(frame) {
            if !quick.id.is_empty() && !seen.insert(quick.id) {
                return Ok(None);
            }
            let ids = (quick.session, quick.message, quick.part);
            return Ok(Some(self.delta(ids, quick.field, quick.text.into_owned())));
        }
        if let Some(quick) = delta::head(frame)
            && quick.kind != OPENING
            && let Some(Ok(wire)) = Wire::decode_text(quick.kind, quick.payload)
        {
            if !quick.id.is_empty() && !seen.insert(quick.id) {
                return Ok(None);
            }
            if let Some(event) = neutral(wire) {
                return Ok(Some(event));
            }
            // What is carried through keeps its text.
            if let Ok(payload) = serde_json::from_str::<&RawValue>(quick.payload) {
                return Ok(Some(other(quick.kind, payload)));
            }
        }
        // Known to be UTF-8, so it is not checked again.
        if let Ok(head) = serde_json::from_str::<EventHead<'_>>(frame) {
            return self.event(&head, seen);
        }
        match (EventHead::parse(frame.as_bytes()), GlobalHead::parse(frame.as_bytes())) {
            (_, Ok(global)) => self.event(&global.payload, seen),
            (Ok(head), _) => self.event(&head, seen),
            (Err(error), Err(_)) => {
                Err(Error::new(ErrorKind::Protocol, format!("an event cannot be read: {error}"))
                    .with_context("bytes", frame.len().to_string())
                    .with_source(error))
            }
        }
    }

    fn event(&mut self, head: &EventHead<'_>, seen: &mut SeenEvents) -> Result<Option<Event>> {
        if head.form == Form::Sync {
            return Ok(None);
        }
        // The first opening event of a connection always counts, even if a proxy sends one that it has kept.
        let opens = head.kind == OPENING && !std::mem::replace(&mut self.opened, true);
        if head.id.as_deref().is_some_and(|id| !id.is_empty() && !seen.insert(id)) && !opens {
            return Ok(None);
        }
        if head.kind == "message.part.delta"
            && let Ok(delta) = serde_json::from_str::<Delta<'_>>(head.properties.get())
        {
            let ids = (&*delta.session_id, &*delta.message_id, &*delta.part_id);
            return Ok(Some(self.delta(ids, &delta.field, delta.delta)));
        }
        if head.kind == OPENING {
            if let Some(id) = &head.id {
                self.clock.observe(id);
            }
            return Ok(Some(Event::Connected {
                event_id: head.id.as_ref().map(|id| id.clone().into_owned()),
            }));
        }
        let wire = match Wire::decode(head) {
            Ok(wire) => wire,
            Err(error) => {
                tracing::warn!(%error, "an event does not have the shape that this build knows");
                return Ok(Some(other(&head.kind, head.properties)));
            }
        };
        Ok(Some(neutral(wire).unwrap_or_else(|| other(&head.kind, head.properties))))
    }

    /// A delta; its ids are those of the last one most of the time, and then shared with it.
    fn delta(&mut self, (session, message, part): (&str, &str, &str), field: &str, text: String) -> Event {
        let known = (self.last.as_ref())
            .filter(|(s, m, p)| p.as_str() == part && m.as_str() == message && s.as_str() == session);
        let (session_id, message_id, part_id) = match known {
            Some(ids) => ids.clone(),
            None => self.last.insert((session.into(), message.into(), part.into())).clone(),
        };
        let field = if field == "text" { PartField::Text } else { PartField::Other(field.to_owned()) };
        Event::Delta { session_id, message_id, part_id, field, text }
    }
}

impl Decode for EventDecoder {
    fn decode(&mut self, frame: Frame<'_>, seen: &mut SeenEvents) -> Result<Option<Event>> {
        self.decode_with(frame.data, seen)
    }
}

/// What a conversation is made of; `None` for everything else, which is carried through as it is.
fn neutral(wire: Wire) -> Option<Event> {
    Some(match wire {
        Wire::ServerHeartbeat(_) => Event::Heartbeat,
        Wire::ServerInstanceDisposed(_) | Wire::GlobalDisposed(_) => Event::Disposed,
        Wire::SessionCreated(e) => Event::Session(Box::new(map::session(e.info))),
        Wire::SessionUpdated(e) => Event::Session(Box::new(map::session(e.info))),
        Wire::SessionDeleted(e) => Event::SessionRemoved(map::id(e.session_id)),
        Wire::SessionStatus(e) => {
            Event::Status { session_id: map::id(e.session_id), status: map::status(&e.status), error: None }
        }
        Wire::SessionIdle(e) => {
            Event::Status { session_id: map::id(e.session_id), status: Status::Idle, error: None }
        }
        Wire::SessionError(e) => {
            Event::Error { session_id: e.session_id.map(map::id), error: map::error(e.error.as_ref()?) }
        }
        Wire::MessageUpdated(e) => Event::Message(Box::new(map::message(e.info, &e.session_id)?)),
        Wire::MessageRemoved(e) => {
            Event::MessageRemoved { session_id: map::id(e.session_id), message_id: map::id(e.message_id) }
        }
        Wire::MessagePartUpdated(e) => Event::Part(Box::new(parts::part(e.part)?)),
        Wire::MessagePartDelta(e) => Event::Delta {
            session_id: map::id(e.session_id),
            message_id: map::id(e.message_id),
            part_id: map::id(e.part_id),
            field: if e.field == "text" { PartField::Text } else { PartField::Other(e.field) },
            text: e.delta,
        },
        Wire::MessagePartRemoved(e) => Event::PartRemoved {
            session_id: map::id(e.session_id),
            message_id: map::id(e.message_id),
            part_id: map::id(e.part_id),
        },
        Wire::PermissionAsked(e) => {
            Event::PermissionAsked(Box::new(asks::permission(v1::PermissionRequest {
                id: e.id,
                session_id: e.session_id,
                permission: e.permission,
                patterns: e.patterns,
                metadata: e.metadata,
                always: e.always,
                tool: e.tool,
                extra: e.extra,
            })))
        }
        Wire::PermissionReplied(e) => Event::PermissionReplied {
            session_id: map::id(e.session_id),
            id: map::id(e.request_id),
            reply: PermissionReply::from_word(e.reply.as_str()),
        },
        Wire::QuestionAsked(e) => Event::QuestionAsked(Box::new(asks::question(v1::QuestionRequest {
            id: e.id,
            session_id: e.session_id,
            questions: e.questions,
            tool: e.tool,
            extra: e.extra,
        }))),
        Wire::QuestionReplied(e) => Event::QuestionClosed {
            session_id: map::id(e.session_id),
            id: map::id(e.request_id),
            answers: Some(e.answers),
        },
        Wire::QuestionRejected(e) => Event::QuestionClosed {
            session_id: map::id(e.session_id),
            id: map::id(e.request_id),
            answers: None,
        },
        Wire::TodoUpdated(e) => Event::Todos {
            session_id: map::id(e.session_id),
            todos: e.todos.into_iter().map(map::todo).collect(),
        },
        Wire::SessionDiff(e) => Event::Diff {
            session_id: map::id(e.session_id),
            files: e.diff.into_iter().map(map::file_diff).collect(),
        },
        _ => return None,
    })
}

fn other(kind: &str, payload: &RawValue) -> Event {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "sessionID")]
        session_id: Option<String>,
    }
    let named: Option<Named> = serde_json::from_str(payload.get()).ok();
    Event::Other {
        kind: kind.to_owned(),
        session_id: named.and_then(|n| n.session_id).map(Into::into),
        raw: payload.to_owned(),
    }
}
