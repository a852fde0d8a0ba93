//! A conversation without secrets. Names of sessions, messages, parts and calls stay: they are what holds it together, and
//! servers make them.

use super::StoredConversation;
use crate::history::Redactor;
use crate::model::{Extra, Message, PartBody, ToolCall};

/// Hides secrets in everything that a person, an agent or a tool wrote; how many there were.
pub(super) fn redact(redactor: &Redactor, conversation: &mut StoredConversation) -> u64 {
    let session = &mut conversation.session.session;
    let mut count = redactor.redact_string(&mut session.title);
    count += extra(redactor, &mut session.extra);
    count + conversation.messages.iter_mut().map(|message| redact_message(redactor, message)).sum::<u64>()
}

fn redact_message(redactor: &Redactor, message: &mut Message) -> u64 {
    let mut count = extra(redactor, &mut message.extra);
    if let Some(error) = &mut message.error {
        count += redactor.redact_string(&mut error.message) + redactor.redact_value(&mut error.raw);
    }
    for part in &mut message.parts {
        count += extra(redactor, &mut part.extra) + body(redactor, &mut part.body);
    }
    count
}

fn body(redactor: &Redactor, body: &mut PartBody) -> u64 {
    match body {
        PartBody::Text { text, .. } | PartBody::Reasoning { text } => redactor.redact_string(text),
        PartBody::Tool(call) => redact_call(redactor, call),
        PartBody::File { filename, url, .. } => {
            filename.as_mut().map_or(0, |name| redactor.redact_string(name)) + redactor.redact_string(url)
        }
        PartBody::Subtask { prompt, description, .. } => {
            redactor.redact_string(prompt) + redactor.redact_string(description)
        }
        PartBody::Patch { files } => files.iter_mut().map(|file| redactor.redact_string(file)).sum(),
        // Words of servers and numbers.
        PartBody::Agent { .. }
        | PartBody::StepStart
        | PartBody::StepFinish { .. }
        | PartBody::Compaction
        | PartBody::Retry { .. }
        | PartBody::Other { .. } => 0,
    }
}

fn redact_call(redactor: &Redactor, call: &mut ToolCall) -> u64 {
    let texts = [&mut call.title, &mut call.output, &mut call.error];
    let mut count: u64 = texts.into_iter().flatten().map(|text| redactor.redact_string(text)).sum();
    count += redactor.redact_value(&mut call.input);
    count += call.metadata.as_mut().map_or(0, |value| redactor.redact_value(value));
    count + extra(redactor, &mut call.extra)
}

fn extra(redactor: &Redactor, extra: &mut Extra) -> u64 {
    if extra.is_empty() {
        return 0;
    }
    let mut value = serde_json::Value::Object(std::mem::take(extra));
    let count = redactor.redact_value(&mut value);
    if let serde_json::Value::Object(fields) = value {
        *extra = fields;
    }
    count
}
