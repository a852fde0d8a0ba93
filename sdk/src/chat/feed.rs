//! The queue between a conversation and one of those who watch it. Deltas of the same part that wait are joined, and
//! an older state of the same thing gives way to the newer, so a slow reader costs about as much memory as the
//! transcript itself and still sees every character.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

use super::event::ChatEvent;
use crate::error::{Error, Result};

/// From this many waiting events on, joining looks further back than the last one.
const JOIN_FROM: usize = 64;

/// At this many waiting events that cannot be joined, the reader has lost contact.
const LIMIT: usize = 16_384;

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Result<ChatEvent>>,
    missed: u64,
    ended: bool,
    waker: Option<Waker>,
}

/// The sending side.
#[derive(Debug, Default)]
pub(super) struct FeedQueue {
    inner: Mutex<Inner>,
}

/// The differences of a conversation, from the moment of subscribing on.
///
/// Ends when the conversation is closed. Dropping it unsubscribes.
#[derive(Debug)]
pub struct ChatFeed {
    queue: Arc<FeedQueue>,
}

impl ChatFeed {
    pub(super) fn new() -> (Self, Arc<FeedQueue>) {
        let queue = Arc::new(FeedQueue::default());
        (Self { queue: queue.clone() }, queue)
    }

    /// The next difference; `None` when the conversation was closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<ChatEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The next difference if one waits already.
    pub fn try_next(&mut self) -> Option<Result<ChatEvent>> {
        self.queue.lock().pop()
    }

    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ChatEvent>>> {
        let mut inner = self.queue.lock();
        match inner.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if inner.ended => Poll::Ready(None),
            None => {
                inner.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for ChatFeed {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl FeedQueue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, event: &ChatEvent) {
        let mut inner = self.lock();
        if inner.missed > 0 && inner.waiting.len() > LIMIT / 2 {
            inner.missed += 1;
        } else if !inner.join(event) {
            if inner.waiting.len() >= LIMIT {
                inner.missed += 1;
            } else {
                inner.flush_missed();
                inner.waiting.push_back(Ok(event.clone()));
            }
        }
        inner.wake();
    }

    /// Ends the feed, with an error if there is one.
    pub(super) fn end(&self, error: Option<Error>) {
        let mut inner = self.lock();
        if !inner.ended {
            inner.ended = true;
            inner.waiting.extend(error.map(Err));
        }
        inner.wake();
    }
}

impl Inner {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn flush_missed(&mut self) {
        match std::mem::take(&mut self.missed) {
            0 => {}
            missed => self.waiting.push_back(Ok(ChatEvent::Lagged { missed })),
        }
    }

    fn pop(&mut self) -> Option<Result<ChatEvent>> {
        if self.waiting.is_empty() {
            self.flush_missed();
        }
        self.waiting.pop_front()
    }

    /// Joins with what waits already. Looking back stops at anything else about the same part, so order is kept.
    fn join(&mut self, event: &ChatEvent) -> bool {
        let ChatEvent::Text { part_id, delta, .. } = event else { return false };
        let depth = if self.waiting.len() >= JOIN_FROM { self.waiting.len() } else { 1 };
        for waiting in self.waiting.iter_mut().rev().take(depth) {
            match waiting {
                Ok(ChatEvent::Text { part_id: other, delta: text, .. }) if other == part_id => {
                    text.push_str(delta);
                    return true;
                }
                Ok(ChatEvent::TextReplaced { part_id: other, text, .. }) if other == part_id => {
                    text.push_str(delta);
                    return true;
                }
                Ok(ChatEvent::Text { .. }) => {}
                _ => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::TextKind;

    fn text(part: &str, delta: &str) -> ChatEvent {
        ChatEvent::Text {
            message_id: "m".into(),
            part_id: part.into(),
            kind: TextKind::Text,
            delta: delta.into(),
        }
    }

    #[test]
    fn a_slow_reader_gets_every_character_in_few_events() {
        let (mut feed, queue) = ChatFeed::new();
        for n in 0..100_000 {
            queue.push(&text("p", &format!("{n} ")));
        }
        let mut seen = String::new();
        while let Some(Ok(ChatEvent::Text { delta, .. })) = feed.try_next() {
            seen.push_str(&delta);
        }
        assert_eq!(seen, (0..100_000).map(|n| format!("{n} ")).collect::<String>());
    }

    #[test]
    fn what_cannot_be_joined_is_bounded_and_its_loss_is_told() {
        let (mut feed, queue) = ChatFeed::new();
        for _ in 0..LIMIT + 10 {
            queue.push(&ChatEvent::Recovered);
        }
        let all: Vec<_> = std::iter::from_fn(|| feed.try_next()).collect();
        assert_eq!(all.len(), LIMIT + 1);
        assert!(matches!(all.last(), Some(Ok(ChatEvent::Lagged { missed: 10 }))));
    }
}
