//! Turns actions into the bytes of an answer: frames of an event stream, or one JSON object.

use std::time::Duration;

use serde_json::{Value, json};

use super::behaviour::{Action, Defaults};
use super::words;

/// What the server does next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Sends a frame of the stream.
    Frame(String),
    Sleep(Duration),
    Hang,
    Drop,
}

/// An answer that was worked out completely before its first byte is sent.
pub(super) struct Reply {
    pub steps: Vec<Step>,
    message: Value,
    finish: String,
    usage: Value,
    id: String,
    model: String,
}

/// What an answer is made from.
pub(super) struct Source<'a> {
    pub actions: &'a [Action],
    pub defaults: &'a Defaults,
    pub user: &'a str,
    pub model: &'a str,
    /// Number of this request.
    pub number: usize,
    pub prompt_tokens: usize,
}

struct Writer<'a> {
    source: &'a Source<'a>,
    id: String,
    steps: Vec<Step>,
    chunk: usize,
    content: String,
    reasoning: String,
    calls: Vec<Value>,
    tokens: usize,
    reasoning_tokens: usize,
}

impl Reply {
    pub(super) fn new(source: &Source<'_>) -> Self {
        let mut writer = Writer {
            source,
            id: format!("chatcmpl-scripted-{}", source.number),
            steps: Vec::new(),
            chunk: source.defaults.chunk,
            content: String::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            tokens: 0,
            reasoning_tokens: 0,
        };
        writer.delta(json!({"role": "assistant", "content": ""}), Value::Null);
        let (mut finish, mut usage) = (None, None);
        for action in source.actions {
            writer.act(action);
            finish = action.finish.clone().or(finish);
            usage = action.usage.clone().or(usage);
        }
        writer.end(finish, usage)
    }

    /// The answer as one object; only for actions that come to an end.
    pub(super) fn object(&self) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": 0, "model": self.model,
            "choices": [{"index": 0, "message": self.message, "finish_reason": self.finish}],
            "usage": self.usage,
        })
    }
}

impl Writer<'_> {
    fn act(&mut self, action: &Action) {
        if let Some(size) = action.chunk {
            self.chunk = size;
        }
        let seed = action.seed.unwrap_or(1);
        if let Some(text) = &action.text {
            self.say(&text.replace("{{user}}", self.source.user), action, false);
        }
        if let Some(count) = action.tokens {
            self.say(&words::words(count, seed), action, false);
        }
        if let Some(text) = &action.reasoning {
            self.say(&text.replace("{{user}}", self.source.user), action, true);
        }
        if let Some(count) = action.reasoning_tokens {
            self.say(&words::words(count, seed), action, true);
        }
        if let Some(name) = &action.tool {
            self.call(name, action);
        }
        if let Some(milliseconds) = action.sleep {
            self.steps.push(Step::Sleep(Duration::from_millis(milliseconds)));
        }
        if let Some(bytes) = &action.garbage {
            self.steps.push(Step::Frame(bytes.clone()));
        }
        if action.hang == Some(true) {
            self.steps.push(Step::Hang);
        }
        if action.drop == Some(true) || action.status.is_some() {
            // A status that comes after the headers can only be a broken connection.
            self.steps.push(Step::Drop);
        }
    }

    fn say(&mut self, text: &str, action: &Action, thinking: bool) {
        let tps = action.tps.unwrap_or(self.source.defaults.tps);
        let field = if thinking { "reasoning_content" } else { "content" };
        for piece in words::pieces(text, self.chunk) {
            self.delta(json!({ field: piece }), Value::Null);
            if tps > 0.0 {
                self.steps.push(Step::Sleep(Duration::from_secs_f64(1.0 / tps)));
            }
        }
        if thinking {
            self.reasoning.push_str(text);
            self.reasoning_tokens += words::count(text);
        } else {
            self.content.push_str(text);
        }
        self.tokens += words::count(text);
    }

    fn call(&mut self, name: &str, action: &Action) {
        let index = self.calls.len();
        let made = format!("call_{}_{index}", self.source.number);
        let id = action.id.clone().unwrap_or(made);
        let arguments = action.raw_args.clone().unwrap_or_else(|| {
            let args = action.args.clone().unwrap_or_else(|| json!({}));
            substitute(args, self.source.user).to_string()
        });
        let head = json!({"name": name, "arguments": ""});
        self.delta(
            json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": head}]}),
            Value::Null,
        );
        for piece in words::pieces(&arguments, self.chunk.max(16)) {
            self.delta(
                json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}),
                Value::Null,
            );
        }
        self.tokens += words::count(&arguments);
        let function = json!({"name": name, "arguments": arguments});
        self.calls.push(json!({"id": id, "type": "function", "function": function}));
    }

    fn delta(&mut self, delta: Value, finish: Value) {
        self.frame(&json!([{"index": 0, "delta": delta, "finish_reason": finish}]), None);
    }

    fn frame(&mut self, choices: &Value, usage: Option<&Value>) {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": 0, "model": self.source.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        self.steps.push(Step::Frame(format!("data: {chunk}\n\n")));
    }

    fn end(mut self, finish: Option<String>, usage: Option<Value>) -> Reply {
        let natural = if self.calls.is_empty() { "stop" } else { "tool_calls" };
        let finish = finish.unwrap_or_else(|| natural.to_owned());
        let usage = usage.unwrap_or_else(|| {
            json!({
                "prompt_tokens": self.source.prompt_tokens,
                "completion_tokens": self.tokens,
                "total_tokens": self.source.prompt_tokens + self.tokens,
                "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            })
        });
        self.delta(json!({}), json!(finish));
        self.frame(&json!([]), Some(&usage));
        self.steps.push(Step::Frame("data: [DONE]\n\n".to_owned()));
        let mut message = json!({"role": "assistant", "content": self.content});
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = json!(self.reasoning);
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = json!(self.calls);
        }
        let model = self.source.model.to_owned();
        Reply { steps: self.steps, message, finish, usage, id: self.id, model }
    }
}

fn substitute(value: Value, user: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{{user}}", user)),
        Value::Array(items) => items.into_iter().map(|v| substitute(v, user)).collect(),
        Value::Object(map) => map.into_iter().map(|(k, v)| (k, substitute(v, user))).collect(),
        other => other,
    }
}
