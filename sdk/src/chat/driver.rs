//! The task behind a conversation: folds events in, closes gaps, ends turns, answers by policy, and sees to it that
//! nothing waits for ever.
//!
//! **Closing a gap.** When the stream opens again (or events were dropped), the server's state is read by REST while
//! the events that arrive meanwhile are held. First the state is folded in, then the events: whatever an event says
//! that the state already holds changes nothing, and of each thing the newest event comes last.
//!
//! **A stop leaves a doubt.** A server that is stopped while it stores a part keeps the part and never sends its event
//! (1.18.33 commits first and can be interrupted before it tells anyone). So after an answer that was stopped the state
//! is read once more, and only then is anything said about the end of its turn.
//!
//! **An answer overtakes the events.** Where a request is answered at the end of its turn, that answer comes on another
//! connection than the events of the turn, and sometimes before them. So the state is read then too.
//!
//! **A prompt that is overlooked is sent once more.** One that reaches 1.18.33 just when it has stopped the turn before is stored,
//! and nothing is done with it (seen, once in some thousand turns). When nothing has run since, it is sent again under the same
//! name, which is the same prompt to the server.
//!
//! **Nothing waits for ever.** While a turn is open and nothing is heard, the server is asked what it is doing. When
//! it says, again and again, that nothing runs, the turn is settled with what is there.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::Instant;

use super::event::ChatEvent;
use super::prompt::Prompt;
use super::shared::{AutoReply, Phase, Shared, State};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::{MessageId, PermissionReply, Snapshot, Status};
use crate::stream::{EventRef, EventStream, StreamItem};
use crate::transport::{Backoff, BackoffPolicy};

/// So often may the server say that nothing runs before a prompt counts as overlooked, or a stopped turn is settled as it is, which
/// takes 5.6 s. Stopped before its first step, 1.18.33 leaves an answer that is never completed (seen).
const IDLE_CHECKS: u32 = 4;

/// So often before a turn that nobody has stopped is given up as lost, which takes 11.2 s: on a loaded machine a server may need
/// more than 5.6 s to begin (seen).
const LOST_CHECKS: u32 = 5;

/// So many events may wait while the state is read; more means to read it again.
const HELD_LIMIT: usize = 100_000;

pub(super) enum Read {
    State(Result<Vec<Snapshot>>),
    Status(Result<Status>),
}

pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) reading: Option<BoxFuture<'static, Read>>,
    /// Whether `reading` is to close a gap: then events are held.
    pub(super) behind: bool,
    pub(super) held: Vec<EventRef>,
    pub(super) backoff: Backoff,
    pub(super) last_heard: Instant,
    /// When something last went on, rather than being said again: each request to stop is answered by an idle status.
    pub(super) last_moved: Instant,
    pub(super) unreachable_since: Option<Instant>,
}

/// Runs until the conversation is dropped or ends for good.
pub(super) async fn drive(shared: Arc<Shared>, mut events: EventStream) {
    let policy = BackoffPolicy { attempts: None, cap: Duration::from_secs(5), ..BackoffPolicy::default() };
    let mut driver = Driver {
        shared: shared.clone(),
        reading: None,
        behind: true,
        held: Vec::new(),
        backoff: Backoff::new(policy),
        last_heard: Instant::now(),
        last_moved: Instant::now(),
        unreachable_since: None,
    };
    loop {
        let wake = driver.next_wake();
        let step = tokio::select! {
            biased;
            read = read_done(&mut driver.reading) => {
                driver.reading = None;
                driver.on_read(read)
            }
            item = events.next() => match item {
                Some(item) => driver.on_item(item),
                None => Err(Error::new(ErrorKind::Internal, "the event stream has ended")),
            },
            () = sleep_until(wake) => {
                driver.on_time();
                Ok(())
            }
            () = shared.nudge.notified() => {
                driver.read_anew();
                Ok(())
            }
        };
        if let Err(error) = step {
            shared.end(error);
            return;
        }
    }
}

/// Whether an answer, also one of a sub-agent, was stopped.
fn is_stop(event: &ChatEvent) -> bool {
    match event {
        ChatEvent::Message(message) => message.error.as_ref().is_some_and(|e| e.aborted),
        ChatEvent::Child { event, .. } => is_stop(event),
        _ => false,
    }
}

/// Whether a turn goes on by this.
fn is_movement(event: &ChatEvent) -> bool {
    !matches!(
        event,
        ChatEvent::Session(_) | ChatEvent::Diff { .. } | ChatEvent::Error(_) | ChatEvent::Other { .. }
    )
}

async fn read_done(reading: &mut Option<BoxFuture<'static, Read>>) -> Read {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Driver {
    fn on_item(&mut self, item: StreamItem) -> Result<()> {
        match item {
            StreamItem::Opened => {
                if let Some(error) = self.shared.line_changed() {
                    return Err(error);
                }
                self.last_heard = Instant::now();
                self.fall_behind();
            }
            StreamItem::Event(event) if self.behind => {
                if self.held.len() >= HELD_LIMIT {
                    self.fall_behind();
                } else {
                    self.held.push(event);
                }
            }
            StreamItem::Event(event) => {
                self.apply(&[event]);
            }
            StreamItem::Lagged(missed) => {
                tracing::debug!(missed, session = %self.shared.root, "events were dropped, reading the state again");
                self.fall_behind();
            }
            StreamItem::Closed(error) => {
                self.shared.set_trouble(&error);
                self.reading = None;
                self.held.clear();
                self.behind = true;
                self.unreachable_since.get_or_insert_with(Instant::now);
                let mut state = self.shared.lock();
                state.mark_gap();
                let was_live = matches!(&*self.shared.phase.borrow(), Phase::Live);
                if was_live {
                    self.shared.phase.send_replace(Phase::Behind);
                    state.publish(&[ChatEvent::Reconnecting { reason: error.message().to_owned() }]);
                }
            }
            StreamItem::Failed(error) => return Err(error),
        }
        Ok(())
    }

    /// Starts reading the state; events are held until it is there.
    fn fall_behind(&mut self) {
        self.held.clear();
        self.behind = true;
        self.shared.lock().mark_gap();
        self.read_state(Duration::ZERO);
    }

    /// Reads the state if a reading is wanted that begins now.
    fn read_anew(&mut self) {
        // While a gap is being closed it comes after that: see `caught_up`.
        if !self.behind && std::mem::take(&mut self.shared.lock().read_anew) {
            self.behind = true;
            self.read_state(Duration::ZERO);
        }
    }

    pub(super) fn read_state(&mut self, delay: Duration) {
        let shared = self.shared.clone();
        self.reading = Some(
            async move {
                tokio::time::sleep(delay).await;
                Read::State(shared.dialect.snapshot(&shared.root).await)
            }
            .boxed(),
        );
    }

    fn on_read(&mut self, read: Read) -> Result<()> {
        match read {
            Read::State(Ok(snapshots)) => self.caught_up(&snapshots),
            Read::Status(Ok(status)) => {
                self.last_heard = Instant::now();
                if status.is_idle() {
                    // Read everything once more, with the stream running: its idle event may have been lost.
                    self.behind = true;
                    self.read_state(Duration::ZERO);
                }
            }
            Read::State(Err(error)) if error.kind() == ErrorKind::NotFound => {
                return Err(error.with_hint("the session was deleted"));
            }
            Read::State(Err(error)) | Read::Status(Err(error)) => {
                let fatal = matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden);
                if fatal {
                    return Err(error);
                }
                self.last_heard = Instant::now();
                self.shared.set_trouble(&error);
                if self.behind {
                    // A stream alone is not enough: what was missed must be readable too.
                    self.unreachable_since.get_or_insert_with(Instant::now);
                    let retry = error.with_retry(Retry::Now);
                    let wait = self.backoff.after(&retry, rand::random()).unwrap_or_default();
                    tracing::debug!(
                        error = retry.message(),
                        ?wait,
                        "the state could not be read, trying again"
                    );
                    self.read_state(wait);
                }
            }
        }
        Ok(())
    }

    /// The state is here: fold it in, then what was held.
    fn caught_up(&mut self, snapshots: &[Snapshot]) {
        self.unreachable_since = None;
        self.backoff.reset();
        let held = std::mem::take(&mut self.held);
        self.behind = false;
        {
            let mut state = self.shared.lock();
            state.in_doubt = state.read_anew;
            let mut out = Vec::new();
            state.scope.resync(snapshots, &held, false, &mut out);
            self.tell(&mut state, &out);
        }
        let moved = self.apply(&held);
        let mut state = self.shared.lock();
        let recovered = matches!(&*self.shared.phase.borrow(), Phase::Behind);
        self.shared
            .phase
            .send_if_modified(|phase| !matches!(std::mem::replace(phase, Phase::Live), Phase::Live));
        if recovered {
            state.publish(&[ChatEvent::Recovered]);
        }
        state.judge();
        // What has changed since the state was read says that something still runs.
        if !moved {
            self.settle_idle(&mut state, snapshots);
        }
        drop(state);
        self.read_anew();
    }

    /// Counts how often an open turn was found idle, and ends it when that has happened too often.
    fn settle_idle(&self, state: &mut State, snapshots: &[Snapshot]) {
        if !state.scope.root().status().is_idle() {
            state.turns.iter_mut().for_each(|t| t.idle_checks = 0);
            return;
        }
        let mut lost: Vec<MessageId> = Vec::new();
        let now = Instant::now();
        for turn in &mut state.turns {
            if self.idle_check_at(turn).is_none_or(|at| at > now) {
                continue;
            }
            turn.idle_checks += 1;
            turn.idle_checked = Some(now);
            if turn.idle_checks < IDLE_CHECKS {
                continue;
            }
            match turn.overlooked(state.scope.root()) {
                Some(prompt) => {
                    turn.idle_checks = 0;
                    self.send_again(turn.message_id.clone(), prompt);
                }
                None if turn.aborting || turn.idle_checks >= LOST_CHECKS => {
                    lost.push(turn.message_id.clone())
                }
                None => {}
            }
        }
        if lost.is_empty() {
            return;
        }
        let mut out = Vec::new();
        state.scope.resync(snapshots, &[], true, &mut out);
        state.publish(&out);
        for id in lost {
            let outcome =
                state.turns.iter().find(|t| t.message_id == id).map(|t| t.settle(state.scope.root()));
            if let Some(outcome) = outcome {
                state.end_turn(&id, outcome);
            }
        }
    }

    /// Sends a prompt that the server has overlooked. If that fails as well, the turn is settled like any other.
    fn send_again(&self, id: MessageId, prompt: Prompt) {
        tracing::warn!(session = %self.shared.root, "the server has taken a prompt and does nothing, sending it again");
        let shared = self.shared.clone();
        tokio::spawn(async move {
            if let Err(error) = shared.dialect.prompt(&shared.root, &id, &prompt).await {
                tracing::debug!(%error, "it could not be sent again");
            }
        });
    }

    /// Folds events in; says whether anything went on.
    fn apply(&mut self, events: &[EventRef]) -> bool {
        let shared = self.shared.clone();
        let mut state = shared.lock();
        let mut moved = false;
        for event in events {
            if !state.scope.concerns(event) {
                continue;
            }
            self.last_heard = Instant::now();
            let mut out = Vec::new();
            state.scope.apply(event, &mut out);
            self.tell(&mut state, &out);
            moved |= out.iter().any(is_movement);
            if state.scope.take_unclear() | out.iter().any(is_stop) {
                state.in_doubt = true;
                self.behind = true;
                self.read_state(Duration::ZERO);
            }
        }
        state.judge();
        if moved {
            self.last_moved = Instant::now();
        }
        moved
    }

    fn tell(&self, state: &mut State, out: &[ChatEvent]) {
        state.publish(out);
        for reply in state.sort_asks(&self.shared.options.policy, out) {
            self.answer(reply);
        }
    }

    /// Sends an answer that no person gives.
    pub(super) fn answer(&self, reply: AutoReply) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let sent = match reply {
                AutoReply::Permission(id, reply) => shared.reply_permission(&id, reply).await,
                AutoReply::RejectQuestion(id) => shared.reply_question(&id, None).await,
                AutoReply::Discard(session, id, true) => {
                    shared.dialect.reply_question(&session, &id, None).await
                }
                AutoReply::Discard(session, id, false) => {
                    let reply = PermissionReply::Reject { message: None };
                    shared.dialect.reply_permission(&session, &id, &reply).await
                }
            };
            if let Err(error) = sent {
                tracing::warn!(%error, "an answer by policy could not be sent");
            }
        });
    }
}
