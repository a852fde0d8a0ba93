//! What a run has come to: its ending, its answer, and what of the conversation belongs to it.

use opencode_nexus::Error;
use opencode_nexus::chat::Conversation;
use opencode_nexus::model::{Message, MessageId, PartBody, Role, TurnError, Usage};
use serde_json::Value;

use super::ending::Ending;

/// What a run has come to.
pub(super) struct Done {
    pub ending: Ending,
    pub answer: String,
    pub output: Option<Value>,
    pub finish: Option<String>,
    pub usage: Usage,
    pub refused: Vec<String>,
    pub first: Option<MessageId>,
}

impl Done {
    pub(super) fn new(ending: Ending) -> Self {
        Self {
            ending,
            answer: String::new(),
            output: None,
            finish: None,
            usage: Usage::default(),
            refused: Vec::new(),
            first: None,
        }
    }

    /// A turn whose end could not be learned.
    pub(super) fn lost(error: &Error) -> Self {
        Self::new(Ending::Failed(TurnError {
            name: error.code().into(),
            message: error.message().into(),
            aborted: false,
            raw: Value::Null,
        }))
    }
}

/// A prompt and all that came after it.
pub(super) fn behind<'a>(messages: &'a [Message], prompt: &MessageId) -> &'a [Message] {
    let start = messages.iter().position(|m| m.id == *prompt).unwrap_or(messages.len());
    &messages[start..]
}

/// What the agent said after a prompt, a text for each part.
pub(super) fn texts(conversation: &Conversation, prompt: &MessageId) -> Vec<String> {
    conversation.with_transcript(|t| {
        (behind(t.messages(), prompt).iter())
            .filter(|message| message.role == Role::Assistant)
            .flat_map(|message| &message.parts)
            .filter_map(|part| match &part.body {
                PartBody::Text { text, synthetic: false, ignored: false } if !text.is_empty() => {
                    Some(text.clone())
                }
                _ => None,
            })
            .collect()
    })
}
