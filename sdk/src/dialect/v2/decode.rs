//! From a frame of `/api/event` of OpenCode 2 to a neutral event. Sans-IO, and fed to the fuzzer.

use std::sync::Arc;

use opencode_api::EventHead;
use opencode_api::v2::{self, Event as Wire};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::parts::{Kind, text, text_id};
use super::{asks, map, parts};
use crate::dialect::ids::IdClock;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Change, Event, Message, MessageChange, MessageId, PartField, PermissionReply, Role, SessionChange,
    SessionId, Status, ToolChange, ToolStatus, TurnError,
};
use crate::stream::sse::Frame;
use crate::stream::{Decode, SeenEvents};

/// Decodes the frames of one connection.
#[derive(Default)]
pub(crate) struct EventDecoder {
    clock: Arc<IdClock>,
    /// Whether the opening event has come.
    opened: bool,
}

impl std::fmt::Debug for EventDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventDecoder")
    }
}

impl EventDecoder {
    pub(super) fn new(clock: Arc<IdClock>) -> Self {
        Self { clock, ..Self::default() }
    }
}

impl Decode for EventDecoder {
    /// `None` when there is no event for us in it: one that was seen before.
    fn decode(&mut self, frame: Frame<'_>, seen: &mut SeenEvents) -> Result<Option<Event>> {
        if v2::StreamFailure::is_name(frame.event) {
            let text = String::from_utf8_lossy(frame.data).into_owned();
            return Err(Error::new(ErrorKind::Protocol, "the server gave up its event stream")
                .with_context("failure", text));
        }
        let head = EventHead::parse(frame.data).map_err(|error| {
            Error::new(ErrorKind::Protocol, format!("an event cannot be read: {error}"))
                .with_context("bytes", frame.data.len().to_string())
                .with_source(error)
        })?;
        let opens = head.kind == "server.connected" && !std::mem::replace(&mut self.opened, true);
        if head.id.as_deref().is_some_and(|id| !id.is_empty() && !seen.insert(id)) && !opens {
            return Ok(None);
        }
        if head.kind == "server.connected" {
            if let Some(id) = &head.id {
                self.clock.observe(id);
            }
            let event_id = head.id.as_ref().map(|id| id.clone().into_owned());
            return Ok(Some(Event::Connected { event_id }));
        }
        let at = head.created().as_ref().map(map::time).unwrap_or_default();
        let wire = match Wire::decode(&head) {
            Ok(wire) => wire,
            Err(error) => {
                tracing::warn!(%error, "an event does not have the shape that this build knows");
                return Ok(Some(other(&head)));
            }
        };
        Ok(Some(neutral(wire, at).unwrap_or_else(|| other(&head))))
    }
}

/// What a conversation is made of; `None` for everything else.
fn neutral(wire: Wire, at: u64) -> Option<Event> {
    Some(match wire {
        Wire::LocationShutdown(_) => Event::Disposed,
        Wire::SessionCreated(e) => Event::Session(Box::new(map::created(*e, at))),
        Wire::SessionDeleted(e) => Event::SessionRemoved(session(e.session_id)),
        Wire::SessionRenamed(e) => {
            let change = SessionChange { title: Some(e.title), ..SessionChange::default() };
            changed(e.session_id, Change::Session(change))
        }
        Wire::SessionUsageUpdated(e) => {
            let usage = Some(map::usage(&e.cost, &e.tokens));
            changed(e.session_id, Change::Session(SessionChange { usage, ..SessionChange::default() }))
        }
        Wire::SessionRevertStaged(e) => {
            let revert = Some(Some(map::revert(e.revert)));
            changed(e.session_id, Change::Session(SessionChange { revert, ..SessionChange::default() }))
        }
        Wire::SessionRevertCleared(e) => changed(
            e.session_id,
            Change::Session(SessionChange { revert: Some(None), ..SessionChange::default() }),
        ),
        Wire::SessionExecutionStarted(e) => status(e.session_id, Status::Busy, None),
        Wire::SessionExecutionSucceeded(e) => status(e.session_id, Status::Idle, None),
        Wire::SessionExecutionFailed(e) => status(e.session_id, Status::Idle, Some(map::error(&e.error))),
        Wire::SessionExecutionInterrupted(e) => {
            let why = e.reason.as_str();
            let error = TurnError {
                name: "interrupted".into(),
                message: format!("the turn was stopped ({why})"),
                aborted: true,
                raw: serde_json::json!({"type": "interrupted", "reason": why}),
            };
            status(e.session_id, Status::Idle, Some(error))
        }
        Wire::SessionRetryScheduled(e) => {
            let retry = Status::Retry {
                // The server counts the attempt that comes.
                attempt: map::time(&e.attempt).saturating_sub(1),
                message: e.error.message,
                next: map::time(&e.at),
            };
            status(e.session_id, retry, None)
        }
        Wire::SessionInboxEnqueued(e) => queued(*e, at)?,
        Wire::SessionInboxDelivered(e) => {
            let message_id = map::id(e.inbox_id);
            changed(e.session_id, Change::Delivered { message_id, at })
        }
        Wire::SessionInboxCancelled(e) => {
            let message_id = map::id(e.inbox_id);
            changed(e.session_id, Change::Withdrawn { message_id })
        }
        Wire::SessionStepStarted(e) => {
            let created = map::time(&e.started);
            let id: MessageId = map::id(e.assistant_message_id);
            Event::Message(Box::new(Message {
                agent: Some(e.agent),
                model: Some(map::model(e.model)),
                ..map::empty(id, &session(e.session_id), Role::Assistant, created)
            }))
        }
        Wire::SessionStepEnded(e) => {
            let change = MessageChange {
                completed: Some(at),
                finish: Some(e.finish.as_str().to_owned()),
                usage: Some(map::usage(&e.cost, &e.tokens)),
                error: None,
            };
            let message_id = map::id(e.assistant_message_id);
            changed(e.session_id, Change::Message { message_id, change })
        }
        Wire::SessionStepFailed(e) => {
            let usage = e.cost.as_ref().zip(e.tokens.as_ref()).map(|(cost, tokens)| map::usage(cost, tokens));
            let change = MessageChange {
                completed: Some(at),
                finish: Some(e.finish.as_ref().map_or("error", |finish| finish.as_str()).to_owned()),
                usage,
                error: Some(map::error(&e.error)),
            };
            let message_id = map::id(e.assistant_message_id);
            changed(e.session_id, Change::Message { message_id, change })
        }
        Wire::SessionTextStarted(e) => {
            begun(e.session_id, e.assistant_message_id, (Kind::Text, &e.ordinal), at)
        }
        Wire::SessionReasoningStarted(e) => {
            begun(e.session_id, e.assistant_message_id, (Kind::Reasoning, &e.ordinal), at)
        }
        Wire::SessionTextDelta(e) => {
            delta(e.session_id, e.assistant_message_id, (Kind::Text, &e.ordinal), e.delta)
        }
        Wire::SessionReasoningDelta(e) => {
            delta(e.session_id, e.assistant_message_id, (Kind::Reasoning, &e.ordinal), e.delta)
        }
        Wire::SessionTextEnded(e) => {
            ended(e.session_id, e.assistant_message_id, (Kind::Text, &e.ordinal), e.text, at)
        }
        Wire::SessionReasoningEnded(e) => {
            ended(e.session_id, e.assistant_message_id, (Kind::Reasoning, &e.ordinal), e.text, at)
        }
        Wire::SessionToolInputStarted(e) => {
            let change = ToolChange {
                tool: Some(e.name),
                input: Some(Value::String(String::new())),
                started: Some(at),
                ..ToolChange::to(ToolStatus::Streaming)
            };
            tool(e.session_id, e.assistant_message_id, e.id, change)
        }
        Wire::SessionToolInputDelta(e) => Event::Delta {
            session_id: session(e.session_id),
            message_id: map::id(e.assistant_message_id),
            part_id: map::id(e.id),
            field: PartField::Other("input".into()),
            text: e.delta,
        },
        Wire::SessionToolInputEnded(e) => {
            let input = Some(Value::String(e.text));
            let change = ToolChange { input, ..ToolChange::to(ToolStatus::Streaming) };
            tool(e.session_id, e.assistant_message_id, e.id, change)
        }
        Wire::SessionToolCalled(e) => {
            let change =
                ToolChange { input: Some(Value::Object(e.input)), ..ToolChange::to(ToolStatus::Running) };
            tool(e.session_id, e.assistant_message_id, e.id, change)
        }
        Wire::SessionToolProgress(e) => {
            let metadata = Some(Value::Object(e.metadata));
            let change = ToolChange { metadata, ..ToolChange::to(ToolStatus::Running) };
            tool(e.session_id, e.assistant_message_id, e.id, change)
        }
        Wire::SessionToolSuccess(e) => {
            let change = ToolChange {
                output: Some(parts::output(&e.content)),
                metadata: e.metadata.map(Value::Object),
                ended: Some(at),
                ..ToolChange::to(ToolStatus::Completed)
            };
            tool(e.session_id, e.assistant_message_id, e.id, change)
        }
        Wire::SessionToolFailed(e) => {
            let change = ToolChange {
                output: e.content.as_deref().map(parts::output),
                error: Some(e.error.message),
                metadata: e.metadata.map(Value::Object),
                ended: Some(at),
                ..ToolChange::to(ToolStatus::Error)
            };
            tool(e.session_id, e.assistant_message_id, e.id, change)
        }
        Wire::PermissionAsked(e) => {
            Event::PermissionAsked(Box::new(asks::permission(v2::PermissionRequest {
                id: e.id,
                session_id: e.session_id,
                action: e.action,
                resources: e.resources,
                save: e.save,
                metadata: e.metadata,
                source: e.source,
                message: e.message,
                ..Default::default()
            })))
        }
        Wire::PermissionReplied(e) => Event::PermissionReplied {
            session_id: session(e.session_id),
            id: map::id(e.request_id),
            reply: PermissionReply::from_word(e.reply.as_str()),
        },
        Wire::FormCreated(e) => Event::QuestionAsked(Box::new(asks::question(e.form))),
        Wire::FormReplied(e) => Event::QuestionClosed {
            session_id: session(e.session_id),
            id: map::id(e.id),
            answers: Some(asks::labels(&e.answer)),
        },
        Wire::FormCancelled(e) => {
            Event::QuestionClosed { session_id: session(e.session_id), id: map::id(e.id), answers: None }
        }
        // What these change, events alone do not tell.
        Wire::SessionForked(e) => unclear(e.session_id, "session.forked"),
        Wire::SessionMoved(e) => unclear(e.session_id, "session.moved"),
        Wire::SessionRevertCommitted(e) => unclear(e.session_id, "session.revert.committed"),
        Wire::SessionCompactionEnded(e) => unclear(e.session_id, "session.compaction.ended"),
        Wire::SessionCompactionFailed(e) => unclear(e.session_id, "session.compaction.failed"),
        Wire::SessionCompactionStarted(e) => unclear(e.session_id, "session.compaction.started"),
        Wire::SessionSynthetic(e) => unclear(e.session_id, "session.synthetic"),
        Wire::SessionSkillActivated(e) => unclear(e.session_id, "session.skill.activated"),
        Wire::SessionShellStarted(e) => unclear(e.session_id, "session.shell.started"),
        Wire::SessionShellEnded(e) => unclear(e.session_id, "session.shell.ended"),
        Wire::SessionAgentSelected(e) => unclear(e.session_id, "session.agent.selected"),
        Wire::SessionModelSelected(e) => unclear(e.session_id, "session.model.selected"),
        _ => return None,
    })
}

fn session(id: opencode_api::SessionId) -> SessionId {
    map::id(id)
}

fn changed(id: opencode_api::SessionId, change: Change) -> Event {
    Event::Changed { session_id: session(id), change: Box::new(change) }
}

fn unclear(id: opencode_api::SessionId, kind: &str) -> Event {
    changed(id, Change::Unclear { kind: kind.to_owned() })
}

fn status(id: opencode_api::SessionId, status: Status, error: Option<TurnError>) -> Event {
    Event::Status { session_id: session(id), status, error: error.map(Box::new) }
}

fn tool(
    id: opencode_api::SessionId,
    message: opencode_api::MessageId,
    call: impl Into<String>,
    change: ToolChange,
) -> Event {
    let (message_id, part_id) = (map::id(message), map::id(call));
    changed(id, Change::Tool { message_id, part_id, change: Box::new(change) })
}

/// Only what a person says waits as a message; notes and summaries are read when they are delivered.
fn queued(wire: v2::events::SessionInboxEnqueued, at: u64) -> Option<Event> {
    let id = map::id(wire.inbox_id);
    let session_id = session(wire.session_id);
    let v2::events::SessionInboxEnqueuedItem::User(item) = wire.item else { return None };
    let message = map::user(&id, &session_id, at, item.payload);
    Some(Event::Changed { session_id, change: Box::new(Change::Queued(Box::new(message))) })
}

type Numbered<'a> = (Kind, &'a opencode_api::Number);

fn begun(
    id: opencode_api::SessionId,
    message: opencode_api::MessageId,
    (kind, ordinal): Numbered<'_>,
    at: u64,
) -> Event {
    let message = map::id(message);
    Event::Part(Box::new(text(&session(id), &message, (kind, map::time(ordinal)), String::new(), (at, None))))
}

fn ended(
    id: opencode_api::SessionId,
    message: opencode_api::MessageId,
    (kind, ordinal): Numbered<'_>,
    whole: String,
    at: u64,
) -> Event {
    let message = map::id(message);
    Event::Part(Box::new(text(&session(id), &message, (kind, map::time(ordinal)), whole, (at, Some(at)))))
}

fn delta(
    id: opencode_api::SessionId,
    message: opencode_api::MessageId,
    (kind, ordinal): Numbered<'_>,
    text: String,
) -> Event {
    let message = String::from(message);
    Event::Delta {
        session_id: session(id),
        part_id: text_id(&message, kind, map::time(ordinal)),
        message_id: message.into(),
        field: PartField::Text,
        text,
    }
}

/// Everything else, untouched. One that the server keeps, and that this build does not know, may have changed the
/// session: then the state is read.
fn other(head: &EventHead<'_>) -> Event {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "sessionID")]
        session_id: Option<String>,
    }
    let payload: &RawValue = head.properties;
    let named: Option<Named> = serde_json::from_str(payload.get()).ok();
    let session_id: Option<SessionId> = named.and_then(|n| n.session_id).map(Into::into);
    let known = v2::EVENTS.contains(&&*head.kind);
    match session_id {
        Some(session_id) if head.durable.is_some() && !known => {
            let change = Box::new(Change::Unclear { kind: head.kind.clone().into_owned() });
            Event::Changed { session_id, change }
        }
        session_id => {
            Event::Other { kind: head.kind.clone().into_owned(), session_id, raw: payload.to_owned() }
        }
    }
}
