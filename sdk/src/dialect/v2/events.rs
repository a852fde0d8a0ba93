//! The event stream of OpenCode 2: `/api/event`, of all directories; conversations pick their sessions' events.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use opencode_api::Operation;
use opencode_api::v2::operations::event;

use super::decode::EventDecoder;
use crate::dialect::ids::IdClock;
use crate::error::Result;
use crate::stream::{Decode, Source};
use crate::transport::{BackoffPolicy, Transport};

pub(super) struct Events {
    transport: Transport,
    clock: Arc<IdClock>,
}

impl Events {
    pub(super) fn new(transport: Transport, clock: Arc<IdClock>) -> Self {
        Self { transport, clock }
    }
}

impl Source for Events {
    fn open(&self) -> BoxFuture<'_, Result<reqwest::Response>> {
        async move {
            let request = event::Subscribe::new().request();
            self.transport.open(event::Subscribe::ID, &request).await
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
}
