//! When is a turn over, and how did it end? Pure: the one moment that is kept here is only the driver's to read.
//!
//! On 1.x no single signal can be trusted: on abort the idle status comes before the final text and message, and twice;
//! a provider's failure does the same. So a turn is over when the status says idle **and** every assistant message
//! behind the prompt is complete. A turn that failed before there was a message ends with the error and the idle
//! status; what no signal ever ends is settled by asking the server (`driver`).
//! OpenCode 2 says the end once, after everything else (`idle_is_final`); there the prompt must have become a message.

use tokio::time::Instant;

use super::event::{OutcomeKind, TurnOutcome};
use super::prompt::Prompt;
use super::transcript::Transcript;
use crate::model::{Message, MessageId, Role, ToolStatus, TurnError, Usage};

/// What the request that starts a turn says about its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Nothing: the server has taken it, or its answer was lost.
    Silent,
    /// It is under way, and its answer will tell of a failure.
    Open,
    /// It has been answered, and the server answers such a request at the turn's end.
    Answered,
}

/// A turn that has not ended.
#[derive(Debug)]
pub(super) struct OpenTurn {
    /// The prompt.
    pub(super) message_id: MessageId,
    /// The last message before it.
    pub(super) after: Option<MessageId>,
    /// When the server has taken the prompt.
    pub(super) accepted: Option<Instant>,
    /// What is known from the request that started it.
    pub(super) request: Request,
    /// Whether the prompt becomes a message of that name.
    pub(super) is_message: bool,
    /// [`Dialect::idle_is_final`](crate::dialect).
    pub(super) idle_is_final: bool,
    /// No answer of the agent is expected, only this many parts of the prompt.
    pub(super) no_reply: Option<usize>,
    /// We have asked the server to stop.
    pub(super) aborting: bool,
    /// An error of the session since the turn began.
    pub(super) error: Option<TurnError>,
    /// What was sent, as long as it may be sent once more.
    pub(super) prompt: Option<Prompt>,
    /// Something may have run since it was sent.
    pub(super) may_have_run: bool,
    /// How often the server said that nothing runs although the turn is not over.
    pub(super) idle_checks: u32,
    /// When it last said so and that was counted.
    pub(super) idle_checked: Option<Instant>,
}

impl OpenTurn {
    /// How the turn ended; `None` while it goes on.
    pub(super) fn verdict(&self, transcript: &Transcript) -> Option<TurnOutcome> {
        if !transcript.status().is_idle() || self.accepted.is_none() {
            return None;
        }
        let waits = transcript.queued().iter().any(|m| m.id == self.message_id);
        let missing = self.idle_is_final && self.is_message && self.prompt_at(transcript).is_none();
        let answers: Vec<&Message> = self.answers(transcript).collect();
        let incomplete = !self.idle_is_final && answers.iter().any(|m| m.completed.is_none());
        if waits || missing || incomplete {
            return None;
        }
        if answers.is_empty() {
            // A shell command or a summary of OpenCode 2 leaves a note and no answer.
            let noted = self.idle_is_final && !self.is_message && self.has_note(transcript);
            let quiet = self.no_reply.is_some_and(|parts| self.has_prompt(transcript, parts));
            // The error may be a late one of the turn before; it counts when the server says that nothing runs.
            let counts = self.request != Request::Open && (self.idle_is_final || self.idle_checks > 0);
            let failed = self.error.is_some() && counts;
            let answered = self.request == Request::Answered;
            return (noted || quiet || answered || failed).then(|| self.outcome(&answers));
        }
        Some(self.outcome(&answers))
    }

    /// What can be said of a turn that the server says is not running, though it never said how it ended.
    pub(super) fn settle(&self, transcript: &Transcript) -> TurnOutcome {
        let answers: Vec<&Message> = self.answers(transcript).collect();
        let complete = answers.last().is_some_and(|m| m.completed.is_some());
        let only_said = self.no_reply.is_some() && self.has_prompt(transcript, 0);
        if complete || only_said || self.aborting || self.error.is_some() {
            return self.outcome(&answers);
        }
        let message = if answers.is_empty() {
            "the server took the prompt and never answered it"
        } else {
            "the server stopped in the middle of the answer"
        };
        let error = TurnError {
            name: "TurnLost".into(),
            message: message.into(),
            aborted: false,
            raw: serde_json::Value::Null,
        };
        TurnOutcome { kind: OutcomeKind::Failed, error: Some(error), ..self.outcome(&answers) }
    }

    /// The prompt, if the server has taken it and surely has done nothing with it: nobody has stopped it, nothing failed, nothing
    /// ran. It is given once.
    pub(super) fn overlooked(&mut self, transcript: &Transcript) -> Option<Prompt> {
        let untouched = !self.may_have_run && !self.aborting && self.error.is_none();
        let answered = self.answers(transcript).next().is_some();
        self.prompt.take().filter(|_| untouched && !answered)
    }

    fn has_prompt(&self, transcript: &Transcript, parts: usize) -> bool {
        self.prompt_at(transcript).is_some_and(|at| transcript.messages()[at].parts.len() >= parts)
    }

    /// Whether the server has written, and finished, something that is neither a prompt nor an answer. It may have the
    /// name that was meant for a prompt.
    fn has_note(&self, transcript: &Transcript) -> bool {
        let named = self.prompt_at(transcript).map(|at| &transcript.messages()[at]);
        let mut notes = self.behind(transcript).iter().chain(named);
        notes.any(|m| matches!(m.role, Role::Other(_)) && m.completed.is_some())
    }

    fn prompt_at(&self, transcript: &Transcript) -> Option<usize> {
        transcript.messages().iter().rposition(|m| m.id == self.message_id)
    }

    /// The assistant's messages behind the prompt.
    fn answers<'a>(&self, transcript: &'a Transcript) -> impl Iterator<Item = &'a Message> {
        self.behind(transcript).iter().filter(|m| m.role == Role::Assistant)
    }

    /// Everything behind the prompt.
    fn behind<'a>(&self, transcript: &'a Transcript) -> &'a [Message] {
        let messages = transcript.messages();
        let start = match (self.prompt_at(transcript), &self.after) {
            (Some(at), _) => at + 1,
            (None, Some(after)) => {
                messages.iter().rposition(|m| m.id == *after).map_or(messages.len(), |at| at + 1)
            }
            (None, None) => 0,
        };
        &messages[start..]
    }

    fn outcome(&self, answers: &[&Message]) -> TurnOutcome {
        let mut usage = Usage::default();
        answers.iter().filter_map(|m| m.usage).for_each(|u| usage += u);
        let last = answers.last();
        let error =
            last.and_then(|m| m.error.clone()).or_else(|| self.error.clone().filter(|_| answers.is_empty()));
        let finish = last.and_then(|m| m.finish.clone());
        // Stopped while it waited for the provider, a message is complete without a word of why (1.18.33, seen). So is
        // that of a shell command of the person, but it has the command's result.
        let stopped = self.aborting || (self.idle_is_final && self.error.as_ref().is_some_and(|e| e.aborted));
        let unfinished = last.is_some_and(|m| match m.finish.as_deref() {
            None => stopped || !has_result(m),
            // The model wanted to go on with what its tools would say.
            Some(finish) => finish == "tool-calls" && stopped,
        });
        let kind = match &error {
            Some(error) if error.aborted => OutcomeKind::Aborted,
            Some(_) => OutcomeKind::Failed,
            None if unfinished || (answers.is_empty() && self.aborting) => OutcomeKind::Aborted,
            None => OutcomeKind::Completed,
        };
        TurnOutcome { kind, finish, error, usage }
    }
}

fn has_result(message: &Message) -> bool {
    message.parts.iter().any(|p| p.tool().is_some_and(|call| call.status == ToolStatus::Completed))
}
