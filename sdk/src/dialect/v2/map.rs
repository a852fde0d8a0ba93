//! Sessions and messages of OpenCode 2, in neutral words (their parts: `parts`). What has no neutral name goes to
//! `extra`.

use opencode_api::Number;
use opencode_api::v2;
use serde_json::Value;

use super::parts;
pub(super) use crate::dialect::ids::neutral as id;
use crate::model::{
    Extra, FileDiff, Message, MessageId, ModelRef, Part, PartBody, Revert, Role, Session, SessionId, Tokens,
    TurnError, Usage,
};

pub(super) fn time(number: &Number) -> u64 {
    number.as_u64().unwrap_or_else(|| number.as_f64().max(0.0) as u64)
}

pub(super) fn model(wire: v2::ModelRef) -> ModelRef {
    ModelRef { provider: id(wire.provider_id), model: wire.id.into(), variant: wire.variant }
}

pub(super) fn usage(cost: &Number, tokens: &v2::TokenUsageInfo) -> Usage {
    Usage {
        cost: cost.as_f64(),
        tokens: Tokens {
            input: tokens.input.as_f64(),
            output: tokens.output.as_f64(),
            reasoning: tokens.reasoning.as_f64(),
            cache_read: tokens.cache.read.as_f64(),
            cache_write: tokens.cache.write.as_f64(),
        },
    }
}

pub(super) fn revert(wire: v2::SessionRevert) -> Revert {
    Revert { message_id: id(wire.message_id), part_id: wire.part_id.map(id) }
}

pub(super) fn session(wire: v2::SessionInfo) -> Session {
    Session {
        id: id(wire.id),
        parent_id: wire.parent_id.map(id),
        title: wire.title.unwrap_or_default(),
        directory: wire.location.directory,
        created: time(&wire.time.created),
        updated: time(&wire.time.updated),
        agent: wire.agent,
        model: wire.model.map(model),
        usage: Some(usage(&wire.cost, &wire.tokens)),
        share_url: None,
        revert: wire.revert.map(revert),
        extra: nameless(wire.project_id, wire.metadata, wire.subpath),
    }
}

/// The session that `session.created` announces.
pub(super) fn created(wire: v2::events::SessionCreated, at: u64) -> Session {
    Session {
        id: id(wire.session_id),
        parent_id: wire.parent_id.map(id),
        title: wire.title.unwrap_or_default(),
        directory: wire.location.directory,
        created: at,
        updated: at,
        agent: wire.agent,
        model: wire.model.map(model),
        usage: Some(Usage::default()),
        share_url: None,
        revert: None,
        extra: nameless(wire.project_id, wire.metadata, wire.subpath),
    }
}

/// What of a session has no neutral name.
fn nameless(project: opencode_api::ProjectId, metadata: Option<Extra>, subpath: Option<String>) -> Extra {
    let mut extra = Extra::new();
    extra.insert("projectID".into(), String::from(project).into());
    extra.extend(metadata.map(|metadata| ("metadata".to_owned(), Value::Object(metadata))));
    extra.extend(subpath.map(|subpath| ("subpath".to_owned(), subpath.into())));
    extra
}

pub(super) fn error(wire: &v2::SessionStructuredError) -> TurnError {
    TurnError {
        name: wire.kind.clone(),
        message: first_line(&wire.message).unwrap_or(&wire.kind).to_owned(),
        aborted: wire.kind == "aborted",
        raw: serde_json::to_value(wire).unwrap_or_default(),
    }
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

/// A message of the list; `None` for the marker that servers set where a turn has ended.
pub(super) fn message(wire: v2::SessionMessage, session: &SessionId) -> Option<Message> {
    use v2::SessionMessage as Wire;
    match wire {
        Wire::Assistant(m) => Some(assistant(*m, session)),
        Wire::User(m) => {
            let payload = v2::SessionInboxUserPayload {
                text: m.text,
                files: m.files,
                agents: m.agents,
                skills: m.skills,
                metadata: m.metadata,
                ..Default::default()
            };
            Some(user(&id(m.id), session, time(&m.time.created), payload))
        }
        Wire::Idle(_) => None,
        other => unknown(&other, session),
    }
}

/// What a person (or a program) has said.
pub(super) fn user(
    id: &MessageId,
    session: &SessionId,
    created: u64,
    payload: v2::SessionInboxUserPayload,
) -> Message {
    let mut message = empty(id.clone(), session, Role::User, created);
    message.extra.extend(payload.metadata.map(|metadata| ("metadata".to_owned(), Value::Object(metadata))));
    let mut part = |name: String, body: PartBody| {
        message.parts.push(parts::part(session, id, format!("{id}:{name}").into(), body));
    };
    part("text:0".into(), PartBody::Text { text: payload.text, synthetic: false, ignored: false });
    for (n, file) in payload.files.unwrap_or_default().into_iter().enumerate() {
        let url = match &file.source {
            v2::PromptFileSource::Uri(source) => source.uri.clone(),
            _ => format!("data:{};base64,{}", file.mime, file.data),
        };
        part(format!("file:{n}"), PartBody::File { mime: file.mime, filename: file.name, url });
    }
    for (n, agent) in payload.agents.unwrap_or_default().into_iter().enumerate() {
        part(format!("agent:{n}"), PartBody::Agent { name: agent.name });
    }
    message
}

fn assistant(wire: v2::SessionMessageAssistant, session: &SessionId) -> Message {
    let id: MessageId = id(wire.id);
    let created = time(&wire.time.created);
    let completed = wire.time.completed.as_ref().map(time);
    Message {
        completed,
        agent: Some(wire.agent),
        model: Some(model(wire.model)),
        usage: wire.tokens.as_ref().map(|tokens| usage(&wire.cost.unwrap_or_default(), tokens)),
        finish: wire.finish.map(|finish| finish.as_str().to_owned()),
        error: wire.error.as_ref().map(error),
        parts: parts::content(wire.content, session, &id, created, completed),
        ..empty(id, session, Role::Assistant, created)
    }
}

/// Switches of agent or model, commands of the person, summaries, notes of the server: told as they are.
fn unknown(wire: &v2::SessionMessage, session: &SessionId) -> Option<Message> {
    let kind = wire.kind().into_owned();
    let Value::Object(mut fields) = serde_json::to_value(wire).ok()? else { return None };
    let id: MessageId = fields.remove("id")?.as_str()?.into();
    let at = |name: &str| fields.get("time")?.get(name)?.as_f64().map(|ms| ms.max(0.0) as u64);
    let created = at("created").unwrap_or_default();
    // Only shell commands say when they ended; a summary says that it does not run any more. A command that is quick has exited
    // before anything of it is told, and its output and its end come after that (2.0.14, seen on a loaded machine).
    let quiet = kind == "shell" && !fields.contains_key("output");
    let done =
        fields.get("status").and_then(Value::as_str).is_some_and(|status| status != "running" && !quiet);
    let completed = at("completed").or(done.then_some(created));
    let text = ["/text", "/summary", "/output/output"].iter().find_map(|place| field(&fields, place));
    let body = PartBody::Text { text: text.unwrap_or_default(), synthetic: true, ignored: false };
    let mut message = empty(id.clone(), session, Role::Other(kind), created);
    message.completed = completed;
    message
        .parts
        .push(Part { extra: fields, ..parts::part(session, &id, format!("{id}:text:0").into(), body) });
    Some(message)
}

/// The text at a place of an object (RFC 6901).
fn field(fields: &Extra, place: &str) -> Option<String> {
    let mut names = place.split('/').skip(1);
    let first = fields.get(names.next()?)?;
    let value = names.try_fold(first, |value, name| value.get(name))?;
    value.as_str().map(str::to_owned)
}

pub(super) fn empty(id: MessageId, session: &SessionId, role: Role, created: u64) -> Message {
    Message {
        id,
        session_id: session.clone(),
        role,
        parent_id: None,
        created,
        completed: None,
        agent: None,
        model: None,
        usage: None,
        finish: None,
        error: None,
        parts: Vec::new(),
        extra: Extra::new(),
    }
}

pub(super) fn file_diff(wire: v2::FileDiffInfo) -> FileDiff {
    FileDiff {
        path: wire.file,
        patch: Some(wire.patch),
        additions: time(&wire.additions),
        deletions: time(&wire.deletions),
        status: Some(wire.status.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shell_command_ends_with_its_output_and_not_before() {
        let note = |more: Value| {
            let mut wire = json!({
                "type": "shell", "id": "msg_1", "time": {"created": 5}, "shellID": "sh_1", "command": "echo", "status": "exited",
            });
            wire.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            unknown(&serde_json::from_value(wire).unwrap(), &"ses_1".into()).unwrap()
        };
        let output = json!({"output": "said", "cursor": 4, "size": 4, "truncated": false});
        let quiet = note(json!({}));
        assert_eq!((quiet.completed, quiet.role), (None, Role::Other("shell".into())));
        assert_eq!(note(json!({"output": output.clone()})).completed, Some(5));
        assert_eq!(
            note(json!({"output": output, "time": {"created": 5, "completed": 9}})).completed,
            Some(9)
        );
        assert_eq!(note(json!({"status": "running"})).completed, None);
    }
}
