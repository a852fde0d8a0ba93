//! The task of one open session: hears the conversation, and hands out what has happened once in a moment. Each watcher has a
//! task of its own, so a slow one delays nobody else.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream as _;
use futures_util::future::FutureExt as _;
use opencode_nexus::chat::{ChatEvent, ChatFeed, Conversation};
use opencode_nexus::model::{AskId, MessageId};
use opencode_nexus::{Error, ErrorKind};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Watcher;
use super::session::Session;
use super::turns::Stop;
use super::watching::Taken;
use crate::language_server::asks::{self, Ask};
use crate::language_server::backend::Backend;
use crate::language_server::convert::error_info;
use crate::language_server::ext::ChatProgress;
use crate::language_server::roots::Root;
use crate::language_server::{content, review};

/// What happens within this time after something was told is told together. A person sees 40 pictures a second as flowing.
const TOGETHER: Duration = Duration::from_millis(25);

/// So many events are taken in before others get their turn.
const AT_ONCE: usize = 1_024;

/// One open session.
pub(super) struct Actor {
    pub root: Root,
    /// The generation of the server that it is opened on.
    generation: AtomicU64,
    state: Mutex<State>,
    /// Something was done to the state beside what the conversation tells.
    pub(super) nudge: Notify,
    numbers: AtomicU64,
    /// Turns that can be stopped.
    pub(super) stops: Mutex<Vec<(MessageId, Arc<Stop>)>>,
}

pub(super) struct State {
    pub(super) session: Session,
    conversation: Conversation,
    pub(super) feed: ChatFeed,
    /// What the agent asks and nobody who watches shows, and what is settled; told when the state is not locked.
    asked: Vec<Asked>,
    pub(super) last_used: Instant,
    over: bool,
}

enum Asked {
    Opened(Ask),
    Closed(AskId),
}

/// What the conversation has told.
enum Heard {
    Something,
    /// It is over.
    Over(Error),
}

impl Actor {
    pub(super) fn start(
        backend: &Backend,
        root: Root,
        generation: u64,
        conversation: Conversation,
    ) -> Arc<Self> {
        let id = conversation.session_id().to_string();
        let (session, feed) = conversation.watch_all(|all| Session::new(id, epoch(), all));
        let state =
            State { session, conversation, feed, asked: Vec::new(), last_used: Instant::now(), over: false };
        let actor = Arc::new(Self {
            root,
            generation: AtomicU64::new(generation),
            state: Mutex::new(state),
            nudge: Notify::new(),
            numbers: AtomicU64::new(0),
            stops: Mutex::default(),
        });
        tokio::spawn(actor.clone().run_guarded(backend.clone()));
        actor
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn conversation(&self) -> Conversation {
        let mut state = self.lock();
        state.last_used = Instant::now();
        state.conversation.clone()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Turns that run.
    pub(super) fn turns(&self) -> usize {
        self.lock().session.turns()
    }

    /// Since when nobody has used it; `None` while somebody does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.lock();
        state.session.is_idle().then_some(state.last_used)
    }

    /// A defect ends this session and no other: who watches is told, and it can be opened anew.
    async fn run_guarded(self: Arc<Self>, backend: Backend) {
        let ended = AssertUnwindSafe(self.clone().run(backend.clone())).catch_unwind().await;
        if ended.is_err() {
            let error = Error::new(ErrorKind::Internal, "following the session has failed")
                .with_hint("see the log, report it, and open the session anew");
            self.close(&error);
            backend.conversations.forget(&self);
            backend.roots.changed();
        }
    }

    async fn run(self: Arc<Self>, backend: Backend) {
        let mut told = Instant::now() - TOGETHER;
        loop {
            let due = self.due(told);
            let over = tokio::select! {
                heard = std::future::poll_fn(|cx| self.hear(&backend, cx)) => match heard {
                    Heard::Something => None,
                    Heard::Over(error) => Some(error),
                },
                () = sleep_until(due) => None,
                () = self.nudge.notified() => None,
            };
            if let Some(error) = over {
                self.close(&error);
                backend.conversations.forget(&self);
                backend.roots.changed();
                return;
            }
            self.pass_on(&backend);
            if self.due(told).is_some_and(|due| due <= Instant::now()) {
                self.lock().session.flush();
                told = Instant::now();
            }
            if self.lock().over {
                return;
            }
        }
    }

    /// When what was gathered is to be told.
    fn due(&self, told: Instant) -> Option<Instant> {
        match self.lock().session.has_gathered()? {
            true => Some(told),
            false => Some(told + TOGETHER),
        }
    }

    /// Takes in what the conversation tells.
    fn hear(&self, backend: &Backend, cx: &mut Context<'_>) -> Poll<Heard> {
        let mut state = self.lock();
        for taken in 0..AT_ONCE {
            match Pin::new(&mut state.feed).poll_next(cx) {
                Poll::Ready(Some(Ok(event))) => state.fold(backend, &event),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Heard::Over(error)),
                Poll::Ready(None) => {
                    let error = Error::new(ErrorKind::Aborted, "the conversation was closed");
                    return Poll::Ready(Heard::Over(error));
                }
                Poll::Pending if taken == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Heard::Something)
    }

    /// Tells the others of this program what concerns them, without a lock: they may look back at us.
    fn pass_on(&self, backend: &Backend) {
        let (asked, conversation, ended, changed) = {
            let mut state = self.lock();
            let ended = state.session.take_ended();
            let changed = state.session.has_gathered().is_some();
            (std::mem::take(&mut state.asked), state.conversation.clone(), ended, changed)
        };
        let session = conversation.session_id().as_str();
        if changed {
            content::grown(backend, session);
        }
        if ended {
            review::turn_ended(backend, &self.root, session);
        }
        for asked in asked {
            match asked {
                Asked::Opened(ask) => asks::opened(backend, &conversation, ask),
                Asked::Closed(id) => asks::closed(backend, &id),
            }
        }
    }

    fn close(&self, error: &Error) {
        let mut state = self.lock();
        state.session.closed(&error_info(error));
        state.session.flush();
        state.session.finish();
        state.over = true;
    }

    /// Ends it because it is not needed any more.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.session.finish();
        state.over = true;
        drop(state);
        self.nudge.notify_one();
    }

    /// The server is another one now: goes on with the conversation there.
    pub(super) fn go_on_with(&self, generation: u64, conversation: Conversation) {
        self.generation.store(generation, Ordering::Relaxed);
        let mut state = self.lock();
        let state = &mut *state;
        let error = Error::new(ErrorKind::TurnLost, "the server was replaced in the middle of the turn")
            .with_hint("send the prompt again");
        state.session.all_lost(&error_info(&error));
        let session = &mut state.session;
        ((), state.feed) = conversation.watch_all(|all| session.reset(all));
        state.conversation = conversation;
        self.nudge.notify_one();
    }

    /// Watches a turn that will be begun; see [`begun`](Self::begun).
    pub(super) fn watch_turn(self: &Arc<Self>, watcher: Arc<dyn Watcher>) -> u64 {
        let number = self.number();
        let wake = self.lock().session.watch_turn(number, watcher.shows_asks());
        tokio::spawn(self.clone().tell(number, watcher, wake));
        number
    }

    /// Watches from now on, to the end of the turn that runs if one does.
    pub(super) fn watch(self: &Arc<Self>, watcher: Arc<dyn Watcher>) {
        let number = self.number();
        let wake = self.lock().session.watch(number, watcher.shows_asks());
        tokio::spawn(self.clone().tell(number, watcher, wake));
    }

    /// Watches the session after what is newer than `since`, or after everything; also gives the epoch and the last number.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        watcher: Arc<dyn Watcher>,
        since: Option<(&str, u64)>,
    ) -> (u64, String, u64) {
        let number = self.number();
        let (wake, epoch, seq) = {
            let mut state = self.lock();
            let state = &mut *state;
            let (session, shows_asks) = (&mut state.session, watcher.shows_asks());
            let wake = with_all(&state.conversation, |all| session.subscribe(number, shows_asks, since, all));
            (wake, session.epoch().to_owned(), session.seq())
        };
        tokio::spawn(self.clone().tell(number, watcher, wake));
        (number, epoch, seq)
    }

    /// What is newer than `since`, or everything.
    pub(super) fn replay(&self, since: Option<(&str, u64)>) -> (String, u64, Vec<ChatProgress>) {
        let mut state = self.lock();
        let state = &mut *state;
        state.last_used = Instant::now();
        let session = &mut state.session;
        let events = with_all(&state.conversation, |all| session.since(since, all));
        (session.epoch().to_owned(), session.seq(), events)
    }

    pub(super) fn unwatch(&self, number: u64) -> bool {
        let mut state = self.lock();
        state.last_used = Instant::now();
        state.session.unwatch(number)
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells a watcher, until there is nothing more for it.
    async fn tell(self: Arc<Self>, number: u64, watcher: Arc<dyn Watcher>, wake: Arc<Notify>) {
        loop {
            let taken = {
                let mut state = self.lock();
                let State { session, conversation, .. } = &mut *state;
                session.take(number, |session| with_all(conversation, |all| session.anew(all)))
            };
            match taken {
                Taken::Events(events) => watcher.tell(events).await,
                Taken::Nothing => wake.notified().await,
                Taken::Over => return,
            }
        }
    }
}

impl State {
    pub(super) fn fold(&mut self, backend: &Backend, event: &ChatEvent) {
        match event {
            ChatEvent::Lagged { missed } => {
                tracing::warn!(missed, "too much happened at once; the transcript is read anew");
                let session = &mut self.session;
                ((), self.feed) = self.conversation.watch_all(|all| session.reset(all));
                return;
            }
            ChatEvent::Reconnecting { .. } => backend.roots.doubt(),
            _ => {}
        }
        self.session.fold(event);
        self.ask(event);
    }

    /// Where nobody who watches asks the person, `asks` does.
    fn ask(&mut self, event: &ChatEvent) {
        let event = match event {
            ChatEvent::Child { event, .. } => event,
            event => event,
        };
        let ask = match event {
            ChatEvent::PermissionAsked(ask) => Ask::Permission((**ask).clone()),
            ChatEvent::QuestionAsked(ask) => Ask::Question((**ask).clone()),
            ChatEvent::PermissionClosed { id, .. } | ChatEvent::QuestionClosed { id, .. } => {
                return self.asked.push(Asked::Closed(id.clone()));
            }
            _ => return,
        };
        if !self.session.shows_asks() {
            self.asked.push(Asked::Opened(ask));
        }
    }
}

/// Looks at all transcripts of a conversation.
fn with_all<R>(
    conversation: &Conversation,
    look: impl FnOnce(&[&opencode_nexus::chat::Transcript]) -> R,
) -> R {
    conversation.watch_all(look).0
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A name for this opening of a session.
fn epoch() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let opening = RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{:x}-{opening:x}", std::process::id())
}
