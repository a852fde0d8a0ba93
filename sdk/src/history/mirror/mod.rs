//! Writes what a conversation tells into the history, beside it: a turn never waits for the disk.
//!
//! The mirror hears the conversation's feed only to know what has changed; what is written is read from the transcript when
//! its turn comes. So memory stays bounded however slow the disk is: names of messages wait, never their texts, and at most
//! one batch is on its way.
//!
//! **While a message grows**, what is new of it is stored every 100 ms, sure against the end of the process. **When it is
//! complete**, or nothing runs any more, it becomes one record, sure against the loss of power. A prompt that waits at the
//! server is no message yet: it is stored when it becomes one.
//!
//! **What is removed** from the conversation (undone, taken back) is removed here too. **A session that is deleted** on the
//! server stays. One that is deleted here while it is open is written again with its next change.
//!
//! **When a conversation is opened**, all of it is in the transcript. If the stored session says that it was complete at the
//! same moment of the server's time, nothing is compared; else the sum of each stored record is, and what differs is written.
//!
//! **When writing fails** the conversation goes on. It is tried again, later and later; nothing is lost meanwhile, because
//! the transcript still has it.

mod copies;
mod session;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::writer::Writer;
pub(super) use self::writer::submit;
use super::History;
use crate::chat::{ChatFeed, Conversation};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::transport::{Backoff, BackoffPolicy};

/// So long what grows is gathered. The 250 ms that are promised leave room for the write, and for a machine that is busy.
const EVERY: Duration = Duration::from_millis(100);

/// So long a conversation that has ended tries to write its last words.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A conversation that is being written down. Dropping it writes what is there and ends it.
#[derive(Debug)]
pub struct Mirror {
    progress: watch::Receiver<Progress>,
    flushes: watch::Sender<u64>,
    _stop: DropGuard,
}

/// How far the writing is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MirrorState {
    /// Everything that was told is stored.
    Written,
    /// Something waits to be written.
    Behind,
    /// Writing has failed; it is tried again. One line says why.
    Failing(String),
}

#[derive(Debug, Default)]
struct Progress {
    /// Something waits.
    behind: bool,
    /// Why the last write failed.
    failing: Option<Error>,
    /// The last flush that was done, and the last that was tried.
    flushed: u64,
    tried: u64,
    /// Nothing will be written any more.
    ended: bool,
}

impl History {
    /// Keeps a conversation with its sub-agents up to date in the history until the mirror is dropped or the
    /// conversation ends. It is stored under the client's [`server_name`](crate::Client::server_name).
    ///
    /// Must be called inside a tokio runtime. A client that was made
    /// [with a history](crate::ClientBuilder::history) does it by itself.
    pub fn follow(&self, conversation: &Conversation) -> Mirror {
        let observer = conversation.observer();
        let stop = conversation.stopped().child_token();
        let feed = observer.subscribe();
        let writer = Writer::new(self.vault.clone(), conversation.client().server_name(), observer);
        let (progress, seen) = watch::channel(Progress { behind: true, ..Progress::default() });
        let (flushes, wanted) = watch::channel(0);
        let work = Work { writer: Arc::new(writer), feed, progress, wanted, done: false };
        tokio::spawn(work.run(stop.clone()));
        Mirror { progress: seen, flushes, _stop: stop.drop_guard() }
    }
}

impl Mirror {
    /// How far it is.
    pub fn state(&self) -> MirrorState {
        let progress = self.progress.borrow();
        match &progress.failing {
            Some(error) => MirrorState::Failing(error.to_string()),
            None if progress.behind => MirrorState::Behind,
            None => MirrorState::Written,
        }
    }

    /// Waits until everything that was told by now is stored for good, at most `bound`. Cancel-safe.
    ///
    /// # Errors
    /// `system.timeout`, or why writing fails.
    pub async fn flush(&self, bound: Duration) -> Result<()> {
        let mut mine = 0;
        self.flushes.send_modify(|count| {
            *count += 1;
            mine = *count;
        });
        let mut progress = self.progress.clone();
        let done = progress.wait_for(|p| p.tried >= mine || p.ended);
        let timeout = || {
            let message = format!("the history could not be written within {} s", bound.as_secs_f32());
            Error::new(ErrorKind::Timeout, message)
                .with_hint("look whether the disk is slow or another program writes")
        };
        match tokio::time::timeout(bound, done).await {
            Ok(Ok(progress)) => match &progress.failing {
                Some(error) => Err(error.duplicate()),
                None => Ok(()),
            },
            // The task is gone: its last words were said.
            Ok(Err(_)) => Ok(()),
            Err(_) => Err(timeout()),
        }
    }
}

/// The task behind a mirror.
struct Work {
    writer: Arc<Writer>,
    feed: ChatFeed,
    progress: watch::Sender<Progress>,
    wanted: watch::Receiver<u64>,
    /// Whether the last words were written, or cannot be.
    done: bool,
}

impl Work {
    async fn run(mut self, stop: CancellationToken) {
        let policy =
            BackoffPolicy { attempts: None, cap: Duration::from_secs(30), ..BackoffPolicy::default() };
        let mut backoff = Backoff::new(policy);
        while !stop.is_cancelled() && !self.has_ended() {
            let wait = match self.write().await {
                Ok(()) => {
                    backoff.reset();
                    None
                }
                Err(error) => backoff.after(&error.with_retry(Retry::Now), rand::random()),
            };
            self.pause(wait, &stop).await;
        }
        // What was told until now is in the queue, and the transcript has it.
        if tokio::time::timeout(LAST_WORDS, self.write()).await.is_ok_and(|written| written.is_ok()) {
            self.done = true;
        }
    }

    fn has_ended(&self) -> bool {
        self.writer.has_ended()
    }

    /// Writes everything that was told by now.
    async fn write(&mut self) -> Result<()> {
        let flush = *self.wanted.borrow_and_update();
        let for_good = flush > self.progress.borrow().flushed;
        self.hear();
        let result = self.write_and_hear(for_good).await;
        let marked = self.writer.is_marked();
        self.progress.send_modify(|p| {
            p.tried = flush;
            p.behind = result.is_err() || marked;
            p.failing = result.as_ref().err().map(Error::duplicate);
            if result.is_ok() {
                p.flushed = flush;
            }
        });
        if let Err(error) = &result {
            tracing::warn!(%error, "the history could not be written, trying again");
        }
        result
    }

    /// The feed is heard meanwhile, so that it does not pile up while the disk is slow.
    async fn write_and_hear(&mut self, for_good: bool) -> Result<()> {
        let writer = self.writer.clone();
        let mut work = std::pin::pin!(writer.write(for_good));
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                event = self.feed.next() => match event {
                    Some(event) => writer.mark(event.as_ref().ok()),
                    None => {
                        writer.end();
                        return work.await;
                    }
                },
            }
        }
    }

    /// Marks what the feed tells.
    fn hear(&mut self) {
        while let Some(event) = self.feed.try_next() {
            self.writer.mark(event.as_ref().ok());
        }
    }

    /// Waits until there is something to write, and a little longer, so that it is worth it. After a failure it waits `wait`.
    async fn pause(&mut self, wait: Option<Duration>, stop: &CancellationToken) {
        if let Some(wait) = wait {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                _ = self.wanted.changed() => {}
            }
            return;
        }
        while !self.writer.is_marked() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                changed = self.wanted.changed() => if changed.is_ok() { return },
                event = self.feed.next() => match event {
                    Some(event) => self.writer.mark(event.as_ref().ok()),
                    None => return self.writer.end(),
                }
            }
        }
        self.progress.send_modify(|p| p.behind = true);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
            _ = self.wanted.changed() => {}
        }
    }
}

/// When the runtime goes away before the last words were written, they are queued in the vault, which writes what is queued
/// before it closes.
impl Drop for Work {
    fn drop(&mut self) {
        if !self.done {
            self.hear();
            if let Err(error) = self.writer.queue() {
                tracing::warn!(%error, "the end of a conversation may be missing in the history");
            }
        }
        self.progress.send_modify(|p| p.ended = true);
    }
}
