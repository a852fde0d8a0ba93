//! The events of a server in its own words. They cross the border by batches: their bytes, where each stands, and the number of its
//! type; the text of a type crosses once.

use std::collections::HashMap;
use std::sync::Arc;

use napi_derive::napi;
use opencode_nexus::stream::{RawBatch, RawEvents, RawItem};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::failure;
use crate::port::Shared;

/// More types than any server has; a server that makes them up costs no more memory than this.
const KINDS: usize = 1024;

/// The number of a type that is not remembered: JavaScript reads it from the event.
const UNKNOWN: u32 = u32::MAX;

/// A stream of raw events.
#[napi]
pub struct Events {
    shared: Arc<Shared>,
    reading: Option<Arc<Mutex<Reading>>>,
    /// Ends a reading that waits.
    closed: CancellationToken,
}

struct Reading {
    stream: RawEvents,
    /// The types that JavaScript knows, by their numbers.
    kinds: HashMap<Vec<u8>, u32>,
}

/// Events on their way to JavaScript.
pub struct RawAnswer {
    /// Their JSON, one after another.
    pub data: Vec<u8>,
    /// Begin, end and number of the type, of each.
    pub places: Vec<u32>,
    /// The types that are new, in the order of their numbers.
    pub kinds: Vec<String>,
}

impl Events {
    /// Those of a stream.
    pub fn new(shared: Arc<Shared>, stream: RawEvents) -> Self {
        let reading = Reading { stream, kinds: HashMap::new() };
        Self { shared, reading: Some(Arc::new(Mutex::new(reading))), closed: CancellationToken::new() }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.close();
    }
}

#[napi]
impl Events {
    /// What has come: `[bytes, places, new types]`, `"null"` when a connection stands, the JSON of an error when it was lost and is
    /// being made again; `null` after the end.
    #[napi]
    pub fn next(&self, number: u32) {
        let reading = self.reading.clone();
        let closed = self.closed.clone();
        self.shared.perform(number, async move {
            let Some(reading) = reading else { return Ok(Answer::Nothing) };
            let read = async {
                let mut reading = reading.lock().await;
                Ok(match reading.stream.next().await.transpose()? {
                    None => Answer::Nothing,
                    Some(RawItem::Opened) => Answer::Json("null".to_owned()),
                    Some(RawItem::Closed(error)) => Answer::Json(failure::to_json(&error)),
                    Some(RawItem::Events(batch)) => Answer::Raw(reading.numbered(batch)),
                })
            };
            closed.run_until_cancelled(read).await.unwrap_or(Ok(Answer::Nothing))
        });
    }

    /// Closes the connection.
    #[napi]
    pub fn close(&mut self) {
        self.closed.cancel();
        self.shared.let_go(self.reading.take());
    }
}

impl Reading {
    fn numbered(&mut self, batch: RawBatch) -> RawAnswer {
        let (mut places, mut new) = (Vec::with_capacity(batch.events.len() * 3), Vec::new());
        for event in &batch.events {
            let (_, kind) = batch.get(event);
            let number = match self.kinds.get(kind) {
                Some(number) => *number,
                None => self.remember(kind, &mut new),
            };
            places.extend([event.start, event.end, number]);
        }
        RawAnswer { data: batch.data, places, kinds: new }
    }

    fn remember(&mut self, kind: &[u8], new: &mut Vec<String>) -> u32 {
        // What was not found easily, for example because something in it is escaped, JavaScript reads itself.
        let plain = std::str::from_utf8(kind).ok().filter(|word| !word.is_empty() && !word.contains('\\'));
        match (plain, u32::try_from(self.kinds.len())) {
            (Some(word), Ok(number)) if self.kinds.len() < KINDS => {
                self.kinds.insert(kind.to_owned(), number);
                new.push(word.to_owned());
                number
            }
            _ => UNKNOWN,
        }
    }
}
