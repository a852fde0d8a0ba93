//! A turn that was not begun by this process: by another program, or by this editor before it was started anew. The core says
//! nothing of its end, so it is taken from what the session does. Pure.

use opencode_nexus::chat::{ChatEvent, OutcomeKind, Transcript};
use opencode_nexus::model::{Message, Role, TurnError, Usage};

use crate::language_server::ext::{ErrorInfo, ProgressKind};

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// The prompt of the turn that runs.
    running: Option<String>,
    prompt: Option<String>,
    answer: Answer,
}

/// The last answer of the session.
#[derive(Debug, Default)]
struct Answer {
    finish: Option<String>,
    error: Option<TurnError>,
    usage: Usage,
}

impl Elsewhere {
    pub(super) fn running(&self) -> Option<&str> {
        self.running.as_deref()
    }

    /// The turn is one of ours, or over.
    pub(super) fn forget(&mut self) {
        self.running = None;
    }

    pub(super) fn learn(&mut self, transcript: &Transcript) {
        *self = Self::default();
        transcript.messages().iter().for_each(|message| self.message(message));
        if !transcript.status().is_idle() {
            self.running = self.prompt.clone();
        }
    }

    fn message(&mut self, message: &Message) {
        match message.role {
            Role::User => {
                self.prompt = Some(message.id.to_string());
                self.answer = Answer::default();
            }
            _ => {
                let usage = message.usage.unwrap_or_default();
                self.answer = Answer { finish: message.finish.clone(), error: message.error.clone(), usage };
            }
        }
    }

    /// Takes in what has happened; the end of the turn, when this was it. `alone`: no turn of ours runs.
    pub(super) fn fold(&mut self, event: &ChatEvent, alone: bool) -> Option<(String, ProgressKind)> {
        match event {
            ChatEvent::Message(message) => {
                self.message(message);
                None
            }
            ChatEvent::Status(status) if status.is_idle() => {
                let turn = self.running.take().filter(|_| alone)?;
                Some((turn, self.answer.end()))
            }
            ChatEvent::Status(_) if alone && self.running.is_none() => {
                self.running.clone_from(&self.prompt);
                None
            }
            _ => None,
        }
    }
}

impl Answer {
    fn end(&self) -> ProgressKind {
        let kind = match &self.error {
            None => OutcomeKind::Completed,
            Some(error) if error.aborted => OutcomeKind::Aborted,
            Some(_) => OutcomeKind::Failed,
        };
        let error = self.error.as_ref().map(end_error);
        ProgressKind::End { reason: kind.into(), finish: self.finish.clone(), error, usage: self.usage }
    }
}

/// Why a turn ended badly on the server.
pub(super) fn end_error(error: &TurnError) -> ErrorInfo {
    ErrorInfo {
        code: "system.server".to_owned(),
        message: format!("{}: {}", error.name, error.message),
        hint: None,
        retryable: false,
    }
}
