//! Whatever happens in a conversation, whoever causes it.

use std::sync::Arc;

use napi_derive::napi;
use opencode_nexus::chat::ChatFeed;
use opencode_nexus::stream::Batches;
use tokio::sync::Mutex;

use crate::batch;
use crate::port::Shared;

/// The differences of a conversation.
#[napi]
pub struct Feed {
    shared: Arc<Shared>,
    batches: Arc<Mutex<Batches<ChatFeed>>>,
}

impl Feed {
    /// Those of a feed.
    pub fn new(shared: Arc<Shared>, feed: ChatFeed) -> Self {
        Self { shared, batches: Arc::new(Mutex::new(Batches::new(feed))) }
    }
}

#[napi]
impl Feed {
    /// What waits.
    #[napi]
    pub fn next(&self, number: u32) {
        let batches = self.batches.clone();
        self.shared.perform(number, async move {
            let (answer, _) = batch::next(&mut *batches.lock().await, |_| false).await?;
            Ok(answer)
        });
    }
}
