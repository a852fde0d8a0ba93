//! What happens in the conversation of a script, for plugins that listen.

use opencode_nexus::chat::{ChatEvent, OutcomeKind, TurnOutcome};
use opencode_nexus::model::{AskId, Permission, SessionId, TurnError, Usage};
use opencode_nexus::{Error, ErrorKind, Result};

/// The conversation of every script.
pub fn session() -> SessionId {
    SessionId::from("ses_harness")
}

/// The one request that is open at a time.
fn request() -> AskId {
    AskId::from("per_harness")
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The agent asks for a permission, for what is named: `bash`.
    Asked(String),
    /// What was asked is answered, by whomever.
    Answered,
    /// The turn is done.
    Ended,
    /// Somebody stops the turn.
    Aborted,
    /// The turn fails, for a reason.
    Failed(String),
}

impl Happening {
    /// Reads `asked bash`, `answered`, `ended`, `aborted` or `failed REASON`.
    ///
    /// # Errors
    /// `user.invalid_input` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Ok(match (word, rest) {
            ("asked", what) if !what.is_empty() => Self::Asked(what.to_owned()),
            ("answered", "") => Self::Answered,
            ("ended", "") => Self::Ended,
            ("aborted", "") => Self::Aborted,
            ("failed", why) if !why.is_empty() => Self::Failed(why.to_owned()),
            _ => {
                return Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is nothing that happens"))
                    .with_hint("write `asked bash`, `answered`, `ended`, `aborted` or `failed REASON`"));
            }
        })
    }

    /// As a conversation tells it.
    pub(super) fn event(&self) -> ChatEvent {
        match self {
            Self::Asked(action) => ChatEvent::PermissionAsked(Box::new(Permission {
                id: request(),
                session_id: session(),
                action: action.clone(),
                patterns: vec!["ls -l".to_owned()],
                always: Vec::new(),
                tool: None,
                metadata: Default::default(),
            })),
            Self::Answered => ChatEvent::PermissionClosed { id: request(), reply: None },
            Self::Ended => ended(OutcomeKind::Completed, None),
            Self::Aborted => ended(OutcomeKind::Aborted, None),
            Self::Failed(why) => ended(OutcomeKind::Failed, Some(why)),
        }
    }
}

fn ended(kind: OutcomeKind, why: Option<&String>) -> ChatEvent {
    let error = why.map(|message| TurnError {
        name: "UnknownError".to_owned(),
        message: message.clone(),
        aborted: false,
        raw: serde_json::Value::Null,
    });
    let outcome = TurnOutcome { kind, finish: None, error, usage: Usage::default() };
    ChatEvent::TurnEnded { message_id: "msg_harness".into(), outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_is_read_from_words() {
        assert_eq!(Happening::parse("asked bash").unwrap(), Happening::Asked("bash".to_owned()));
        assert_eq!(
            Happening::parse("failed no quota left").unwrap(),
            Happening::Failed("no quota left".to_owned())
        );
        for wrong in ["", "asked", "ended now", "exploded"] {
            assert!(Happening::parse(wrong).is_err(), "{wrong}");
        }
    }
}
