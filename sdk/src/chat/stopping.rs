//! Stopping a turn for certain.
//!
//! 1.18.33 answers a prompt before it begins with it. An abort that comes in between is answered like any other and stops nothing:
//! the turn runs on, or the abort is not answered at all (both seen when a prompt is given up right after it was sent, on a loaded
//! machine). So it is looked after, and stopped again.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use crate::error::Result;
use crate::model::{MessageId, Role};

/// When it is looked after: a prompt has begun by then, if it begins at all.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// A request that is not answered by then is left: the next look has another.
const ANSWERING: Duration = Duration::from_secs(2);

/// So many looks may stay without an answer: the server is gone then, and with it what ran.
const UNANSWERED: u32 = 10;

impl Shared {
    /// Asks the server to stop a turn. One that has ended is left alone.
    pub(super) async fn abort(self: &Arc<Self>, id: &MessageId) -> Result<()> {
        {
            let mut state = self.lock();
            let Some(turn) = state.turns.iter_mut().find(|t| t.message_id == *id) else { return Ok(()) };
            turn.aborting = true;
        }
        self.stop(id).await?;
        self.nudge.notify_one();
        Ok(())
    }

    /// The same, whether or not the turn is still followed.
    pub(super) async fn stop(self: &Arc<Self>, id: &MessageId) -> Result<()> {
        let (shared, id) = (self.clone(), id.clone());
        tokio::spawn(async move { shared.make_sure(&id).await });
        self.dialect.abort(&self.root).await
    }

    async fn make_sure(&self, id: &MessageId) {
        let mut unanswered = 0;
        for wait in LOOKS {
            // A look that the server does not answer shows nothing, and is taken again.
            loop {
                tokio::time::sleep(wait).await;
                // That the turn counts as over is not enough: it does as well when the server has not begun with it for a while.
                if self.is_answered(id) {
                    return;
                }
                match tokio::time::timeout(ANSWERING, self.still_runs(id)).await {
                    Ok(Ok(false)) => break,
                    Ok(Ok(true)) => {
                        tracing::debug!(session = %self.root, "a turn runs although it was stopped; it is stopped again");
                        // Whether it helped is seen at the next look; the answer may never come.
                        let _late = tokio::time::timeout(ANSWERING, self.dialect.abort(&self.root)).await;
                        break;
                    }
                    Ok(Err(_)) | Err(_) => unanswered += 1,
                }
                if unanswered >= UNANSWERED {
                    return;
                }
            }
        }
    }

    /// Whether the prompt has an answer that is complete: then it has run, and runs no more.
    fn is_answered(&self, id: &MessageId) -> bool {
        let state = self.lock();
        let mut messages = state.scope.root().messages().iter();
        messages.any(|message| message.parent_id.as_ref() == Some(id) && message.completed.is_some())
    }

    /// Whether something runs, and it is this prompt's: another may have been sent since.
    async fn still_runs(&self, id: &MessageId) -> Result<bool> {
        if !self.dialect.busy().await?.contains(&self.root) {
            return Ok(false);
        }
        let messages = self.dialect.messages(&self.root).await?;
        let newest = messages.iter().rfind(|message| message.role == Role::User);
        Ok(newest.is_some_and(|message| message.id == *id))
    }
}
