//! One turn: the stream of what happens from the prompt to the end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;

use super::answer;
use super::conversation::Conversation;
use super::event::{ChatEvent, OutcomeKind, TurnOutcome};
use super::feed::ChatFeed;
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::model::MessageId;

/// A running turn.
///
/// It is a stream of [`ChatEvent`]s that ends after [`ChatEvent::TurnEnded`], or with an error when the end cannot be
/// learned. Dropping it before the end stops the agent, as [`abort`](Self::abort) does; to let a turn go on without
/// watching it, [`detach`](Self::detach) it. Its conversation lives as long as it does.
#[derive(Debug)]
#[must_use = "dropping a turn stops it"]
pub struct Turn {
    conversation: Conversation,
    feed: ChatFeed,
    message_id: MessageId,
    /// What stood last before it.
    after: Option<MessageId>,
    done: bool,
}

/// A turn that somebody else reads. It keeps no conversation alive, and stopping a turn that is over does nothing.
#[derive(Clone, Debug)]
pub struct TurnHandle {
    shared: Arc<Shared>,
    message_id: MessageId,
    after: Option<MessageId>,
}

impl TurnHandle {
    /// As [`Turn::abort`].
    ///
    /// # Errors
    /// When the server cannot be reached; the turn then goes on.
    pub async fn stop(&self) -> Result<()> {
        self.shared.abort(&self.message_id).await
    }

    /// As [`Turn::answer`].
    pub fn answer(&self) -> String {
        let state = self.shared.lock();
        answer::text(state.scope.root().messages(), &self.message_id, self.after.as_ref())
    }
}

impl Turn {
    pub(super) fn new(
        conversation: Conversation,
        feed: ChatFeed,
        message_id: MessageId,
        after: Option<MessageId>,
    ) -> Self {
        Self { conversation, feed, message_id, after, done: false }
    }

    /// The prompt's message.
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// The next event; `None` after the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<ChatEvent>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Waits for the end, letting all events go.
    ///
    /// # Errors
    /// When the end cannot be learned: the server is gone for too long, the session was deleted, the deadline has
    /// passed. A turn that failed on the server is not an error here; see [`TurnOutcome::kind`].
    pub async fn finish(mut self) -> Result<TurnOutcome> {
        while let Some(event) = self.next().await {
            if let ChatEvent::TurnEnded { outcome, .. } = event? {
                return Ok(outcome);
            }
        }
        Err(Error::new(ErrorKind::Aborted, "the conversation was closed before the turn ended"))
    }

    /// Waits for the end, and gives the answer: see [`answer`](Self::answer).
    ///
    /// # Errors
    /// As [`finish`](Self::finish); [`ErrorKind::Provider`] when the turn failed, [`ErrorKind::Aborted`] when it was stopped.
    pub async fn text(self) -> Result<String> {
        let handle = self.handle();
        let outcome = self.finish().await?;
        match outcome.kind {
            OutcomeKind::Completed => Ok(handle.answer()),
            OutcomeKind::Aborted => {
                let why = outcome.error.map(|error| error.message);
                Err(Error::new(ErrorKind::Aborted, why.unwrap_or_else(|| "the turn was stopped".into())))
            }
            OutcomeKind::Failed => {
                let why = outcome.error.map(|error| format!("{}: {}", error.name, error.message));
                Err(Error::new(ErrorKind::Provider, why.unwrap_or_else(|| "the turn failed".into())))
            }
        }
    }

    /// Asks the server to stop. The stream goes on until it has: its last words still come.
    ///
    /// # Errors
    /// When the server cannot be reached; the turn then goes on.
    pub async fn abort(&self) -> Result<()> {
        self.conversation.shared.abort(&self.message_id).await
    }

    /// What the agent has answered by now: the text of its messages from the prompt to the next one, joined. What it thought and what
    /// its tools said is no part of it. Empty for a deed that is answered by no text.
    pub fn answer(&self) -> String {
        self.handle().answer()
    }

    /// A handle that stops the turn while somebody else reads it.
    pub fn handle(&self) -> TurnHandle {
        TurnHandle {
            shared: self.conversation.shared.clone(),
            message_id: self.message_id.clone(),
            after: self.after.clone(),
        }
    }

    /// Lets the turn go on without being watched.
    pub fn detach(mut self) {
        self.done = true;
    }
}

impl Stream for Turn {
    type Item = Result<ChatEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        let item = ready!(self.feed.poll_event(cx));
        self.done = match &item {
            None | Some(Err(_)) => true,
            Some(Ok(ChatEvent::TurnEnded { message_id, .. })) => *message_id == self.message_id,
            Some(Ok(_)) => false,
        };
        Poll::Ready(item)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Outside a runtime there is nobody left who could send the request.
        if let (false, Ok(runtime)) = (self.done, tokio::runtime::Handle::try_current()) {
            // The conversation is held until then: one that is closed knows nothing of its turns any more, and both may be dropped at
            // the same moment. It is dropped by name, because a block that only uses a field of it moves only that field in.
            let (conversation, message_id) = (self.conversation.clone(), self.message_id.clone());
            runtime.spawn(async move {
                if let Err(error) = conversation.shared.abort(&message_id).await {
                    tracing::warn!(%error, "a dropped turn could not be stopped");
                }
                conversation.shared.abandon(&message_id);
                drop(conversation);
            });
        }
    }
}
