//! The events of a server in its own words: the text of each, its type found and nothing else read.
//!
//! Unlike the streams that conversations share, one of these has a connection of its own and is read only as fast as somebody
//! takes from it, so that nothing is ever let go on this side. It is made again when it breaks, falls silent or ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::Instant;

use super::connection::{broken, ended, ended_by_server, if_ready, silent, too_large};
use super::hub::Source;
use super::patience::Patience;
use super::raw_kind::kind;
use super::sse::SseDecoder;
use crate::error::{Error, Result};

/// A batch is handed on when the network pauses, or at this many events.
const BATCH: usize = 1024;

/// Or at this many bytes.
const BATCH_BYTES: usize = 1024 * 1024;

/// Events that came together: their texts one after another, and where each begins and ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawBatch {
    /// The JSON documents of the events, one after another, as the server sent them. Servers send UTF-8; it is not checked.
    pub data: Vec<u8>,
    /// Where they stand.
    pub events: Vec<RawEvent>,
}

/// Where an event stands in [`RawBatch::data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// Its first byte.
    pub start: u32,
    /// Behind its last byte.
    pub end: u32,
    /// The first byte of its `type`.
    pub kind_start: u32,
    /// Behind the last byte of its `type`; the same as `kind_start` when it has none.
    pub kind_end: u32,
}

impl RawBatch {
    /// The text of an event, and its type; empty for one that is not of this batch.
    pub fn get(&self, event: &RawEvent) -> (&[u8], &[u8]) {
        let part = |from: u32, to: u32| self.data.get(from as usize..to as usize).unwrap_or_default();
        (part(event.start, event.end), part(event.kind_start, event.kind_end))
    }

    /// An event that would make the batch larger than can be told is left to the next one.
    fn push(&mut self, document: &[u8]) {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let start = self.data.len();
        self.data.extend_from_slice(document);
        let kind = kind(document).unwrap_or(0..0);
        self.events.push(RawEvent {
            start: place(start),
            end: place(self.data.len()),
            kind_start: place(start + kind.start),
            kind_end: place(start + kind.end),
        });
    }
}

/// What a stream of raw events gives.
#[derive(Debug)]
pub enum RawItem {
    /// A connection stands. The first is the beginning; before each later one events were missed.
    Opened,
    /// Events.
    Events(RawBatch),
    /// The connection was lost; it is being made again.
    Closed(Error),
}

/// The events of a server from now on, untouched. Dropping it closes its connection.
pub struct RawEvents {
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

impl std::fmt::Debug for RawEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawEvents").finish_non_exhaustive()
    }
}

impl RawEvents {
    pub(crate) fn new(source: Arc<dyn Source>) -> Self {
        let ((idle, limit), patience) = (source.limits(), Patience::new(source.backoff()));
        // Offsets in a batch have 32 bits.
        let limit = limit.min(u32::MAX as usize / 4);
        let state = State::Waiting(Instant::now());
        Self { source, patience, idle, limit, state, batch: RawBatch::default(), once: false }
    }

    /// A stream that has an end, and is not made again: what it told would be told twice.
    pub(crate) fn once(source: Arc<dyn Source>) -> Self {
        Self { once: true, ..Self::new(source) }
    }

    /// What comes next; `None` after an error, which says that the stream cannot be made again (wrong credentials, no OpenCode
    /// server). Waits for ever when nothing comes; a connection that is silent for too long is made again. Cancel-safe.
    ///
    /// One of [`Client::stream_by_id`](crate::Client::stream_by_id) that tells of a single thing ends with `None`.
    ///
    /// Must be called inside a tokio runtime.
    pub async fn next(&mut self) -> Option<Result<RawItem>> {
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
