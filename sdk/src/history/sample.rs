//! Conversations for tests: one with everything in it, and random ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::StoredSession;
use crate::model::{
    Extra, Message, ModelRef, Part, PartBody, Role, Session, SessionId, Tokens, ToolCall, ToolStatus,
    TurnError, Usage,
};

/// A session without messages.
pub(super) fn session(id: &str, title: &str, directory: &str, updated: u64) -> Session {
    Session {
        id: id.into(),
        parent_id: None,
        title: title.to_owned(),
        directory: directory.to_owned(),
        created: 1_000,
        updated,
        agent: None,
        model: None,
        usage: None,
        share_url: None,
        revert: None,
        extra: Extra::new(),
    }
}

/// One with every kind of part.
pub(super) fn message(session: &str, id: &str) -> Message {
    let bodies = vec![
        text("a text"),
        PartBody::Reasoning { text: "a thought".into() },
        tool(),
        PartBody::File {
            mime: "text/plain".into(),
            filename: Some("notes.txt".into()),
            url: "file:///notes.txt".into(),
        },
        PartBody::File { mime: "image/png".into(), filename: None, url: "data:image/png;base64,QUJD".into() },
        PartBody::Agent { name: "explore".into() },
        PartBody::Subtask {
            prompt: "a prompt".into(),
            description: "a description".into(),
            agent: "explore".into(),
        },
        PartBody::StepStart,
        PartBody::StepFinish { reason: "stop".into(), usage: usage(3) },
        PartBody::Patch { files: vec!["src/a.rs".into()] },
        PartBody::Compaction,
        PartBody::Retry { attempt: 1 },
        PartBody::Other { kind: "hologram".into() },
    ];
    let mut message = with_parts(session, id, bodies);
    if let Some(last) = message.parts.last_mut() {
        last.extra.insert("news".into(), json!(["something new", 1]));
    }
    message.error = Some(TurnError {
        name: "UnknownError".into(),
        message: "it broke".into(),
        aborted: false,
        raw: json!({"name": "UnknownError"}),
    });
    message
}

pub(super) fn text(text: &str) -> PartBody {
    PartBody::Text { text: text.to_owned(), synthetic: false, ignored: false }
}

fn tool() -> PartBody {
    PartBody::Tool(Box::new(ToolCall {
        call_id: "call_1".into(),
        tool: "bash".into(),
        status: ToolStatus::Error,
        input: json!({"command": "ls -l", "more": [{"x": "deep", "n": 1}]}),
        title: Some("a call".into()),
        output: Some("an output".into()),
        error: Some("a failure".into()),
        metadata: Some(json!({"output": "again"})),
        extra: Extra::new(),
    }))
}

pub(super) fn usage(cents: u32) -> Usage {
    Usage { cost: f64::from(cents) / 64.0, tokens: Tokens { input: 10.0, ..Tokens::default() } }
}

/// A message of the agent.
pub(super) fn with_parts(session: &str, id: &str, bodies: Vec<PartBody>) -> Message {
    let part = |(index, body)| Part {
        id: format!("prt_{index:03}").into(),
        session_id: session.into(),
        message_id: id.into(),
        body,
        started: Some(2_000),
        ended: None,
        extra: Extra::new(),
    };
    Message {
        id: id.into(),
        session_id: session.into(),
        role: Role::Assistant,
        parent_id: None,
        created: 2_000,
        completed: Some(3_000),
        agent: Some("build".into()),
        model: Some(ModelRef {
            provider: "openrouter".into(),
            model: "anthropic/Claude".into(),
            variant: None,
        }),
        usage: Some(usage(64)),
        finish: Some("stop".into()),
        error: None,
        parts: bodies.into_iter().enumerate().map(part).collect(),
        extra: Extra::new(),
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any_text().prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// Words of several scripts, so that searches find something, and anything else.
fn any_text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(
        &["alpha", "Beta", "gamma", "ключ", "鍵", "naïve", "```", "# x", "\n", "end"][..],
    );
    prop_oneof![
        4 => prop::collection::vec(word, 0..6).prop_map(|words| words.join(" ")),
        1 => "\\PC{0,20}",
    ]
}

fn any_body() -> impl Strategy<Value = PartBody> {
    let status = prop::sample::select(
        &[ToolStatus::Running, ToolStatus::Completed, ToolStatus::Error, ToolStatus::Pending][..],
    );
    let call = (prop::sample::select(&["bash", "edit"][..]), status, any_value(), any_text(), any::<bool>());
    prop_oneof![
        4 => any_text().prop_map(|words| text(&words)),
        1 => any_text().prop_map(|text| PartBody::Reasoning { text }),
        2 => call.prop_map(|(tool, status, input, output, has)| PartBody::Tool(Box::new(ToolCall {
            call_id: "call".into(),
            tool: tool.into(),
            status,
            input,
            title: has.then(|| output.clone()),
            output: Some(output),
            error: None,
            metadata: None,
            extra: Extra::new(),
        }))),
        1 => any_text().prop_map(|url| PartBody::File { mime: "x/y".into(), filename: None, url }),
        1 => Just(PartBody::StepStart),
        1 => any_text().prop_map(|kind| PartBody::Other { kind: kind.into() }),
    ]
}

/// A message; its names are given by [`any_conversation`].
pub(super) fn any_message() -> impl Strategy<Value = Message> {
    let role = prop::sample::select(&[Role::User, Role::Assistant][..]);
    let agent = prop::option::of(prop::sample::select(&["build", "plan"][..]));
    (prop::collection::vec(any_body(), 0..4), role, agent, 0_u32..4, 0_u64..5_000, any::<(bool, bool)>())
        .prop_map(|(bodies, role, agent, cents, created, (failed, has_model))| {
            let mut message = with_parts("ses", "msg", bodies);
            message.role = role;
            message.agent = agent.map(str::to_owned);
            message.usage = Some(usage(cents));
            message.created = created;
            message.model = message.model.filter(|_| has_model);
            message.error = failed.then(|| TurnError {
                name: "E".into(),
                message: "failed".into(),
                aborted: cents == 1,
                raw: Value::Null,
            });
            message
        })
}

/// Sessions with their messages; names are unique, as those of a server.
pub(super) fn any_conversations() -> impl Strategy<Value = Vec<(StoredSession, Vec<Message>)>> {
    let place = (
        prop::sample::select(&["/p", "/p/q", "/pq"][..]),
        prop::sample::select(&["local", "http://a:1"][..]),
    );
    let one = (place, any_text(), 0_u64..5_000, prop::collection::vec(any_message(), 0..5));
    prop::collection::vec(one, 0..5).prop_map(|all| {
        let named = |(number, ((directory, server), title, updated, messages)): (usize, _)| {
            let id = format!("ses_{number}");
            let session = session(&id, &(title as String), directory, updated);
            let stored = StoredSession { server: String::from(server as &str), session, stored: 7 };
            (stored, renamed(&id.as_str().into(), messages))
        };
        all.into_iter().enumerate().map(named).collect()
    })
}

fn renamed(session: &SessionId, messages: Vec<Message>) -> Vec<Message> {
    let mut messages = messages;
    for (number, message) in messages.iter_mut().enumerate() {
        message.id = format!("msg_{number}").into();
        message.session_id = session.clone();
        for part in &mut message.parts {
            part.message_id = message.id.clone();
            part.session_id = session.clone();
        }
    }
    messages
}

/// A new history in a folder that goes with the first value.
pub(super) fn history() -> (tempfile::TempDir, super::History) {
    use nexus_vault::{Backend, KdfParameters, Keyring, NewSlot, Options, SecretString, Vault};
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        indexer: super::History::indexer(),
        keyring: Keyring::new(Backend::None, "test"),
        readers: 2,
        busy_bound: std::time::Duration::from_secs(10),
    };
    let kdf = KdfParameters { memory: 19 * 1024, passes: 2, lanes: 1 };
    let slot = NewSlot::Passphrase(SecretString::from("made up"), kdf);
    let created = Vault::create(&folder.path().join("vault"), slot, options).expect("a vault");
    (folder, super::History::new(created.vault))
}

/// Writes conversations as sync does.
pub(super) fn store(history: &super::History, conversations: &[(StoredSession, Vec<Message>)]) {
    use super::record::{MessageRecord, SessionRecord};
    use super::server_entry;
    let mut batch = nexus_vault::Batch::new();
    for (stored, messages) in conversations {
        server_entry::put(&mut batch, &stored.server, None).expect("an entry");
        let record = SessionRecord::new(&stored.server, stored.session.clone(), stored.stored);
        batch.put_group(record.to_group().expect("a group"));
        for (index, message) in messages.iter().enumerate() {
            let record = MessageRecord::new(&stored.server, &stored.session, index == 0, message.clone());
            batch.put_record(record.to_record().expect("a record"));
        }
    }
    if !batch.is_empty() {
        history.vault.write(batch, nexus_vault::Durability::Process).expect("written");
    }
}

/// As `StoredConversation` has them.
pub(super) fn in_order(mut messages: Vec<Message>) -> Vec<Message> {
    messages.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    messages
}

/// A runtime for property tests, which are not async.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
