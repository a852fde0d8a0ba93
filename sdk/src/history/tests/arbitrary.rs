//! Messages of all shapes.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Number, Value};

use crate::history::sample;
use crate::model::{
    Extra, Message, ModelRef, Part, PartBody, Role, Session, Tokens, ToolCall, ToolStatus, TurnError, Usage,
};

/// Numbers as servers send them: whole ones, and any other that JSON can write.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0..100_000_u32).prop_map(f64::from),
        any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(|n| Value::Number(n.into())),
        any::<i64>().prop_map(|n| Value::Number(n.into())),
        number().prop_map(|n| Number::from_f64(n).map_or(Value::Null, Value::Number)),
        ".{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            btree_map("[a-z\\$ ]{0,6}", inner, 0..3).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn extra() -> impl Strategy<Value = Extra> {
    btree_map("[a-zA-Z]{1,6}", value(), 0..3).prop_map(|fields| fields.into_iter().collect())
}

fn usage() -> impl Strategy<Value = Usage> {
    let tokens = (number(), number(), number(), number(), number());
    (number(), tokens).prop_map(|(cost, (input, output, reasoning, cache_read, cache_write))| Usage {
        cost,
        tokens: Tokens { input, output, reasoning, cache_read, cache_write },
    })
}

fn status() -> impl Strategy<Value = ToolStatus> {
    prop_oneof![
        Just(ToolStatus::Streaming),
        Just(ToolStatus::Pending),
        Just(ToolStatus::Running),
        Just(ToolStatus::Completed),
        Just(ToolStatus::Error),
        Just(ToolStatus::Other("paused".into())),
    ]
}

fn tool() -> impl Strategy<Value = PartBody> {
    (status(), value(), option::of(".{0,8}"), option::of(".{0,30}"), option::of(value()), extra()).prop_map(
        |(status, input, title, output, metadata, extra)| {
            // No metadata and `null` as metadata are one to JSON.
            let metadata = metadata.filter(|value| !value.is_null());
            PartBody::Tool(Box::new(ToolCall {
                call_id: "call".into(),
                tool: "bash".into(),
                status,
                input,
                title,
                error: output.clone().filter(|o| o.len() % 2 == 0),
                output,
                metadata,
                extra,
            }))
        },
    )
}

fn body() -> impl Strategy<Value = PartBody> {
    prop_oneof![
        4 => (".{0,40}", any::<bool>(), any::<bool>())
            .prop_map(|(text, synthetic, ignored)| PartBody::Text { text, synthetic, ignored }),
        2 => ".{0,40}".prop_map(|text| PartBody::Reasoning { text }),
        3 => tool(),
        1 => (".{0,5}", option::of(".{0,5}"), ".{0,9}")
            .prop_map(|(mime, filename, url)| PartBody::File { mime, filename, url }),
        1 => ".{0,5}".prop_map(|name| PartBody::Agent { name }),
        1 => (".{0,5}", ".{0,5}", ".{0,5}")
            .prop_map(|(prompt, description, agent)| PartBody::Subtask { prompt, description, agent }),
        1 => Just(PartBody::StepStart),
        1 => (".{0,5}", usage()).prop_map(|(reason, usage)| PartBody::StepFinish { reason, usage }),
        1 => vec(".{0,5}", 0..3).prop_map(|files| PartBody::Patch { files }),
        1 => Just(PartBody::Compaction),
        1 => any::<u64>().prop_map(|attempt| PartBody::Retry { attempt }),
        1 => "[a-z]{1,6}-new".prop_map(|kind| PartBody::Other { kind: kind.into() }),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    (0..6_u8, body(), option::of(any::<u64>()), option::of(any::<u64>()), extra()).prop_map(
        |(id, body, started, ended, extra)| Part {
            id: format!("prt_{id}").into(),
            session_id: "ses_1".into(),
            message_id: "msg_1".into(),
            body,
            started,
            ended,
            extra,
        },
    )
}

fn error() -> impl Strategy<Value = TurnError> {
    (".{0,9}", ".{0,20}", any::<bool>(), value()).prop_map(|(name, message, aborted, raw)| TurnError {
        name,
        message,
        aborted,
        raw,
    })
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::Other("shell".into()))]
}

/// A message `msg_1` of `ses_1`.
pub(super) fn message() -> impl Strategy<Value = Message> {
    let header = (role(), any::<u64>(), option::of(any::<u64>()), option::of(usage()), option::of(error()));
    (header, vec(part(), 0..5), extra()).prop_map(
        |((role, created, completed, usage, error), mut parts, extra)| {
            let mut seen = std::collections::HashSet::new();
            parts.retain(|p: &Part| seen.insert(p.id.clone()));
            Message {
                id: "msg_1".into(),
                session_id: "ses_1".into(),
                role,
                parent_id: completed.map(|_| "msg_0".into()),
                created,
                completed,
                agent: completed.map(|_| "build".into()),
                model: usage.map(|_| ModelRef {
                    provider: "p".into(),
                    model: "m/x".into(),
                    variant: completed.map(|n| n.to_string()),
                }),
                usage,
                finish: completed.map(|_| "stop".into()),
                error,
                parts,
                extra,
            }
        },
    )
}

/// The session of those messages.
pub(super) fn session() -> Session {
    Session { created: 1, ..sample::session("ses_1", "A title", "/home/me/project", 2) }
}
