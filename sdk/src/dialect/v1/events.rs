//! Which event stream of a 1.x server is read.
//!
//! `/event` gives the events of one directory and is the one to read. Some servers (1.14.48, seen) end it right after
//! its first event, every time; there the stream of all directories, `/global/event`, works. So when `/event` ends like
//! that several times in a row, the other one is tried, and the other way round. Conversations pick their sessions'
//! events by identifier, so it does not matter to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use opencode_api::Operation;
use opencode_api::v1::operations::{event, global};

use super::decode::EventDecoder;
use crate::dialect::ids::IdClock;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::{Decode, Source, ended_by_server};
use crate::transport::{BackoffPolicy, Transport};

/// So many connections in a row that give nothing but their opening event mean that this stream does not work here.
const FRUITLESS: u32 = 3;

/// `/global/event` starts to listen only after its opening event (1.18, seen): within a few milliseconds, and a loaded
/// machine gets some more.
const SETTLING: Duration = Duration::from_millis(400);

/// The event stream of a 1.x server.
pub(super) struct Events {
    transport: Transport,
    clock: Arc<IdClock>,
    /// Connections in a row without an event of their own; which stream is read follows from it.
    fruitless: AtomicU32,
}

impl Events {
    pub(super) fn new(transport: Transport, clock: Arc<IdClock>) -> Self {
        Self { transport, clock, fruitless: AtomicU32::new(0) }
    }

    fn is_global(&self) -> bool {
        (self.fruitless.load(Ordering::Relaxed) / FRUITLESS) % 2 == 1
    }
}

impl Source for Events {
    fn open(&self) -> BoxFuture<'_, Result<reqwest::Response>> {
        async move {
            if self.is_global() {
                let request = global::Event::new().request();
                let opened = self.transport.open(global::Event::ID, &request).await;
                if opened
                    .as_ref()
                    .is_err_and(|e| matches!(e.kind(), ErrorKind::Incompatible | ErrorKind::NotFound))
                {
                    self.fruitless.store(0, Ordering::Relaxed);
                }
                opened
            } else {
                let request = event::Subscribe::new().request().located(self.transport.location());
                self.transport.open(event::Subscribe::ID, &request).await
            }
        }
        .boxed()
    }

    fn decoder(&self) -> Box<dyn Decode> {
        Box::new(EventDecoder::new(self.clock.clone()))
    }

    fn limits(&self) -> (Duration, usize) {
        (self.transport.config().timeouts.stream_idle, self.transport.config().body_limit)
    }

    fn backoff(&self) -> BackoffPolicy {
        self.transport.config().retry
    }

    fn settling(&self) -> Duration {
        if self.is_global() { SETTLING } else { Duration::ZERO }
    }

    fn ended(&self, events: usize, why: &Error) {
        let now = self.fruitless.load(Ordering::Relaxed);
        let next = match events {
            // What the network breaks says nothing about the stream.
            0 | 1 if !ended_by_server(why) => now,
            0 | 1 => now.saturating_add(1),
            // A fruitful connection keeps the stream that it was on and forgets the failures before it.
            _ => now / FRUITLESS % 2 * FRUITLESS,
        };
        self.fruitless.store(next, Ordering::Relaxed);
    }
}
