//! Sessions and messages of 1.x, in neutral words (their parts: `parts`). What has no neutral name goes to `extra`.

use opencode_api::v1;
use opencode_api::{Number, Raw};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{
    Extra, FileDiff, Message, ModelRef, Revert, Role, Session, Status, Todo, Tokens, TurnError, Usage,
};

pub(super) use crate::dialect::ids::neutral as id;

/// Keeps unknown fields.
pub(super) fn keep(extra: &mut Extra, unknown: &opencode_api::Extra) {
    extra.extend(unknown.iter().map(|(name, value)| (name.to_owned(), value.clone())));
}

/// Keeps a field that is known on the wire and has no neutral name.
pub(super) fn put(extra: &mut Extra, name: &str, value: Option<impl Serialize>) {
    // These types came from JSON, so they go back to it.
    if let Some(value) = value.and_then(|v| serde_json::to_value(v).ok()) {
        extra.insert(name.to_owned(), value);
    }
}

pub(super) fn time(number: &Number) -> u64 {
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

/// A session as the list of all folders has it; its project is left out, as in the other lists.
pub(super) fn global_session(wire: v1::types::GlobalSession) -> Session {
    session(v1::Session {
        id: wire.id,
        slug: wire.slug,
        project_id: wire.project_id,
        workspace_id: wire.workspace_id,
        directory: wire.directory,
        path: wire.path,
        parent_id: wire.parent_id,
        summary: wire.summary,
        cost: wire.cost,
        tokens: wire.tokens,
        share: wire.share,
        title: wire.title,
        agent: wire.agent,
        model: wire.model,
        version: wire.version,
        metadata: wire.metadata,
        time: wire.time,
        permission: wire.permission,
        revert: wire.revert,
        extra: wire.extra,
    })
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

pub(super) fn tokens(wire: &v1::AssistantMessageTokens) -> Tokens {
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
