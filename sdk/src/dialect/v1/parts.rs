//! Parts of messages of 1.x, in neutral words. What has no neutral name goes to `extra`.

use opencode_api::Raw;
use opencode_api::v1;
use serde_json::{Map, Value};

use super::map::{id, keep, put, time, tokens};
use crate::model::{Extra, Part, PartBody, ToolCall, ToolStatus, Usage};

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
