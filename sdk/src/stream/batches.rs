//! Takes from a stream whatever waits there, in one go: for borders that cost something each time they are crossed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::Stream;

/// A stream by batches.
#[derive(Debug)]
pub struct Batches<S> {
    stream: S,
}

impl<S: Stream + Unpin> Batches<S> {
    /// The batches of a stream.
    pub fn new(stream: S) -> Self {
        Self { stream }
    }

    /// Waits for one item, and takes with it what is there already, `most` at most; `None` after the end. Cancel-safe.
    pub async fn next(&mut self, most: usize) -> Option<Vec<S::Item>> {
        let mut batch = Vec::new();
        poll_fn(|context| {
            while batch.len() < most.max(1) {
                match Pin::new(&mut self.stream).poll_next(context) {
                    Poll::Ready(Some(item)) => batch.push(item),
                    Poll::Ready(None) => break,
                    Poll::Pending if batch.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(())
        })
        .await;
        (!batch.is_empty()).then_some(batch)
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Gives the stream back. Nothing was taken from it that was not handed on.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::{self, StreamExt as _};

    #[tokio::test]
    async fn what_waits_comes_together_in_order_and_the_end_is_told_once_everything_came() {
        let mut batches = Batches::new(stream::iter(0..5).chain(stream::iter(5..7)));
        assert_eq!(batches.next(3).await, Some(vec![0, 1, 2]));
        assert_eq!(batches.next(0).await, Some(vec![3]), "at least one");
        assert_eq!(batches.next(100).await, Some(vec![4, 5, 6]));
        assert_eq!(batches.next(100).await, None);
    }

    #[tokio::test]
    async fn an_item_does_not_wait_for_the_next() {
        let mut batches = Batches::new(stream::iter([9]).chain(stream::pending()));
        assert_eq!(batches.next(10).await, Some(vec![9]));
    }
}
