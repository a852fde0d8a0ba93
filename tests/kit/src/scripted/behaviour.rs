//! The script: what the model does, as data. Its JSON form is the format of the recorded cases.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Everything a scripted model does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// Names of the models it offers. Default `["scripted"]`.
    #[serde(default = "one_model")]
    pub models: Vec<String>,
    /// The answer when a server asks for a title of the session.
    #[serde(default = "title")]
    pub title: String,
    /// What holds for actions that do not say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// Tried in order; the first match plays.
    #[serde(default)]
    pub conversations: Vec<Conversation>,
}

fn one_model() -> Vec<String> {
    vec!["scripted".to_owned()]
}

fn title() -> String {
    "Scripted title".to_owned()
}

impl Default for Behaviour {
    /// Echoes what the person says.
    fn default() -> Self {
        Self {
            models: one_model(),
            title: title(),
            defaults: Defaults::default(),
            conversations: vec![Conversation::new("", vec![vec![Action::text("Echo: {{user}}")]])],
        }
    }
}

impl Behaviour {
    /// A behaviour with these conversations.
    pub fn new(conversations: Vec<Conversation>) -> Self {
        Self { conversations, ..Self::default() }
    }

    /// A model that answers every prompt with this text.
    pub fn say(text: &str) -> Self {
        Self::new(vec![Conversation::new("", vec![vec![Action::text(text)]])])
    }

    /// The behaviour that this JSON describes.
    ///
    /// # Errors
    /// The JSON error with its place.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Pace and granularity of an action that names none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Tokens (words) a second; 0 is unlimited. Default 0.
    #[serde(default)]
    pub tps: f64,
    /// Characters in a chunk of text; 0 is one word a chunk. Default 0.
    #[serde(default)]
    pub chunk: usize,
}

/// What happens after a certain user message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// A regular expression, searched for in the text of the last user message; the empty one matches all.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Turn 0 answers the user message, turn 1 the results of its tools, and so on.
    pub turns: Vec<Turn>,
}

impl Conversation {
    /// A conversation whose turns have one attempt each.
    pub fn new(pattern: &str, turns: Vec<Vec<Action>>) -> Self {
        Self { pattern: pattern.to_owned(), turns: turns.into_iter().map(Turn::Once).collect() }
    }
}

/// One answer of the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Turn {
    /// The same actions however often the request comes.
    Once(Vec<Action>),
    /// Other actions for a repeated request.
    Attempts(Attempts),
}

/// The actions of the first, second, … time that the same request comes; the last ones stay.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    /// One list of actions for each attempt.
    pub attempts: Vec<Vec<Action>>,
}

impl Turn {
    /// The actions of the attempt with this number, counted from 0.
    pub fn actions(&self, attempt: usize) -> &[Action] {
        match self {
            Self::Once(actions) => actions,
            Self::Attempts(Attempts { attempts }) => {
                attempts.get(attempt).or(attempts.last()).map_or(&[], Vec::as_slice)
            }
        }
    }
}

/// One thing that the model does. One of the upper fields is set; the lower ones say how.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Action {
    /// Says this text; `{{user}}` becomes the user message.
    pub text: Option<String>,
    /// Says so many words.
    pub tokens: Option<usize>,
    /// Thinks this text.
    pub reasoning: Option<String>,
    /// Thinks so many words.
    pub reasoning_tokens: Option<usize>,
    /// Calls the tool of this name.
    pub tool: Option<String>,
    /// Answers with this HTTP status, or ends the answer abruptly when it has begun.
    pub status: Option<u16>,
    /// Does nothing for so many milliseconds.
    pub sleep: Option<u64>,
    /// Says nothing more, and keeps the connection open.
    pub hang: Option<bool>,
    /// Breaks the connection without an end.
    pub drop: Option<bool>,
    /// The finish reason in place of `stop` or `tool_calls`.
    pub finish: Option<String>,
    /// The usage to report in place of one computed from the words: OpenAI's `usage` object.
    pub usage: Option<Value>,
    /// Sends these bytes raw into the event stream.
    pub garbage: Option<String>,

    /// Seed of the words; the same seed gives the same words.
    pub seed: Option<u64>,
    /// Tokens a second.
    pub tps: Option<f64>,
    /// Characters in a chunk. Alone: for all actions after it.
    pub chunk: Option<usize>,
    /// Arguments of the tool call; `{{user}}` in its strings becomes the user message.
    pub args: Option<Value>,
    /// Arguments as they are, also broken.
    pub raw_args: Option<String>,
    /// Id of the tool call; default a new one.
    pub id: Option<String>,
    /// Headers of a `status` answer.
    pub headers: BTreeMap<String, String>,
    /// Body of a `status` answer; default an OpenAI error object.
    pub body: Option<Value>,
}

impl Action {
    /// Says this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Says so many words.
    pub fn tokens(count: usize, seed: u64) -> Self {
        Self { tokens: Some(count), seed: Some(seed), ..Self::default() }
    }

    /// Thinks this text.
    pub fn reasoning(text: impl Into<String>) -> Self {
        Self { reasoning: Some(text.into()), ..Self::default() }
    }

    /// Calls a tool.
    pub fn tool(name: impl Into<String>, args: Value) -> Self {
        Self { tool: Some(name.into()), args: Some(args), ..Self::default() }
    }

    /// Answers with an HTTP status.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Waits.
    pub fn sleep(milliseconds: u64) -> Self {
        Self { sleep: Some(milliseconds), ..Self::default() }
    }

    /// Never goes on.
    pub fn hang() -> Self {
        Self { hang: Some(true), ..Self::default() }
    }

    /// Breaks the connection.
    pub fn drop_connection() -> Self {
        Self { drop: Some(true), ..Self::default() }
    }

    /// The same action at this pace.
    #[must_use]
    pub fn at(mut self, tokens_a_second: f64) -> Self {
        self.tps = Some(tokens_a_second);
        self
    }
}
