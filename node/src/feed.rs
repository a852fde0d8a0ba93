//! Whatever happens in a conversation, whoever causes it.

use std::sync::Arc;

use napi_derive::napi;
use opencode_nexus::chat::ChatFeed;
use opencode_nexus::stream::Batches;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::batch;
use crate::port::Shared;

/// The differences of a conversation.
#[napi]
pub struct Feed {
    shared: Arc<Shared>,
    batches: Arc<Mutex<Batches<ChatFeed>>>,
    /// Ends a reading that waits.
    closed: CancellationToken,
}

impl Feed {
    /// Those of a feed.
    pub fn new(shared: Arc<Shared>, feed: ChatFeed) -> Self {
        Self { shared, batches: Arc::new(Mutex::new(Batches::new(feed))), closed: CancellationToken::new() }
    }
}

#[napi]
impl Feed {
    /// What waits.
    #[napi]
    pub fn next(&self, number: u32) {
        let (batches, closed) = (self.batches.clone(), self.closed.clone());
        self.shared.perform(number, async move {
            let read = async { batch::next(&mut *batches.lock().await, |_| false).await };
            let read = closed.run_until_cancelled(read).await.transpose()?;
            Ok(read.map_or(Answer::Nothing, |(answer, _)| answer))
        });
    }

    /// Reads no more.
    #[napi]
    pub fn close(&self) {
        self.closed.cancel();
    }
}
