//! A turn that runs. Letting go of it stops the agent.

use std::sync::Arc;

use napi_derive::napi;
use opencode_nexus::chat::{self, ChatEvent, TurnHandle};
use opencode_nexus::stream::Batches;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::batch;
use crate::port::Shared;

type Reading = Arc<Mutex<Option<Batches<chat::Turn>>>>;

/// A turn.
#[napi]
pub struct Turn {
    shared: Arc<Shared>,
    /// Empty after the end.
    reading: Option<Reading>,
    /// Ends a reading that waits.
    closed: CancellationToken,
    handle: TurnHandle,
    message: String,
    number: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.close();
    }
}

impl Turn {
    /// A turn that has begun.
    pub fn new(shared: Arc<Shared>, turn: chat::Turn) -> Self {
        let (handle, message) = (turn.handle(), turn.message_id().as_str().to_owned());
        let number = shared.turn_begins(handle.clone());
        let reading = Some(Arc::new(Mutex::new(Some(Batches::new(turn)))));
        Self { shared, reading, closed: CancellationToken::new(), handle, message, number }
    }
}

#[napi]
impl Turn {
    /// The message with which it began.
    #[napi(getter)]
    pub fn message_id(&self) -> String {
        self.message.clone()
    }

    /// What the agent has answered by now.
    #[napi(getter)]
    pub fn answer(&self) -> String {
        self.handle.answer()
    }

    /// What waits; `null` after the end.
    #[napi]
    pub fn next(&self, number: u32) {
        let (reading, message, shared) = (self.reading.clone(), self.message.clone(), self.shared.clone());
        let (turn, closed) = (self.number, self.closed.clone());
        self.shared.perform(number, async move {
            let Some(reading) = reading else { return Ok(Answer::Nothing) };
            let is_last = |event: &ChatEvent| {
                matches!(event, ChatEvent::TurnEnded { message_id, .. } if message_id.as_str() == message)
            };
            let read = async {
                let mut reading = reading.lock().await;
                let Some(batches) = reading.as_mut() else { return Ok(Answer::Nothing) };
                let (answer, ended) = batch::next(batches, is_last).await?;
                if ended {
                    // What is left of it keeps the conversation alive.
                    *reading = None;
                    shared.turn_ends(turn);
                }
                Ok(answer)
            };
            closed.run_until_cancelled(read).await.unwrap_or(Ok(Answer::Nothing))
        });
    }

    /// Asks the server to stop; the turn goes on to its end.
    #[napi]
    pub fn stop(&self, number: u32) {
        let handle = self.handle.clone();
        self.shared.perform(number, async move { handle.stop().await.map(|()| Answer::Done) });
    }

    /// Lets the turn go on unseen.
    #[napi]
    pub fn detach(&mut self) {
        self.shared.turn_ends(self.number);
        self.closed.cancel();
        if let Some(reading) = self.reading.take() {
            let shared = self.shared.clone();
            shared.detached(async move {
                if let Some(batches) = reading.lock().await.take() {
                    batches.into_inner().detach();
                }
            });
        }
    }

    /// Lets go of it: a turn that has not ended is stopped.
    #[napi]
    pub fn close(&mut self) {
        self.closed.cancel();
        self.shared.turn_ends(self.number);
        self.shared.let_go(self.reading.take());
    }
}
