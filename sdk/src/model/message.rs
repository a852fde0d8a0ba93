//! Messages and what they cost.

use serde::{Deserialize, Serialize};

use super::{Extra, MessageId, Part, SessionId};
use crate::error::{Error, ErrorKind, Result};

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person or program that prompts.
    User,
    /// The agent.
    Assistant,
    /// A word that this build does not know.
    #[serde(untagged)]
    Other(String),
}

impl Role {
    /// The word for it.
    pub fn word(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Other(word) => word,
        }
    }
}

/// Names a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    /// The provider, for example `anthropic`.
    pub provider: String,
    /// The provider's name for the model.
    pub model: String,
    /// A variant of it, for example a reasoning effort.
    pub variant: Option<String>,
}

/// As people write it: `provider/model`. The variant is not shown.
impl std::fmt::Display for ModelRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// `provider/model`, without a variant: everything behind the first slash is the provider's name for the model, which may
/// hold slashes itself.
impl std::str::FromStr for ModelRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim().split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
                Ok(Self { provider: provider.to_owned(), model: model.to_owned(), variant: None })
            }
            _ => {
                let message = format!("`{}` is not a model as PROVIDER/MODEL", text.escape_debug());
                Err(Error::new(ErrorKind::InvalidInput, message).with_hint("`nexus models` lists them"))
            }
        }
    }
}

/// Tokens, as the server counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Sent to the model and not read from its cache.
    pub input: f64,
    /// Written by the model.
    pub output: f64,
    /// Thought by the model.
    pub reasoning: f64,
    /// Read from the provider's cache.
    pub cache_read: f64,
    /// Written to the provider's cache.
    pub cache_write: f64,
}

/// What something cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// In US dollars.
    pub cost: f64,
    /// In tokens.
    pub tokens: Tokens,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.cost += other.cost;
        self.tokens.input += other.tokens.input;
        self.tokens.output += other.tokens.output;
        self.tokens.reasoning += other.tokens.reasoning;
        self.tokens.cache_read += other.tokens.cache_read;
        self.tokens.cache_write += other.tokens.cache_write;
    }
}

/// Why a message ended badly, in the server's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnError {
    /// The server's name for it, for example `ProviderAuthError`.
    pub name: String,
    /// One line for a person.
    pub message: String,
    /// Whether it only says that the turn was stopped on request.
    pub aborted: bool,
    /// The whole error as the server gave it.
    pub raw: serde_json::Value,
}

/// One message with its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The server's (or, for prompts, our) name for it.
    pub id: MessageId,
    /// The session to which it belongs.
    pub session_id: SessionId,
    /// Who wrote it.
    pub role: Role,
    /// The user message that an assistant message answers.
    pub parent_id: Option<MessageId>,
    /// When it was begun, Unix milliseconds.
    pub created: u64,
    /// When the agent was done with it, Unix milliseconds.
    pub completed: Option<u64>,
    /// The agent.
    pub agent: Option<String>,
    /// The model.
    pub model: Option<ModelRef>,
    /// Cost and tokens, of assistant messages.
    pub usage: Option<Usage>,
    /// Why the model stopped, in the server's word: `stop`, `tool-calls`, `length`, …
    pub finish: Option<String>,
    /// Why it ended badly.
    pub error: Option<TurnError>,
    /// The parts in the server's order.
    pub parts: Vec<Part>,
    /// Everything else.
    pub extra: Extra,
}

#[cfg(test)]
mod tests {
    use super::ModelRef;

    #[test]
    fn a_model_is_read_as_people_write_it() {
        let model: ModelRef = " openrouter/anthropic/claude ".parse().unwrap();
        assert_eq!((model.provider.as_str(), model.model.as_str()), ("openrouter", "anthropic/claude"));
        assert_eq!(model.to_string(), "openrouter/anthropic/claude");
        for wrong in ["", "model", "/model", "provider/", "\u{1b}[2J"] {
            let error = wrong.parse::<ModelRef>().unwrap_err().to_string();
            assert!(!error.contains('\u{1b}'), "{error:?}");
        }
    }
}
