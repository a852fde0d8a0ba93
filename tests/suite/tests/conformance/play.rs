//! Plays the steps of a case by what the SDK offers to everyone.

use std::collections::HashMap;
use std::time::Duration;

use opencode_nexus::chat::{ChatEvent, Conversation, Deed, Opening, Reply, Said, Turn};
use opencode_nexus::dialect::{Line, SessionFilter};
use opencode_nexus::stream::RawItem;
use opencode_nexus::{Called, Client, Error, ErrorKind, Result};
use opencode_nexus_testkit::server::TestServer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::matching::{check, in_order};

/// A step may take so long.
const BOUND: Duration = Duration::from_secs(60);

/// What a step gave.
#[derive(Default)]
struct Given {
    result: Value,
    events: Vec<Value>,
    outcome: Value,
    text: String,
    types: Vec<Value>,
    conversation: Option<Conversation>,
}

/// Plays a case; why it does not end as it must.
pub async fn case(server: &TestServer, case: &Value) -> std::result::Result<(), String> {
    let directory = server.directory.to_string_lossy();
    let client = Client::builder(&server.url).directory(directory).connect().await;
    let client = client.map_err(|error| format!("{error:?}"))?;
    let mut named = HashMap::new();
    for (number, step) in case["steps"].as_array().into_iter().flatten().enumerate() {
        let place = format!("step {} ({})", number + 1, step["do"].as_str().unwrap_or_default());
        let done = tokio::time::timeout(BOUND, perform(&client, &named, step)).await;
        let done = done.map_err(|_| format!("{place}: takes longer than a minute"))?;
        let wanted = filled(&step["expect"], &named);
        match done {
            Ok(given) => {
                if !wanted["error"].is_null() {
                    return Err(format!("{place}: it must fail and does not"));
                }
                as_expected(&wanted, &given, &place)?;
                if let (Some(name), Some(conversation)) = (step["as"].as_str(), given.conversation) {
                    named.insert(name.to_owned(), conversation);
                }
            }
            Err(error) => failed(&wanted["error"], &error, &place)?,
        }
    }
    Ok(())
}

fn failed(wanted: &Value, error: &Error, place: &str) -> std::result::Result<(), String> {
    if wanted.is_null() {
        return Err(format!("{place}: {error:?}"));
    }
    check(&wanted["code"], &json!(error.code()), &format!("{place}: {error}: code"))?;
    match wanted["says"].as_str() {
        Some(part) if !error.to_string().contains(part) => {
            Err(format!("{place}: `{error}` does not say {part}"))
        }
        _ => Ok(()),
    }
}

fn as_expected(wanted: &Value, given: &Given, place: &str) -> std::result::Result<(), String> {
    let at = |name: &str| format!("{place}: {name}");
    for name in wanted.as_object().into_iter().flat_map(Map::keys) {
        let expected = &wanted[name];
        match name.as_str() {
            "result" => check(expected, &given.result, &at(name))?,
            "outcome" => check(expected, &given.outcome, &at(name))?,
            "text" => check(expected, &json!(given.text), &at(name))?,
            "events" => in_order(expected, &given.events, &at(name))?,
            "types" => in_order(expected, &given.types, &at(name))?,
            "none" => {
                let came = |one: &&Value| given.events.iter().any(|event| check(one, event, "").is_ok());
                if let Some(one) = expected.as_array().into_iter().flatten().find(came) {
                    return Err(format!("{place}: {one} came"));
                }
            }
            other => return Err(format!("{place}: nobody knows how to expect `{other}`")),
        }
    }
    Ok(())
}

/// `$chat.session_id` becomes what it stands for.
fn filled(value: &Value, named: &HashMap<String, Conversation>) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$').and_then(|rest| rest.strip_suffix(".session_id"))
        {
            Some(name) => named.get(name).map_or(Value::Null, |c| json!(c.session_id())),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| filled(item, named)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), filled(field, named))).collect()
        }
        other => other.clone(),
    }
}

async fn perform(client: &Client, named: &HashMap<String, Conversation>, step: &Value) -> Result<Given> {
    let with = filled(&step["with"], named);
    let on = || {
        let name = step["on"].as_str().unwrap_or_default();
        named.get(name).ok_or_else(|| Error::new(ErrorKind::Internal, format!("nothing is named `{name}`")))
    };
    match step["do"].as_str().unwrap_or_default() {
        "conversation" => {
            let opening: Opening = read(if with.is_null() { json!({}) } else { with })?;
            conversation(client.open_as(&opening).await?)
        }
        "prompt" => turn(on()?, on()?.say(said(with)?).await?, step).await,
        deed @ ("command" | "shell" | "summarize") => {
            let mut with = with;
            with["type"] = json!(deed);
            turn(on()?, on()?.perform(read::<Deed>(with)?).await?, step).await
        }
        "messages" => result(on()?.with_transcript(|t| t.messages().to_vec())),
        "rename" => result(on()?.rename(with["title"].as_str().unwrap_or_default()).await?),
        "fork" => conversation(on()?.fork(None).await?),
        "delete" => {
            on()?.clone().delete().await?;
            Ok(Given::default())
        }
        "todos" => result(on()?.todos().await?),
        "diff" => result(on()?.diff(None).await?),
        "children" => result(on()?.children().await?),
        "sessions" => {
            let search = with["search"].as_str().map(str::to_owned);
            result(client.sessions(&SessionFilter { search, ..SessionFilter::default() }).await?)
        }
        "models" => result(client.models().await?),
        "agents" => result(client.agents().await?),
        "commands" => result(client.commands().await?),
        "api" => api(client, &with).await,
        "raw_events" => raw_events(client, &with).await,
        other => Err(Error::new(ErrorKind::Internal, format!("nobody knows how to do `{other}`"))),
    }
}

fn conversation(opened: Conversation) -> Result<Given> {
    Ok(Given {
        result: json!({ "session_id": opened.session_id() }),
        conversation: Some(opened),
        ..Given::default()
    })
}

fn result(value: impl Serialize) -> Result<Given> {
    let result = serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "this cannot be shown").with_source(error))?;
    Ok(Given { result, ..Given::default() })
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))
}

/// A prompt; a text alone is its only part.
fn said(mut with: Value) -> Result<Said> {
    if let Some(text) = with.as_object_mut().and_then(|fields| fields.shift_remove("text")) {
        with["parts"] = json!([{ "type": "text", "text": text }]);
    }
    read(with)
}

/// Sees a turn through to its end, and answers as the case says.
async fn turn(conversation: &Conversation, mut turn: Turn, step: &Value) -> Result<Given> {
    let mut given = Given::default();
    let mut seen = String::new();
    while let Some(event) = turn.next().await {
        let event = event?;
        given.events.push(serde_json::to_value(&event).unwrap_or_default());
        match event {
            // Without an answer the rules of the conversation answer.
            ChatEvent::PermissionAsked(ask) if !step["answer"]["permission"].is_null() => {
                let reply: Reply = read(step["answer"]["permission"].clone())?;
                conversation.reply_permission(&ask.id, reply.into()).await?;
            }
            ChatEvent::QuestionAsked(ask) if !step["answer"].is_null() => {
                match step["answer"]["question"].as_u64() {
                    None => {
                        conversation.reject_question(&ask.id).await?;
                    }
                    Some(number) => {
                        let chosen = |options: &[opencode_nexus::model::QuestionOption]| {
                            options.iter().skip(number as usize).take(1).map(|o| o.label.clone()).collect()
                        };
                        let answers = ask.items.iter().map(|item| chosen(&item.options)).collect();
                        conversation.answer_question(&ask.id, answers).await?;
                    }
                }
            }
            ChatEvent::Text { delta, .. } => {
                seen.push_str(&delta);
                if step["stop_at"].as_str().is_some_and(|word| seen.contains(word)) {
                    turn.abort().await?;
                }
            }
            ChatEvent::TurnEnded { outcome, .. } => {
                given.outcome = serde_json::to_value(outcome).unwrap_or_default();
            }
            _ => {}
        }
    }
    given.text = turn.answer();
    Ok(given)
}

async fn api(client: &Client, with: &Value) -> Result<Given> {
    let arguments = with["arguments"].as_object().cloned().unwrap_or_default();
    let called = client.call_by_id(Line::V1, with["id"].as_str().unwrap_or_default(), arguments).await?;
    Ok(Given {
        result: match called {
            Called::Json(body) => serde_json::from_slice(&body).unwrap_or_default(),
            Called::Text(text) => text.into(),
            _ => Value::Null,
        },
        ..Given::default()
    })
}

async fn raw_events(client: &Client, with: &Value) -> Result<Given> {
    let mut events = client.raw_events();
    let mut given = Given::default();
    let until = with["until"].as_str().unwrap_or_default();
    let mut turn = None;
    while let Some(item) = events.next().await {
        let RawItem::Events(batch) = item? else { continue };
        for event in &batch.events {
            let (document, kind) = batch.get(event);
            let read: Value = serde_json::from_slice(document)
                .map_err(|error| Error::new(ErrorKind::Protocol, "an event is no JSON").with_source(error))?;
            let kind = String::from_utf8_lossy(kind).into_owned();
            assert_eq!(read["type"], json!(kind));
            given.types.push(kind.into());
        }
        if given.types.iter().any(|kind| kind == until) {
            break;
        }
        if turn.is_none() {
            let conversation = client.create(None).await?;
            turn = Some(conversation.prompt(with["prompt"].as_str().unwrap_or_default()).await?);
        }
    }
    if let Some(turn) = turn {
        turn.finish().await?;
    }
    Ok(given)
}
