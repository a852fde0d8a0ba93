//! How a turn begins and its prompt is sent: once, whatever becomes of the answer.

use std::time::Duration;

use super::conversation::{Conversation, TurnOptions};
use super::prompt::Prompt;
use super::turn::Turn;
use super::verdict::{OpenTurn, Request};
use crate::error::Result;
use crate::model::MessageId;
use crate::transport::{Backoff, BackoffPolicy};

/// A prompt whose sending failed in an unclear way is looked up and sent again at most this often.
const SEND_ATTEMPTS: u32 = 6;

/// So often is a prompt looked for before it is taken for lost on the way: at once and then for 3.1 s. 1.x answers before it
/// has stored a prompt, and one that comes twice at the same time may stay without an answer (1.14.48, 1.17.19 and 1.18.33, seen).
const LOOKS: u32 = 6;

/// Between the first look and the second; doubled each time.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Conversation {
    pub(super) async fn begin(
        &self,
        is_message: bool,
        no_reply: Option<usize>,
        options: &TurnOptions,
    ) -> Result<Turn> {
        self.shared.live(self.shared.options.open_within).await?;
        let after = self.with_transcript(|t| t.messages().last().map(|m| m.id.clone()));
        let message_id = self.new_message_id();
        let turn = OpenTurn {
            message_id: message_id.clone(),
            after,
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
        Ok(Turn::new(self.clone(), feed, message_id))
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
}
