//! Reads the events of a server without decoding them, connection after connection, and hands them on in batches.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::Instant;

use super::connection::{broken, ended, ended_by_server, if_ready, silent, too_large};
use super::hub::Source;
use super::patience::Patience;
use super::raw::{RawBatch, RawItem};
use super::sse::SseDecoder;
use crate::error::{Error, Result};

/// A batch is handed on when the network pauses, or at this many events.
const BATCH: usize = 1024;

/// Or at this many bytes.
const BATCH_BYTES: usize = 1024 * 1024;

/// A connection that is made again and again. Dropping it closes it.
pub(super) struct Reader {
    source: Arc<dyn Source>,
    patience: Patience,
    idle: Duration,
    limit: usize,
    state: State,
    /// What came and was not handed on yet.
    batch: RawBatch,
    /// It is made once and not again.
    once: bool,
}

enum State {
    /// To be opened at this time.
    Waiting(Instant),
    Opening(BoxFuture<'static, Result<reqwest::Response>>),
    Open(Box<Open>),
    Failed,
}

struct Open {
    response: reqwest::Response,
    sse: SseDecoder,
    events: usize,
    heard: Instant,
    /// Nobody asked since something was handed on: that time is no silence of the server.
    was_away: bool,
    /// Why it has ended; told when what came before is handed on.
    over: Option<Error>,
}

impl Reader {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        let ((idle, limit), patience) = (source.limits(), Patience::new(source.backoff()));
        // Offsets in a batch have 32 bits.
        let limit = limit.min(u32::MAX as usize / 4);
        let state = State::Waiting(Instant::now());
        Self { source, patience, idle, limit, state, batch: RawBatch::default(), once: false }
    }

    /// A stream that has an end, and is not made again: what it told would be told twice.
    pub(super) fn once(source: Arc<dyn Source>) -> Self {
        Self { once: true, ..Self::new(source) }
    }

    /// What comes next; `None` at the end, or after an error that says why there is none.
    pub(super) async fn next(&mut self) -> Option<Result<RawItem>> {
        loop {
            match &mut self.state {
                State::Failed => return None,
                State::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    let source = self.source.clone();
                    self.state = State::Opening(async move { source.open().await }.boxed());
                }
                State::Opening(opening) => match opening.await {
                    Ok(response) => {
                        let (sse, heard) = (SseDecoder::new(self.limit), Instant::now());
                        self.state = State::Open(Box::new(Open {
                            response,
                            sse,
                            events: 0,
                            heard,
                            was_away: true,
                            over: None,
                        }));
                        return Some(Ok(RawItem::Opened));
                    }
                    Err(error) => return Some(self.closed(error)),
                },
                State::Open(open) => {
                    if open.over.is_none() {
                        open.read(&mut self.batch, self.idle).await;
                    }
                    if !self.batch.events.is_empty() {
                        open.was_away = true;
                        return Some(Ok(RawItem::Events(std::mem::take(&mut self.batch))));
                    }
                    if let Some(error) = open.over.take() {
                        self.source.ended(open.events, &error);
                        if open.events > 1 {
                            self.patience.was_fruitful();
                        }
                        if self.once && ended_by_server(&error) {
                            self.state = State::Failed;
                            return None;
                        }
                        return Some(self.closed(error));
                    }
                }
            }
        }
    }

    fn closed(&mut self, error: Error) -> Result<RawItem> {
        match self.patience.after(&error).filter(|_| !self.once) {
            Some(wait) => {
                tracing::debug!(%error, ?wait, "the stream of raw events is made again");
                self.state = State::Waiting(Instant::now() + wait);
                Ok(RawItem::Closed(error))
            }
            None => {
                self.state = State::Failed;
                Err(error)
            }
        }
    }
}

impl Open {
    /// Reads until something is there and the network pauses, or the batch is full, or the connection is over. Cancel-safe:
    /// what was read is in the batch.
    async fn read(&mut self, batch: &mut RawBatch, idle: Duration) {
        if std::mem::take(&mut self.was_away) {
            self.heard = Instant::now();
        }
        while self.over.is_none() && batch.events.len() < BATCH && batch.data.len() < BATCH_BYTES {
            let chunk = match if_ready(&mut self.response).await {
                Some(chunk) => chunk,
                None if !batch.events.is_empty() => return,
                None => match tokio::time::timeout_at(self.heard + idle, self.response.chunk()).await {
                    Ok(chunk) => chunk,
                    Err(_) => {
                        self.over = Some(silent(idle));
                        return;
                    }
                },
            };
            self.heard = Instant::now();
            self.over = match chunk {
                Ok(Some(bytes)) => {
                    let before = batch.events.len();
                    let fed = self.sse.feed(&bytes, |frame| batch.push(frame.data));
                    self.events += batch.events.len() - before;
                    fed.err().map(too_large)
                }
                Ok(None) => {
                    // The last event may lack its blank line; it counts when it is whole.
                    let whole =
                        |tail: &Vec<u8>| serde_json::from_slice::<serde::de::IgnoredAny>(tail).is_ok();
                    if let Some(tail) = self.sse.finish().filter(whole) {
                        batch.push(&tail);
                        self.events += 1;
                    }
                    Some(ended())
                }
                Err(error) => Some(broken(error)),
            };
        }
    }
}
