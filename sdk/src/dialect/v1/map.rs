//! Sessions, messages and parts of 1.x, in neutral words. What has no neutral name goes to `extra`.

use opencode_api::v1;
use opencode_api::{Number, Raw};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{
    Extra, FileDiff, Message, ModelRef, Part, PartBody, Revert, Role, Session, Status, Todo, Tokens,
    ToolCall, ToolStatus, TurnError, Usage,
};

/// An identifier of the wire as a neutral one.
pub(super) fn id<N: From<String>>(wire: impl Into<String>) -> N {
    N::from(wire.into())
}

/// Keeps unknown fields.
pub(super) fn keep(extra: &mut Extra, unknown: &opencode_api::Extra) {
    extra.extend(unknown.iter().map(|(name, value)| (name.to_owned(), value.clone())));
}

/// Keeps a field that is known on the wire and has no neutral name.
fn put(extra: &mut Extra, name: &str, value: Option<impl Serialize>) {
    // These types came from JSON, so they go back to it.
    if let Some(value) = value.and_then(|v| serde_json::to_value(v).ok()) {
        extra.insert(name.to_owned(), value);
    }
}

fn time(number: &Number) -> u64 {
    number.as_u64().unwrap_or_else(|| number.as_f64().max(0.0) as u64)
}

pub(super) fn session(wire: v1::Session) -> Session {
    let mut extra = Extra::new();
    keep(&mut extra, &wire.extra);
    put(&mut extra, "slug", Some(&wire.slug));
    put(&mut extra, "projectID", Some(&wire.project_id));
    put(&mut extra, "workspaceID", wire.workspace_id.as_ref());
    put(&mut extra, "path", wire.path.as_ref());
    put(&mut extra, "summary", wire.summary.as_ref());
    put(&mut extra, "version", Some(&wire.version));
    put(&mut extra, "metadata", wire.metadata.as_ref());
    put(&mut extra, "permission", wire.permission.as_ref());
    put(&mut extra, "compacting", wire.time.compacting.as_ref());
    put(&mut extra, "archived", wire.time.archived.as_ref());
    let tokens = wire.tokens.as_ref().map(|t| Tokens {
        input: t.input.as_f64(),
        output: t.output.as_f64(),
        reasoning: t.reasoning.as_f64(),
        cache_read: t.cache.read.as_f64(),
        cache_write: t.cache.write.as_f64(),
    });
    Session {
        id: id(wire.id),
        parent_id: wire.parent_id.map(id),
        title: wire.title,
        directory: wire.directory,
        created: time(&wire.time.created),
        updated: time(&wire.time.updated),
        agent: wire.agent,
        model: wire.model.map(|m| ModelRef {
            provider: m.provider_id.into(),
            model: m.id.into(),
            variant: m.variant,
        }),
        usage: match (wire.cost, tokens) {
            (None, None) => None,
            (cost, tokens) => {
                Some(Usage { cost: cost.map_or(0.0, |c| c.as_f64()), tokens: tokens.unwrap_or_default() })
            }
        },
        share_url: wire.share.map(|s| s.url),
        revert: wire.revert.map(|r| Revert { message_id: id(r.message_id), part_id: r.part_id.map(id) }),
        extra,
    }
}

pub(super) fn status(wire: &v1::SessionStatus) -> Status {
    match wire {
        v1::SessionStatus::Idle(_) => Status::Idle,
        v1::SessionStatus::Busy(_) => Status::Busy,
        v1::SessionStatus::Retry(r) => {
            Status::Retry { attempt: time(&r.attempt), message: r.message.clone(), next: time(&r.next) }
        }
        unknown => Status::Other { word: unknown.kind().into_owned() },
    }
}

/// `session` is the session of the event, for messages of a kind that this build does not know.
pub(super) fn message(wire: v1::Message, session: &opencode_api::SessionId) -> Option<Message> {
    match wire {
        v1::Message::User(user) => Some(user_message(*user)),
        v1::Message::Assistant(assistant) => Some(assistant_message(*assistant)),
        v1::Message::Unknown(raw) => unknown_message(&raw, session),
        _ => None,
    }
}

fn user_message(wire: v1::UserMessage) -> Message {
    let mut extra = Extra::new();
    keep(&mut extra, &wire.extra);
    put(&mut extra, "summary", wire.summary.as_ref());
    put(&mut extra, "format", wire.format.as_ref());
    put(&mut extra, "system", wire.system.as_ref());
    put(&mut extra, "tools", wire.tools.as_ref());
    Message {
        id: id(wire.id),
        session_id: id(wire.session_id),
        role: Role::User,
        parent_id: None,
        created: time(&wire.time.created),
        completed: None,
        agent: Some(wire.agent),
        model: Some(ModelRef {
            provider: wire.model.provider_id.into(),
            model: wire.model.model_id.into(),
            variant: wire.model.variant,
        }),
        usage: None,
        finish: None,
        error: None,
        parts: Vec::new(),
        extra,
    }
}

fn assistant_message(wire: v1::AssistantMessage) -> Message {
    let mut extra = Extra::new();
    keep(&mut extra, &wire.extra);
    put(&mut extra, "mode", Some(&wire.mode));
    put(&mut extra, "path", Some(&wire.path));
    put(&mut extra, "summary", wire.summary.as_ref());
    put(&mut extra, "structured", wire.structured.as_ref());
    Message {
        id: id(wire.id),
        session_id: id(wire.session_id),
        role: Role::Assistant,
        parent_id: Some(id(wire.parent_id)),
        created: time(&wire.time.created),
        completed: wire.time.completed.as_ref().map(time),
        agent: Some(wire.agent),
        model: Some(ModelRef {
            provider: wire.provider_id.into(),
            model: wire.model_id.into(),
            variant: wire.variant,
        }),
        usage: Some(Usage { cost: wire.cost.as_f64(), tokens: tokens(&wire.tokens) }),
        finish: wire.finish,
        error: wire.error.as_ref().map(error),
        parts: Vec::new(),
        extra,
    }
}

/// A message that does not have the shape that this build knows: what can be told of it is told.
fn unknown_message(raw: &Raw, session: &opencode_api::SessionId) -> Option<Message> {
    let mut fields: Map<String, Value> = raw.decode().ok()?;
    let text = |v: Option<Value>| v.and_then(|v| v.as_str().map(str::to_owned));
    let message_id = text(fields.remove("id"))?;
    let role = text(fields.remove("role")).unwrap_or_default();
    let times = fields.get("time").cloned().unwrap_or_default();
    let at = |name: &str| times.get(name).and_then(Value::as_f64).map(|ms| ms.max(0.0) as u64);
    Some(Message {
        id: message_id.into(),
        session_id: text(fields.remove("sessionID")).unwrap_or_else(|| session.to_string()).into(),
        role: match role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => Role::Other(role),
        },
        parent_id: text(fields.remove("parentID")).map(Into::into),
        created: at("created").unwrap_or_default(),
        completed: at("completed"),
        agent: text(fields.remove("agent")),
        model: None,
        usage: None,
        finish: text(fields.remove("finish")),
        error: fields.remove("error").map(turn_error),
        parts: Vec::new(),
        extra: fields,
    })
}

fn tokens(wire: &v1::AssistantMessageTokens) -> Tokens {
    Tokens {
        input: wire.input.as_f64(),
        output: wire.output.as_f64(),
        reasoning: wire.reasoning.as_f64(),
        cache_read: wire.cache.read.as_f64(),
        cache_write: wire.cache.write.as_f64(),
    }
}

pub(super) fn error(wire: &v1::MessageError) -> TurnError {
    turn_error(serde_json::to_value(wire).unwrap_or_default())
}

fn turn_error(raw: Value) -> TurnError {
    let text = |v: Option<&Value>| v.and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = text(raw.get("name"));
    let message = text(raw.get("data").and_then(|d| d.get("message")));
    // Some carry a stack trace (1.18.33, seen); all of it stays in `raw`.
    let message = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or(&name).to_owned();
    TurnError { aborted: name == "MessageAbortedError", name, message, raw }
}

/// What every kind of part has.
struct Frame {
    id: opencode_api::PartId,
    session_id: opencode_api::SessionId,
    message_id: opencode_api::MessageId,
}

impl Frame {
    fn part(self, body: PartBody, extra: Extra) -> Part {
        Part {
            id: id(self.id),
            session_id: id(self.session_id),
            message_id: id(self.message_id),
            body,
            started: None,
            ended: None,
            extra,
        }
    }
}

/// Takes a part apart: its frame, its unknown fields, and the rest as `$p`.
macro_rules! framed {
    ($p:ident) => {{
        let mut extra = Extra::new();
        keep(&mut extra, &$p.extra);
        (Frame { id: $p.id, session_id: $p.session_id, message_id: $p.message_id }, extra)
    }};
}

pub(super) fn part(wire: v1::Part) -> Option<Part> {
    Some(match wire {
        v1::Part::Text(p) => {
            let p = *p;
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "metadata", p.metadata);
            let body = PartBody::Text {
                text: p.text,
                synthetic: p.synthetic.unwrap_or(false),
                ignored: p.ignored.unwrap_or(false),
            };
            timed(frame.part(body, extra), p.time.as_ref())
        }
        v1::Part::Reasoning(p) => {
            let p = *p;
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "metadata", p.metadata);
            timed(frame.part(PartBody::Reasoning { text: p.text }, extra), Some(&p.time))
        }
        v1::Part::Tool(p) => tool(*p),
        v1::Part::File(p) => {
            let p = *p;
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "source", p.source);
            frame.part(PartBody::File { mime: p.mime, filename: p.filename, url: p.url }, extra)
        }
        v1::Part::Agent(p) => {
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "source", p.source);
            frame.part(PartBody::Agent { name: p.name }, extra)
        }
        v1::Part::Subtask(p) => {
            let p = *p;
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "model", p.model);
            put(&mut extra, "command", p.command);
            frame.part(
                PartBody::Subtask { prompt: p.prompt, description: p.description, agent: p.agent },
                extra,
            )
        }
        v1::Part::StepStart(p) => {
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "snapshot", p.snapshot);
            frame.part(PartBody::StepStart, extra)
        }
        v1::Part::StepFinish(p) => {
            let p = *p;
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "snapshot", p.snapshot);
            let usage = Usage { cost: p.cost.as_f64(), tokens: tokens(&p.tokens) };
            frame.part(PartBody::StepFinish { reason: p.reason, usage }, extra)
        }
        v1::Part::Patch(p) => {
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "hash", Some(p.hash));
            frame.part(PartBody::Patch { files: p.files }, extra)
        }
        v1::Part::Snapshot(p) => {
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "snapshot", Some(p.snapshot));
            frame.part(PartBody::Other { kind: "snapshot".into() }, extra)
        }
        v1::Part::Retry(p) => {
            let p = *p;
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "error", Some(p.error));
            frame.part(PartBody::Retry { attempt: time(&p.attempt) }, extra)
        }
        v1::Part::Compaction(p) => {
            let (frame, mut extra) = framed!(p);
            put(&mut extra, "auto", Some(p.auto));
            put(&mut extra, "overflow", p.overflow);
            put(&mut extra, "tail_start_id", p.tail_start_id);
            frame.part(PartBody::Compaction, extra)
        }
        v1::Part::Unknown(raw) => return unknown_part(&raw),
        _ => return None,
    })
}

fn timed(mut part: Part, wire: Option<&v1::TextPartTime>) -> Part {
    part.started = wire.map(|t| time(&t.start));
    part.ended = wire.and_then(|t| t.end.as_ref()).map(time);
    part
}

fn tool(p: v1::ToolPart) -> Part {
    let (frame, mut extra) = framed!(p);
    put(&mut extra, "metadata", p.metadata);
    let mut call = ToolCall {
        call_id: p.call_id.into(),
        tool: p.tool,
        status: ToolStatus::Pending,
        input: Value::Null,
        title: None,
        output: None,
        error: None,
        metadata: None,
        extra: Extra::new(),
    };
    let (mut started, mut ended) = (None, None);
    match p.state {
        v1::ToolState::Pending(s) => {
            keep(&mut call.extra, &s.extra);
            call.input = Value::Object(s.input);
            put(&mut call.extra, "raw", Some(s.raw));
        }
        v1::ToolState::Running(s) => {
            keep(&mut call.extra, &s.extra);
            call.status = ToolStatus::Running;
            call.input = Value::Object(s.input);
            call.title = s.title;
            call.metadata = s.metadata.map(Value::Object);
            started = Some(time(&s.time.start));
        }
        v1::ToolState::Completed(s) => {
            keep(&mut call.extra, &s.extra);
            call.status = ToolStatus::Completed;
            call.input = Value::Object(s.input);
            call.title = Some(s.title);
            call.output = Some(s.output);
            call.metadata = Some(Value::Object(s.metadata));
            put(&mut call.extra, "attachments", s.attachments);
            put(&mut call.extra, "compacted", s.time.compacted);
            (started, ended) = (Some(time(&s.time.start)), Some(time(&s.time.end)));
        }
        v1::ToolState::Error(s) => {
            keep(&mut call.extra, &s.extra);
            call.status = ToolStatus::Error;
            call.input = Value::Object(s.input);
            call.error = Some(s.error);
            call.metadata = s.metadata.map(Value::Object);
            (started, ended) = (Some(time(&s.time.start)), Some(time(&s.time.end)));
        }
        unknown => unknown_state(&mut call, &unknown),
    }
    Part { started, ended, ..frame.part(PartBody::Tool(Box::new(call)), extra) }
}

/// A state that this build does not know: the common fields are read, the rest is kept.
fn unknown_state(call: &mut ToolCall, state: &v1::ToolState) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(state) else { return };
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    call.status = match text("status").as_deref() {
        Some("pending") | None => ToolStatus::Pending,
        Some("running") => ToolStatus::Running,
        Some("completed") => ToolStatus::Completed,
        Some("error") => ToolStatus::Error,
        Some(word) => ToolStatus::Other(word.to_owned()),
    };
    (call.title, call.output, call.error) = (text("title"), text("output"), text("error"));
    call.input = fields.remove("input").unwrap_or_default();
    call.metadata = fields.remove("metadata");
    call.extra = fields;
}

fn unknown_part(raw: &Raw) -> Option<Part> {
    let mut fields: Map<String, Value> = raw.decode().ok()?;
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (id, session, message) = (text("id")?, text("sessionID")?, text("messageID")?);
    let kind = text("type").unwrap_or_default();
    let body = match (kind.as_str(), text("text")) {
        ("text", Some(text)) => PartBody::Text { text, synthetic: false, ignored: false },
        ("reasoning", Some(text)) => PartBody::Reasoning { text },
        (_, leftover) => {
            if let Some(text) = leftover {
                fields.insert("text".into(), text.into());
            }
            PartBody::Other { kind: kind.into() }
        }
    };
    let at = |name: &str| {
        fields.get("time").and_then(|t| t.get(name)).and_then(Value::as_f64).map(|ms| ms.max(0.0) as u64)
    };
    Some(Part {
        id: id.into(),
        session_id: session.into(),
        message_id: message.into(),
        started: at("start"),
        ended: at("end"),
        body,
        extra: fields,
    })
}

pub(super) fn todo(wire: v1::Todo) -> Todo {
    Todo { content: wire.content, status: wire.status, priority: wire.priority }
}

pub(super) fn file_diff(wire: v1::SnapshotFileDiff) -> FileDiff {
    FileDiff {
        path: wire.file.unwrap_or_default(),
        patch: wire.patch,
        additions: time(&wire.additions),
        deletions: time(&wire.deletions),
        status: wire.status.map(|s| s.as_str().to_owned()),
    }
}
