//! Keeps one event stream to a server alive and feeds its subscribers.
//!
//! It reconnects when the stream breaks, falls silent or ends cleanly (servers end it when they drop a directory's
//! state). The wait between attempts grows, and begins anew when a connection has given more than its opening event. It gives up
//! on what waiting cannot heal: wrong credentials, or no OpenCode server. It stops with its last subscriber.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::AbortHandle;

use super::connection::{self, Piece};
use super::patience::Patience;
use super::queue::{Batch, Queue, StreamItem};
use super::seen::SeenEvents;
use super::sse::Frame;
use crate::error::{Error, Result};
use crate::model::Event;
use crate::transport::BackoffPolicy;

/// How a hub gets at its stream; the server's dialect implements it.
pub(crate) trait Source: Send + Sync + 'static {
    /// Opens a connection.
    fn open(&self) -> BoxFuture<'_, Result<reqwest::Response>>;
    /// A decoder for one connection.
    fn decoder(&self) -> Box<dyn Decode>;
    /// The longest silence, and the largest event.
    fn limits(&self) -> (Duration, usize);
    /// How long to wait between attempts.
    fn backoff(&self) -> BackoffPolicy;
    /// How long after the stream's first event the server may still let events go. Default none.
    fn settling(&self) -> Duration {
        Duration::ZERO
    }
    /// A connection has ended after so many events, the opening one included, and why.
    fn ended(&self, _events: usize, _why: &Error) {}
}

/// Makes events of the frames of one connection.
pub(crate) trait Decode: Send {
    /// `None` for a frame that is of no interest, among them events that were seen before.
    fn decode(&mut self, frame: Frame<'_>, seen: &mut SeenEvents) -> Result<Option<Event>>;
}

pub(crate) struct EventHub {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Weak<Queue>>,
    open: bool,
    /// Counts the connections.
    connection: u64,
    failed: Option<Error>,
}

/// The events of a server from the moment of subscribing on.
///
/// Dropping it unsubscribes. It ends when the last clone of its client is dropped.
#[derive(Debug)]
pub struct EventStream {
    queue: Arc<Queue>,
}

impl EventStream {
    /// The next item; `None` when the stream has ended for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<StreamItem> {
        self.queue.next().await
    }

    /// The next item if one waits already.
    pub fn try_next(&mut self) -> Option<StreamItem> {
        self.queue.try_next().flatten()
    }
}

impl EventHub {
    /// Starts the task that keeps the stream alive until the hub is dropped.
    pub(crate) fn start(source: Arc<dyn Source>) -> Self {
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(run(source, shared.clone())).abort_handle();
        Self { shared, task }
    }

    /// A new subscriber. If the stream is open, it is told so at once.
    pub(crate) fn subscribe(&self) -> EventStream {
        let queue = Arc::new(Queue::default());
        let mut state = self.shared.lock();
        if let Some(error) = &state.failed {
            queue.push_failed(error);
        } else if state.open {
            queue.push_opened();
        }
        state.subscribers.push(Arc::downgrade(&queue));
        EventStream { queue }
    }

    /// Whether it has given up: then a new hub is needed for a new attempt.
    pub(crate) fn has_failed(&self) -> bool {
        self.shared.lock().failed.is_some()
    }
}

impl Drop for EventHub {
    /// Those who still wait must not wait for ever.
    fn drop(&mut self) {
        // Rather than a token, which would be looked at in every poll of the busiest task there is.
        self.task.abort();
        self.shared.each(Some(false), Queue::end);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn each(&self, open: Option<bool>, tell: impl Fn(&Queue)) {
        let mut state = self.lock();
        if let Some(open) = open {
            state.open = open;
        }
        state.subscribers.retain(|weak| weak.upgrade().inspect(|queue| tell(queue)).is_some());
    }

    /// Hands a batch on; the event that opens a connection becomes the item that says so, when `settling` is over.
    fn deliver(self: &Arc<Self>, mut batch: Batch, settling: Duration) {
        if matches!(batch.events.first(), Some(Event::Connected { .. })) {
            if settling.is_zero() {
                self.each(Some(true), Queue::push_opened);
            } else {
                tokio::spawn(self.clone().open_after(settling));
            }
        }
        batch.events.retain(|event| !matches!(event, Event::Heartbeat));
        if !batch.events.is_empty() {
            let batch = Arc::new(batch);
            self.each(None, |queue| queue.push_batch(&batch));
        }
    }

    async fn open_after(self: Arc<Self>, settling: Duration) {
        let connection = self.lock().connection;
        tokio::time::sleep(settling).await;
        if self.lock().connection == connection {
            self.each(Some(true), Queue::push_opened);
        }
    }

    /// The connection is gone, whatever it was about to say.
    fn closed(&self) {
        let mut state = self.lock();
        state.connection += 1;
        state.open = false;
    }
}

async fn run(source: Arc<dyn Source>, shared: Arc<Shared>) {
    let mut patience = Patience::new(source.backoff());
    let mut seen = SeenEvents::default();
    let (idle, limit) = source.limits();
    loop {
        let error = match source.open().await {
            Ok(response) => {
                let mut decoder = source.decoder();
                let mut events = 0;
                let settling = source.settling();
                let ended = connection::read(
                    response,
                    idle,
                    limit,
                    |frame| decoder.decode(frame, &mut seen),
                    |piece| match piece {
                        Piece::Batch(batch) => {
                            events += batch.events.len();
                            shared.deliver(batch, settling);
                        }
                        Piece::Damaged(error) => {
                            tracing::warn!(%error, "an event could not be read");
                            shared.each(None, Queue::push_damaged);
                        }
                    },
                )
                .await;
                shared.closed();
                source.ended(events, &ended);
                if events > 1 {
                    patience.was_fruitful();
                }
                ended
            }
            Err(error) => error,
        };
        let Some(wait) = patience.after(&error) else {
            shared.lock().failed = Some(error.duplicate());
            shared.each(Some(false), |queue| queue.push_failed(&error));
            return;
        };
        shared.each(Some(false), |queue| queue.push_closed(&error));
        tracing::debug!(%error, ?wait, "the event stream is made again");
        tokio::time::sleep(wait).await;
    }
}
