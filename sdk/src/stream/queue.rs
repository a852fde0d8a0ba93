//! A bounded queue between the stream and one subscriber. It never blocks the stream: a subscriber that falls too
//! far behind loses events and is told so, at the place where they are missing.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::error::Error;
use crate::model::Event;

/// How many events may wait for one subscriber.
const EVENT_LIMIT: usize = 16_384;

/// How many bytes of events may wait for one subscriber, one batch aside.
const BYTE_LIMIT: usize = 64 * 1024 * 1024;

/// Events that arrived together, shared by all subscribers.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    /// Their size on the wire.
    pub(crate) bytes: usize,
}

/// One event, shared with the other subscribers of the connection.
#[derive(Clone, Debug)]
pub struct EventRef {
    batch: Arc<Batch>,
    index: usize,
}

impl Deref for EventRef {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.batch.events[self.index]
    }
}

/// What a subscriber of the event stream receives.
#[derive(Debug)]
pub enum StreamItem {
    /// A connection stands and every event from now on is delivered. The first is the beginning; before each later
    /// one events were missed.
    Opened,
    /// An event.
    Event(EventRef),
    /// The connection was lost; it is being made again.
    Closed(Error),
    /// This subscriber was too slow, or a frame was damaged: this many events are missing here.
    Lagged(u64),
    /// The stream has ended for good (wrong credentials, no OpenCode server). Nothing follows.
    Failed(Error),
}

#[derive(Debug)]
enum Entry {
    Opened,
    Batch(Arc<Batch>, usize),
    Closed(Error),
    Lagged(u64),
    Failed(Error),
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    events: usize,
    bytes: usize,
    missed: u64,
    ended: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    ready: Notify,
}

impl Queue {
    fn with<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> R {
        let result = work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
        self.ready.notify_one();
        result
    }

    pub(crate) fn push_batch(&self, batch: &Arc<Batch>) {
        self.with(|inner| {
            let count = batch.events.len();
            let fits = inner.events == 0
                || (inner.events + count <= EVENT_LIMIT && inner.bytes + batch.bytes <= BYTE_LIMIT);
            let waits = inner.missed > 0 && inner.events > EVENT_LIMIT / 2;
            if !fits || waits {
                inner.missed += count as u64;
                return;
            }
            inner.flush_missed();
            inner.events += count;
            inner.bytes += batch.bytes;
            inner.entries.push_back(Entry::Batch(batch.clone(), 0));
        });
    }

    pub(crate) fn push_opened(&self) {
        self.with(|inner| {
            inner.flush_missed();
            inner.entries.push_back(Entry::Opened);
        });
    }

    /// Without a subscriber that reads, repeated losses must not pile up: one is as good as many.
    pub(crate) fn push_closed(&self, error: &Error) {
        self.with(|inner| {
            inner.flush_missed();
            if !matches!(inner.entries.back(), Some(Entry::Closed(_))) {
                inner.entries.push_back(Entry::Closed(error.duplicate()));
            }
        });
    }

    pub(crate) fn push_damaged(&self) {
        self.with(|inner| inner.missed += 1);
    }

    pub(crate) fn push_failed(&self, error: &Error) {
        self.with(|inner| {
            inner.flush_missed();
            inner.ended = true;
            inner.entries.push_back(Entry::Failed(error.duplicate()));
        });
    }

    /// Nothing comes any more, because nobody wanted anything any more.
    pub(crate) fn end(&self) {
        self.with(|inner| inner.ended = true);
    }

    pub(crate) fn try_next(&self) -> Option<Option<StreamItem>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        if inner.entries.is_empty() && inner.missed > 0 {
            inner.flush_missed();
        }
        let item = match inner.entries.front_mut() {
            None => return inner.ended.then_some(None),
            Some(Entry::Batch(batch, next)) => {
                let event = EventRef { batch: batch.clone(), index: *next };
                *next += 1;
                inner.events -= 1;
                if *next == batch.events.len() {
                    inner.bytes -= batch.bytes;
                    inner.entries.pop_front();
                }
                return Some(Some(StreamItem::Event(event)));
            }
            Some(_) => inner.entries.pop_front()?,
        };
        Some(Some(match item {
            Entry::Opened => StreamItem::Opened,
            Entry::Closed(error) => StreamItem::Closed(error),
            Entry::Lagged(missed) => StreamItem::Lagged(missed),
            Entry::Failed(error) => StreamItem::Failed(error),
            Entry::Batch(batch, index) => StreamItem::Event(EventRef { batch, index }),
        }))
    }

    /// Waits for the next item; `None` after the end.
    pub(crate) async fn next(&self) -> Option<StreamItem> {
        loop {
            if let Some(item) = self.try_next() {
                return item;
            }
            self.ready.notified().await;
        }
    }
}

impl Inner {
    fn flush_missed(&mut self) {
        match std::mem::take(&mut self.missed) {
            0 => {}
            missed => self.entries.push_back(Entry::Lagged(missed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(count: usize) -> Arc<Batch> {
        Arc::new(Batch { events: (0..count).map(|_| Event::Heartbeat).collect(), bytes: count })
    }

    fn drain(queue: &Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.try_next().flatten())
            .map(|item| match item {
                StreamItem::Event(_) => "event".into(),
                StreamItem::Lagged(n) => format!("lagged {n}"),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_slow_subscriber_is_told_where_events_are_missing() {
        let queue = Queue::default();
        queue.push_batch(&batch(EVENT_LIMIT));
        queue.push_batch(&batch(3));
        queue.push_batch(&batch(2));
        let items = drain(&queue);
        assert_eq!(items.len(), EVENT_LIMIT + 1);
        assert_eq!(items.last().unwrap(), "lagged 5");
        queue.push_batch(&batch(1));
        assert_eq!(drain(&queue), ["event"], "once it has caught up it misses nothing");
    }

    #[test]
    fn one_batch_always_fits_however_large() {
        let queue = Queue::default();
        queue.push_batch(&Arc::new(Batch { events: vec![Event::Heartbeat], bytes: BYTE_LIMIT * 2 }));
        assert_eq!(drain(&queue), ["event"]);
    }
}
