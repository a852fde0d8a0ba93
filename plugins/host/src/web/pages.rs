//! The pages that are open, and what is sent to them: server-sent events (HTML Living Standard, 9.2) with numbers, of which
//! the last are kept for pages that come back.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

/// So many pages may listen at once.
const CLIENTS: usize = 16;

/// What may wait for one page; one that is slower is cut off, and comes back by itself.
const WAITING: usize = 1_024;
const WAITING_BYTES: usize = 4 << 20;

/// What is kept for pages that come back.
const KEPT: usize = 1_024;
const KEPT_BYTES: usize = 2 << 20;

/// The longest JSON that is sent at once.
const LONGEST: usize = 256 << 10;

/// The pages of one plugin.
pub struct Pages {
    state: Mutex<State>,
    /// Numbers mean something as long as the server lives.
    epoch: String,
}

#[derive(Default)]
struct State {
    clients: BTreeMap<u32, Client>,
    /// The number of the last page.
    named: u32,
    /// The number of the last event.
    number: u64,
    /// Of the last event that is not kept any more.
    dropped: u64,
    kept: VecDeque<(u64, Bytes)>,
    kept_bytes: usize,
}

struct Client {
    sender: mpsc::Sender<Bytes>,
    waiting: Arc<AtomicUsize>,
}

/// Why something could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// That is no JSON, or no name of a channel.
    Invalid,
    /// It is longer than 256 KiB.
    TooLong,
    /// There is no such page (any more).
    NotFound,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("open", &self.open_count()).finish_non_exhaustive()
    }
}

impl Default for Pages {
    fn default() -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        let epoch = RandomState::new().hash_one(std::time::SystemTime::now());
        Self { state: Mutex::default(), epoch: format!("{epoch:x}") }
    }
}

impl Pages {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub fn open_count(&self) -> usize {
        self.lock().clients.len()
    }

    /// Whether this page is open.
    pub(super) fn is_open(&self, client: u32) -> bool {
        self.lock().clients.contains_key(&client)
    }

    /// Sends JSON to all pages, or to one. `channel` is what the page listens to: lower case letters, digits and hyphens;
    /// `nexus` is the host's own. Pages that come back get what was sent to all meanwhile, as far as it is kept.
    ///
    /// # Errors
    /// See [`PushError`]. That no page is open is none.
    pub fn push(&self, client: Option<u32>, channel: &str, json: &str) -> Result<(), PushError> {
        if !is_channel(channel) {
            return Err(PushError::Invalid);
        }
        if json.len() > LONGEST {
            return Err(PushError::TooLong);
        }
        let value: &serde_json::value::RawValue =
            serde_json::from_str(json).map_err(|_| PushError::Invalid)?;
        let mut state = self.lock();
        if let Some(client) = client {
            let frame = frame(None, channel, value.get());
            return if state.send(client, &frame) { Ok(()) } else { Err(PushError::NotFound) };
        }
        state.number += 1;
        let frame = frame(Some((&self.epoch, state.number)), channel, value.get());
        state.keep(frame.clone());
        let all: Vec<u32> = state.clients.keys().copied().collect();
        for client in all {
            state.send(client, &frame);
        }
        Ok(())
    }

    /// A page listens from now on, behind the last event that it has seen. None when there are too many.
    pub(super) fn open(self: &Arc<Self>, last: Option<&str>) -> Option<(u32, Listening)> {
        let mut state = self.lock();
        if state.clients.len() >= CLIENTS {
            return None;
        }
        state.named = state.named.checked_add(1).unwrap_or(1);
        let (client, waiting) = (state.named, Arc::new(AtomicUsize::new(0)));
        let missed = state.since(last.and_then(|last| self.number(last)));
        // Room for what it has missed, too.
        let (sender, receiver) = mpsc::channel(WAITING + KEPT + 1);
        state.clients.insert(client, Client { sender, waiting: waiting.clone() });
        let hello = format!("{{\"client\":{client},\"resumed\":{}}}", missed.is_some());
        state.send(client, &frame(None, "nexus", &hello));
        for frame in missed.into_iter().flatten() {
            state.send(client, &frame);
        }
        drop(state);
        Some((client, Listening { receiver, waiting, pages: self.clone(), client, then: None }))
    }

    /// The number in `EPOCH-NUMBER`.
    fn number(&self, last: &str) -> Option<u64> {
        let (epoch, number) = last.split_once('-')?;
        number.parse().ok().filter(|_| epoch == self.epoch)
    }

    /// Says to all that somebody is there; who does not listen any more is let go.
    pub(super) fn ping(&self) {
        let mut state = self.lock();
        let all: Vec<u32> = state.clients.keys().copied().collect();
        for client in all {
            state.send(client, &Bytes::from_static(b":\n\n"));
        }
    }
}

impl State {
    /// A page that is too slow is closed.
    fn send(&mut self, client: u32, frame: &Bytes) -> bool {
        let Some(open) = self.clients.get(&client) else { return false };
        let waiting = open.waiting.fetch_add(frame.len(), Ordering::Relaxed) + frame.len();
        let sent = waiting <= WAITING_BYTES + KEPT_BYTES && open.sender.try_send(frame.clone()).is_ok();
        if !sent {
            self.clients.remove(&client);
        }
        sent
    }

    fn keep(&mut self, frame: Bytes) {
        self.kept_bytes += frame.len();
        self.kept.push_back((self.number, frame));
        while self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES {
            let Some((number, oldest)) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.len();
            self.dropped = number;
        }
    }

    /// What was sent to all after this one; none when some of it is not kept, or nobody knows the number.
    fn since(&self, last: Option<u64>) -> Option<Vec<Bytes>> {
        let last = last.filter(|last| (self.dropped..=self.number).contains(last))?;
        Some(self.kept.iter().filter(|(number, _)| *number > last).map(|(_, frame)| frame.clone()).collect())
    }
}

/// What one page is sent. Dropping it closes the page.
pub(super) struct Listening {
    receiver: mpsc::Receiver<Bytes>,
    waiting: Arc<AtomicUsize>,
    pages: Arc<Pages>,
    client: u32,
    then: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Listening {
    /// What is done when the page is closed.
    pub(super) fn and_then(mut self, then: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.then = Some(Box::new(then));
        self
    }
}

impl Stream for Listening {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let polled = self.receiver.poll_recv(cx);
        if let Poll::Ready(Some(frame)) = &polled {
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
        }
        polled
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.pages.lock().clients.remove(&self.client);
        if let Some(then) = self.then.take() {
            then();
        }
    }
}

fn is_channel(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&name.len()) && name != "nexus" && name.chars().all(plain)
}

/// One event. JSON may have line breaks between its values, and each line is a field of its own.
fn frame(id: Option<(&str, u64)>, channel: &str, json: &str) -> Bytes {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(json.len() + 64);
    if let Some((epoch, number)) = id {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "id: {epoch}-{number}");
    }
    let _ = writeln!(out, "event: {channel}");
    for line in json.split(['\n', '\r']) {
        let _ = writeln!(out, "data: {line}");
    }
    out.push('\n');
    out.into()
}
