//! Following one turn: what happens is shown, what is asked is answered by the rules, and the turn is stopped when it
//! takes too long, when the person says so, or when nobody reads any more.

use std::pin::Pin;
use std::time::Duration;

use opencode_nexus::Result;
use opencode_nexus::chat::{ChatEvent, Conversation, OutcomeKind, Turn, TurnOutcome};
use opencode_nexus::model::{Permission, PermissionReply, Question};
use tokio::time::Instant;

use super::ending::Ending;
use super::rules::Rules;
use super::show::{Closed, Screen};

/// How long a server may take to stop. After that we go, and its turn ends when it can.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody still reads.
const READER_CHECK: Duration = Duration::from_millis(500);

/// What the agent is told when it may not; with a message it goes on, on both lines.
const REFUSAL: &str =
    "Nobody is here who could allow this, and the rules of this run do not. Go on without it.";

/// What a turn is followed with.
pub(super) struct Watch<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) rules: &'a Rules,
    pub(super) screen: &'a mut Screen,
    /// What was refused, in the form of `--allow`.
    pub(super) refused: &'a mut Vec<String>,
    /// When it must be over, and how many seconds were given.
    pub(super) until: Option<(Instant, u64)>,
    /// Completes when the person wants to stop.
    pub(super) interrupted: Pin<&'a mut (dyn Future<Output = ()> + Send)>,
}

/// Why watching goes no further.
enum Stop {
    Refused(String),
    Closed,
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl Watch<'_> {
    /// Follows the turn to its end.
    ///
    /// # Errors
    /// When the end cannot be learned.
    pub(super) async fn turn(&mut self, mut turn: Turn) -> Result<(Ending, Option<TurnOutcome>)> {
        let mut reader = tokio::time::interval(READER_CHECK);
        loop {
            let late = async {
                match self.until {
                    Some((at, _)) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                event = turn.next() => event,
                () = self.interrupted.as_mut() => return self.stop(turn, Ending::Interrupted).await,
                () = late => {
                    let seconds = self.until.map(|(_, seconds)| seconds).unwrap_or_default();
                    return self.stop(turn, Ending::TimedOut(seconds)).await;
                }
                _ = reader.tick() => {
                    if self.screen.reader_is_gone() {
                        return self.stop(turn, Ending::OutputClosed).await;
                    }
                    continue;
                }
            };
            let Some(event) = event else { return Ok((Ending::Stopped, None)) };
            let event = event?;
            if let ChatEvent::TurnEnded { outcome, message_id } = &event
                && message_id == turn.message_id()
            {
                return Ok((self.ending(outcome), Some(outcome.clone())));
            }
            match self.event(&event).await? {
                Ok(()) => {}
                Err(Stop::Closed) => return self.stop(turn, Ending::OutputClosed).await,
                Err(Stop::Refused(what)) => return self.stop(turn, Ending::Refused(what)).await,
            }
        }
    }

    fn ending(&self, outcome: &TurnOutcome) -> Ending {
        match (outcome.kind, &outcome.error, self.refused.last()) {
            (OutcomeKind::Completed, ..) => Ending::Completed,
            // OpenCode 2 ends a turn whose question is refused.
            (OutcomeKind::Aborted, _, Some(what)) => Ending::Refused(what.clone()),
            (OutcomeKind::Aborted, ..) => Ending::Stopped,
            (OutcomeKind::Failed, Some(error), _) => Ending::Failed(error.clone()),
            (OutcomeKind::Failed, None, _) => Ending::Stopped,
        }
    }

    async fn event(&mut self, event: &ChatEvent) -> Result<Result<(), Stop>> {
        let inner = match event {
            ChatEvent::Child { event, .. } => event,
            event => event,
        };
        match inner {
            ChatEvent::PermissionAsked(ask) => self.permission(ask).await,
            ChatEvent::QuestionAsked(ask) => self.question(ask).await,
            _ => Ok(self.screen.event(self.conversation, event).map_err(Stop::from)),
        }
    }

    async fn permission(&mut self, ask: &Permission) -> Result<Result<(), Stop>> {
        let allowed = self.rules.allow(ask);
        let reply = match allowed {
            true => PermissionReply::Once,
            false => PermissionReply::Reject { message: Some(REFUSAL.to_owned()) },
        };
        // Shown before it is answered: the answer may be the last that happens.
        let shown = self.screen.permission(ask, allowed);
        let answered = self.conversation.reply_permission(&ask.id, reply).await?;
        if !allowed && answered {
            let what = format!("{}:{}", ask.action, ask.patterns.join(" "));
            self.refused.push(what.clone());
            if self.rules.refusal_ends() {
                return Ok(Err(Stop::Refused(what)));
            }
        }
        Ok(shown.map_err(Stop::from))
    }

    async fn question(&mut self, ask: &Question) -> Result<Result<(), Stop>> {
        let answers = self.rules.answer(&ask.items);
        let shown = self.screen.question(ask, answers.as_deref());
        match answers {
            Some(answers) => {
                self.conversation.answer_question(&ask.id, answers).await?;
            }
            None => {
                let asked: Vec<&str> = ask.items.iter().map(|item| item.question.as_str()).collect();
                self.refused.push(format!("question:{}", asked.join(" ")));
                self.conversation.reject_question(&ask.id).await?;
            }
        }
        Ok(shown.map_err(Stop::from))
    }

    /// Stops the agent and waits until it has, but not long; a second Ctrl-C waits no more.
    async fn stop(&mut self, mut turn: Turn, ending: Ending) -> Result<(Ending, Option<TurnOutcome>)> {
        let stopping = async {
            turn.abort().await?;
            while let Some(event) = turn.next().await {
                if let ChatEvent::TurnEnded { outcome, .. } = event? {
                    return Ok(Some(outcome));
                }
            }
            Ok(None)
        };
        let outcome = tokio::select! {
            stopped = tokio::time::timeout(STOP_WITHIN, stopping) => stopped,
            () = crate::interrupted() => Ok(Ok(None)),
        };
        turn.detach();
        match outcome {
            Ok(Ok(outcome)) => Ok((ending, outcome)),
            Ok(Err(error)) => {
                let error: opencode_nexus::Error = error;
                tracing::warn!(%error, "the agent could not be stopped");
                Ok((ending, None))
            }
            Err(_) => {
                tracing::warn!("the agent has not stopped within {} s", STOP_WITHIN.as_secs());
                Ok((ending, None))
            }
        }
    }
}
