//! The events of a server in its own words: the text of each, its type found and nothing else read.
//!
//! Unlike the streams that conversations share, one of these has a connection of its own and is read only as fast as somebody
//! takes from it (one batch ahead), so that nothing is ever let go on this side. It is made again when it breaks, falls silent or ends.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::hub::Source;
use super::raw_kind::kind;
use super::raw_reader::Reader;
use crate::error::{Error, ErrorKind, Result};

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
    pub(super) fn push(&mut self, document: &[u8]) {
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
    /// Not there while a batch is being read, and after the end.
    reader: Option<Box<Reader>>,
    /// The batch that is being read: while one is looked at, the next one comes in beside it.
    reading: Option<JoinHandle<Read>>,
}

/// The reader, when there is more to come, and what it has read.
type Read = (Option<Box<Reader>>, Option<Result<RawItem>>);

impl std::fmt::Debug for RawEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawEvents").finish_non_exhaustive()
    }
}

impl RawEvents {
    pub(crate) fn new(source: Arc<dyn Source>) -> Self {
        Self { reader: Some(Box::new(Reader::new(source))), reading: None }
    }

    /// A stream that has an end, and is not made again: what it told would be told twice.
    pub(crate) fn once(source: Arc<dyn Source>) -> Self {
        Self { reader: Some(Box::new(Reader::once(source))), reading: None }
    }

    /// What comes next; `None` after an error, which says that the stream cannot be made again (wrong credentials, no OpenCode
    /// server). Waits for ever when nothing comes; a connection that is silent for too long is made again. Cancel-safe.
    ///
    /// One of [`Client::stream_by_id`](crate::Client::stream_by_id) that tells of a single thing ends with `None`.
    ///
    /// Must be called inside a tokio runtime, which reads: so events come in large batches whoever waits for them.
    pub async fn next(&mut self) -> Option<Result<RawItem>> {
        self.read_ahead();
        let (reader, item) = match self.reading.as_mut()?.await {
            Ok(read) => read,
            Err(error) => {
                let failed = Error::new(ErrorKind::Internal, "the task that reads events has failed");
                (None, Some(Err(failed.with_source(error))))
            }
        };
        (self.reader, self.reading) = (reader, None);
        self.read_ahead();
        item
    }

    fn read_ahead(&mut self) {
        if self.reading.is_none()
            && let Some(mut reader) = self.reader.take()
        {
            self.reading = Some(tokio::spawn(async move {
                let item = reader.next().await;
                // After an error and after the end there is nothing more.
                let reader = matches!(item, Some(Ok(_))).then_some(reader);
                (reader, item)
            }));
        }
    }
}

impl Drop for RawEvents {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}
