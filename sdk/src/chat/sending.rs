//! How a conversation sends: a prompt, once, after the hooks have seen it; and what a person does otherwise.

use std::time::Duration;

use tokio::time::Instant;

use super::conversation::Conversation;
use super::prompt::Prompt;
use super::turn::Turn;
use super::verdict::{OpenTurn, Request};
use crate::dialect::{Acted, Action};
use crate::error::{Result, Retry};
use crate::extension::{agreed, agreed_action};
use crate::model::{MessageId, ModelRef};
use crate::transport::{Backoff, BackoffPolicy};

/// A prompt whose sending failed in an unclear way is looked up and sent again at most this often.
const SEND_ATTEMPTS: u32 = 6;

/// How a prompt is sent.
#[derive(Clone, Debug, Default)]
pub struct TurnOptions {
    /// The turn is stopped and fails when it takes longer. Without one it may take as long as it takes.
    pub deadline: Option<Duration>,
}

/// So often is a prompt looked for before it is taken for lost on the way: at once and then for 3.1 s. 1.x answers before it
/// has stored a prompt, and one that comes twice at the same time may stay without an answer (1.14.48, 1.17.19 and 1.18.33, seen).
const LOOKS: u32 = 6;

/// Between the first look and the second; doubled each time.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Conversation {
    /// Sends a prompt and returns the turn that it starts.
    ///
    /// A prompt is never sent twice: when the answer to it is lost, the server is asked whether it has it. The hooks of the
    /// client's extensions see it first, and may change it.
    ///
    /// # Errors
    /// When the prompt is empty, or the server refuses it or cannot be reached; `user.blocked` when a hook does not let it be
    /// sent.
    pub async fn prompt(&self, prompt: impl Into<Prompt>) -> Result<Turn> {
        self.prompt_with(prompt, TurnOptions::default()).await
    }

    /// [`prompt`](Self::prompt) with options.
    ///
    /// # Errors
    /// As [`prompt`](Self::prompt).
    pub async fn prompt_with(&self, prompt: impl Into<Prompt>, options: TurnOptions) -> Result<Turn> {
        let prompt = prompt.into();
        prompt.check()?;
        let prompt = self.agreed(prompt).await?;
        let no_reply = prompt.no_reply.then_some(prompt.parts.len());
        let turn = self.begin(true, no_reply, &options).await?;
        match self.send(turn.message_id(), &prompt).await {
            Ok(()) => {
                let again = (no_reply.is_none() && self.shared.dialect.may_repeat_prompt()).then_some(prompt);
                self.shared.update_turn(turn.message_id(), |t| {
                    (t.accepted, t.prompt) = (Some(Instant::now()), again);
                });
                Ok(turn)
            }
            Err(error) => {
                self.shared.fail_turn(turn.message_id(), &error);
                turn.detach();
                Err(error)
            }
        }
    }

    /// What the hooks leave of a prompt.
    pub(crate) async fn agreed(&self, prompt: Prompt) -> Result<Prompt> {
        match self.client.extensions() {
            Some(extensions) => agreed(extensions, self.session_id(), prompt).await,
            None => Ok(prompt),
        }
    }

    /// Runs a slash command, a shell command or a summary; `model` and `agent` as in a [`Prompt`]. To summarize, the
    /// session's last model is used when none is named. The hooks of the client's extensions see the arguments of a slash
    /// command first.
    ///
    /// # Errors
    /// When the server cannot be reached before it starts; `user.blocked` when a hook does not let it be sent. A refusal comes as
    /// the turn's error, because servers answer these requests only at the end.
    pub async fn act(&self, action: Action, model: Option<ModelRef>, agent: Option<String>) -> Result<Turn> {
        let action = match self.client.extensions() {
            Some(extensions) => agreed_action(extensions, self.session_id(), action).await?,
            None => action,
        };
        let turn = self.begin(false, None, &TurnOptions::default()).await?;
        let model = model.or_else(|| self.last_model().filter(|_| action == Action::Summarize));
        let (shared, id) = (self.shared.clone(), turn.message_id().clone());
        self.shared.update_turn(&id, |t| (t.accepted, t.request) = (Some(Instant::now()), Request::Open));
        tokio::spawn(async move {
            let result =
                shared.dialect.act(&shared.root, &id, &action, model.as_ref(), agent.as_deref()).await;
            match result {
                Ok(Acted::Ended) => shared.turn_answered(&id),
                Ok(Acted::Begun) => shared.update_turn(&id, |t| t.request = Request::Silent),
                // The answer may be cut off while the turn goes on: then the events tell its end.
                Err(error) if error.retry() != Retry::Never && error.context("sent") != Some("no") => {
                    tracing::debug!(%error, "the answer to an action was lost");
                    shared.update_turn(&id, |t| t.request = Request::Silent);
                }
                Err(error) => shared.fail_turn(&id, &error),
            }
        });
        Ok(turn)
    }

    async fn begin(&self, is_message: bool, no_reply: Option<usize>, options: &TurnOptions) -> Result<Turn> {
        self.shared.live(self.shared.options.open_within).await?;
        let after = self.with_transcript(|t| t.messages().last().map(|m| m.id.clone()));
        let message_id = self.new_message_id();
        let turn = OpenTurn {
            message_id: message_id.clone(),
            after: after.clone(),
            accepted: None,
            request: Request::Silent,
            is_message,
            idle_is_final: self.shared.dialect.idle_is_final(),
            no_reply,
            aborting: false,
            error: None,
            prompt: None,
            may_have_run: false,
            idle_checks: 0,
            idle_checked: None,
        };
        let feed = self.shared.begin_turn(turn, options.deadline);
        Ok(Turn::new(self.clone(), feed, message_id, after))
    }

    /// A name for a new message, greater than all that are known.
    pub(crate) fn new_message_id(&self) -> MessageId {
        let newest = self.with_transcript(|t| t.messages().iter().map(|m| &m.id).max().cloned());
        self.shared.dialect.new_message_id(newest.as_ref())
    }

    /// Whether the server has a message, delivered or waiting.
    pub(crate) async fn has_message(&self, id: &MessageId) -> Result<bool> {
        self.shared.dialect.has_message(&self.shared.root, id).await
    }

    /// Looks for a prompt until the server has it, or would have stored it by now.
    async fn has_arrived(&self, id: &MessageId) -> Result<bool> {
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(LOOK_AGAIN * (1 << (look - 1))).await;
            }
            if self.has_message(id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sends until the server surely has the prompt, and only once.
    pub(crate) async fn send(&self, id: &MessageId, prompt: &Prompt) -> Result<()> {
        let (dialect, session) = (&self.shared.dialect, &self.shared.root);
        let mut backoff =
            Backoff::new(BackoffPolicy { attempts: Some(SEND_ATTEMPTS), ..BackoffPolicy::default() });
        let mut unclear = false;
        loop {
            let error = match unclear {
                true => match self.has_arrived(id).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => {
                        unclear = false;
                        continue;
                    }
                    Err(error) => error,
                },
                false => match dialect.prompt(session, id, prompt).await {
                    Ok(()) => return Ok(()),
                    Err(error) => {
                        unclear = error.context("sent") != Some("no");
                        error
                    }
                },
            };
            match backoff.after(&error, rand::random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    fn last_model(&self) -> Option<ModelRef> {
        self.with_transcript(|t| t.messages().iter().rev().find_map(|m| m.model.clone()))
    }
}
