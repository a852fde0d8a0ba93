//! A queue that can be waited for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::queue::{BATCH, Queue, TOGETHER};
use super::told::Told;
use crate::bindings::nexus::plugin::session::Event;

/// The events of one plugin. Those who tell never wait; who is told waits for the next batch.
#[derive(Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Inbox {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in, if the plugin has asked for it.
    pub(crate) fn tell(&self, at_ms: u64, told: &Told<'_>) {
        let mut queue = self.lock();
        // Between the first and a full batch nobody needs to wake.
        if queue.push(at_ms, told) && (queue.len() == 1 || queue.len() >= BATCH) {
            self.wake.notify_one();
        }
    }

    /// Whether anything is subscribed to.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().is_open()
    }

    /// The next batch: a full one at once, a smaller one when its first event has waited a moment. Cancel-safe.
    pub(crate) async fn next(&self) -> Vec<Event> {
        let mut until = None;
        loop {
            let waiting = self.lock().len();
            if waiting == 0 {
                until = None;
                self.wake.notified().await;
            } else if waiting >= BATCH {
                return self.lock().take(BATCH);
            } else {
                let until = *until.get_or_insert_with(|| Instant::now() + TOGETHER);
                if tokio::time::timeout_at(until, self.wake.notified()).await.is_err() {
                    return self.lock().take(BATCH);
                }
            }
        }
    }
}
