//! What a conversation's handles and its driver share: the state, and the few steps that change it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::event::{ChatEvent, TurnOutcome};
use super::feed::{ChatFeed, FeedQueue};
use super::policy::{AskPolicy, Decision};
use super::scope::Scope;
use super::transcript::Transcript;
use super::verdict::{OpenTurn, Request};
use crate::client::Spoken;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AskId, MessageId, PermissionReply, SessionId};

/// How a conversation behaves.
#[derive(Clone, Debug)]
pub struct ConversationOptions {
    /// Who answers when the agent asks.
    pub policy: AskPolicy,
    /// A turn is given up when the server cannot be reached for this long. Default 5 minutes.
    pub give_up: Duration,
    /// How long opening may take. Default 30 s.
    pub open_within: Duration,
}

impl Default for ConversationOptions {
    fn default() -> Self {
        Self {
            policy: AskPolicy::default(),
            give_up: Duration::from_secs(300),
            open_within: Duration::from_secs(30),
        }
    }
}

/// How the conversation stands with its server.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// The first state is being read.
    Opening,
    /// Every event is seen.
    Live,
    /// Events may be missing; being read again.
    Behind,
    /// For good.
    Ended(Arc<Error>),
}

pub(super) struct Shared {
    pub(super) dialect: Arc<dyn Dialect>,
    spoken: Spoken,
    /// How often the line had changed when the conversation was opened.
    changes: u64,
    pub(super) root: SessionId,
    pub(super) options: ConversationOptions,
    pub(super) state: Mutex<State>,
    pub(super) phase: watch::Sender<Phase>,
    /// Why the last attempt to follow the server failed.
    pub(super) trouble: Mutex<Option<Error>>,
    /// Wakes the driver: something was changed that it waits by.
    pub(super) nudge: Notify,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation").field("session", &self.root).finish_non_exhaustive()
    }
}

pub(super) struct State {
    pub(super) scope: Scope,
    pub(super) turns: Vec<OpenTurn>,
    pub(super) deadlines: HashMap<MessageId, Instant>,
    /// The server may have more than its events say: no turn is judged before its state was read.
    pub(super) in_doubt: bool,
    /// And it is to be read from now on: a reading that has begun may miss what is known to have happened.
    pub(super) read_anew: bool,
    feeds: Vec<Weak<FeedQueue>>,
    turn_feeds: HashMap<MessageId, Weak<FeedQueue>>,
    /// Requests that wait for a person, and until when.
    pub(super) asked: HashMap<AskId, Asked>,
}

pub(super) struct Asked {
    pub(super) until: Option<Instant>,
    pub(super) question: bool,
}

/// An answer that the policy gives, to be sent by the driver.
pub(super) enum AutoReply {
    Permission(AskId, PermissionReply),
    RejectQuestion(AskId),
    /// Servers keep the requests of a stopped turn on their lists; nobody waits for them any more.
    Discard(SessionId, AskId, bool),
}

impl Shared {
    pub(super) fn new(spoken: &Spoken, root: SessionId, options: ConversationOptions) -> Self {
        let (changes, dialect) = (spoken.changes(), spoken.dialect());
        let state = State {
            scope: Scope::new(root.clone(), dialect.part_order(), dialect.idle_is_final()),
            turns: Vec::new(),
            deadlines: HashMap::new(),
            in_doubt: false,
            read_anew: false,
            feeds: Vec::new(),
            turn_feeds: HashMap::new(),
            asked: HashMap::new(),
        };
        Self {
            dialect,
            spoken: spoken.clone(),
            changes,
            root,
            options,
            state: Mutex::new(state),
            phase: watch::channel(Phase::Opening).0,
            trouble: Mutex::new(None),
            nudge: Notify::new(),
        }
    }

    /// Why the conversation cannot go on, when the server is of the other line by now.
    pub(super) fn line_changed(&self) -> Option<Error> {
        (self.spoken.changes() != self.changes).then(|| {
            let message = format!("the server was replaced by OpenCode {}", self.spoken.server().version);
            Error::new(ErrorKind::Incompatible, message).with_hint("open the conversation again")
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> ChatFeed {
        self.watch(|_| ()).1
    }

    pub(super) fn watch<R>(&self, look: impl FnOnce(&Transcript) -> R) -> (R, ChatFeed) {
        self.watch_all(|transcripts| look(transcripts[0]))
    }

    pub(super) fn watch_all<R>(&self, look: impl FnOnce(&[&Transcript]) -> R) -> (R, ChatFeed) {
        let (feed, queue) = ChatFeed::new();
        let mut state = self.lock();
        match &*self.phase.borrow() {
            Phase::Ended(error) => queue.end(Some(error.duplicate())),
            _ => state.feeds.push(Arc::downgrade(&queue)),
        }
        (look(&state.scope.all()), feed)
    }

    /// Waits until every event is seen, at most `bound`.
    pub(super) async fn live(&self, bound: Duration) -> Result<()> {
        let mut phase = self.phase.subscribe();
        let settled = phase.wait_for(|p| matches!(p, Phase::Live | Phase::Ended(_)));
        match tokio::time::timeout(bound, settled).await {
            Ok(Ok(phase)) => match &*phase {
                Phase::Ended(error) => Err(error.duplicate()),
                _ => Ok(()),
            },
            Ok(Err(_)) => Err(Error::new(ErrorKind::Internal, "the conversation's driver has stopped")),
            Err(_) => Err(self.not_live(bound)),
        }
    }

    fn not_live(&self, bound: Duration) -> Error {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let why = trouble.as_ref().map(|e| format!(": {}", e.message())).unwrap_or_default();
        let message = format!("the conversation could not be followed within {} s{why}", bound.as_secs_f32());
        Error::new(ErrorKind::Timeout, message).with_hint("check that the server runs and answers")
    }

    pub(super) fn set_trouble(&self, error: &Error) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.duplicate());
    }

    /// Makes a turn known before its prompt is sent, so that nothing of it is missed.
    pub(super) fn begin_turn(&self, turn: OpenTurn, deadline: Option<Duration>) -> ChatFeed {
        let (feed, queue) = ChatFeed::new();
        let mut state = self.lock();
        state.feeds.push(Arc::downgrade(&queue));
        state.turn_feeds.insert(turn.message_id.clone(), Arc::downgrade(&queue));
        if let Some(deadline) = deadline {
            state.deadlines.insert(turn.message_id.clone(), Instant::now() + deadline);
        }
        state.turns.push(turn);
        drop(state);
        self.nudge.notify_one();
        feed
    }

    /// Changes a turn if it is still open, and looks whether that ends it.
    pub(super) fn update_turn(&self, id: &MessageId, change: impl FnOnce(&mut OpenTurn)) {
        let mut state = self.lock();
        if let Some(turn) = state.turns.iter_mut().find(|t| t.message_id == *id) {
            change(turn);
        }
        state.judge();
        drop(state);
        self.nudge.notify_one();
    }

    /// Notes that a turn has ended on the server. What it left may still be on its way in the event stream, which is another
    /// connection than the answer's, so the state is read first.
    pub(super) fn turn_answered(&self, id: &MessageId) {
        let mut state = self.lock();
        if let Some(turn) = state.turns.iter_mut().find(|t| t.message_id == *id) {
            turn.request = Request::Answered;
            (state.in_doubt, state.read_anew) = (true, true);
            drop(state);
            self.nudge.notify_one();
        }
    }

    /// Ends a turn with an error instead of an outcome.
    pub(super) fn fail_turn(&self, id: &MessageId, error: &Error) {
        self.lock().fail_turn(id, error);
        self.nudge.notify_one();
    }

    /// The turn's handle is gone. If its prompt never was taken, no end will come that could remove it.
    pub(super) fn abandon(&self, id: &MessageId) {
        let mut state = self.lock();
        if state.turns.iter().any(|t| t.message_id == *id && t.accepted.is_none()) {
            state.forget_turn(id);
        }
    }

    pub(super) async fn reply_permission(&self, id: &AskId, reply: PermissionReply) -> Result<bool> {
        let session = self.lock().scope.session_of_permission(id);
        let Some(session) = session else { return Ok(false) };
        let open = self.dialect.reply_permission(&session, id, &reply).await?;
        let mut state = self.lock();
        let mut out = Vec::new();
        state.scope.settle_permission(&session, id, open.then_some(reply), &mut out);
        state.publish(&out);
        Ok(open)
    }

    pub(super) async fn reply_question(&self, id: &AskId, answers: Option<Vec<Vec<String>>>) -> Result<bool> {
        let session = self.lock().scope.session_of_question(id);
        let Some(session) = session else { return Ok(false) };
        let open = self.dialect.reply_question(&session, id, answers.as_deref()).await?;
        let mut state = self.lock();
        let mut out = Vec::new();
        state.scope.settle_question(&session, id, answers.filter(|_| open), &mut out);
        state.publish(&out);
        Ok(open)
    }

    /// Ends the conversation for good.
    pub(super) fn end(&self, error: Error) {
        let error = Arc::new(error);
        self.phase.send_replace(Phase::Ended(error.clone()));
        self.close(Some(&error));
    }

    /// Whoever watches hears that nothing comes any more, and why; without an error because nobody holds the conversation.
    pub(super) fn close(&self, error: Option<&Error>) {
        let mut state = self.lock();
        for feed in std::mem::take(&mut state.feeds).iter().filter_map(Weak::upgrade) {
            feed.end(error.map(Error::duplicate));
        }
        state.turns.clear();
        state.turn_feeds.clear();
    }
}

impl State {
    pub(super) fn publish(&mut self, events: &[ChatEvent]) {
        if events.is_empty() {
            return;
        }
        self.feeds.retain(|feed| {
            let Some(feed) = feed.upgrade() else { return false };
            events.iter().for_each(|event| feed.push(event));
            true
        });
    }

    /// Events may be missing from here on.
    pub(super) fn mark_gap(&mut self) {
        self.scope.mark_gap();
        self.turns.iter_mut().for_each(|turn| turn.may_have_run = true);
    }

    /// Ends the turns that are over.
    pub(super) fn judge(&mut self) {
        if self.in_doubt {
            return;
        }
        let root = self.scope.root();
        let over: Vec<(MessageId, TurnOutcome)> = (self.turns.iter())
            .filter_map(|turn| Some((turn.message_id.clone(), turn.verdict(root)?)))
            .collect();
        for (id, outcome) in over {
            self.end_turn(&id, outcome);
        }
    }

    pub(super) fn end_turn(&mut self, id: &MessageId, outcome: TurnOutcome) {
        self.forget_turn(id);
        self.publish(&[ChatEvent::TurnEnded { message_id: id.clone(), outcome }]);
    }

    pub(super) fn fail_turn(&mut self, id: &MessageId, error: &Error) {
        if let Some(feed) = self.forget_turn(id) {
            feed.end(Some(error.duplicate()));
        }
    }

    pub(super) fn forget_turn(&mut self, id: &MessageId) -> Option<Arc<FeedQueue>> {
        self.turns.retain(|t| t.message_id != *id);
        self.deadlines.remove(id);
        self.turn_feeds.remove(id)?.upgrade()
    }

    /// Notes what waits for a person now, and says what the policy answers by itself.
    pub(super) fn sort_asks(&mut self, policy: &AskPolicy, events: &[ChatEvent]) -> Vec<AutoReply> {
        let mut replies = Vec::new();
        let root = self.scope.root().session_id().clone();
        for event in events {
            let (session, event) = match event {
                ChatEvent::Child { session_id, event } => (session_id, &**event),
                event => (&root, event),
            };
            let until = || policy.bound.map(|bound| Instant::now() + bound);
            match event {
                ChatEvent::PermissionAsked(ask) => match policy.reply(ask) {
                    Some(reply) => replies.push(AutoReply::Permission(ask.id.clone(), reply)),
                    None => {
                        let asked = Asked { until: until(), question: false };
                        self.asked.insert(ask.id.clone(), asked);
                    }
                },
                ChatEvent::QuestionAsked(ask) if policy.questions == Decision::Deny => {
                    replies.push(AutoReply::RejectQuestion(ask.id.clone()));
                }
                ChatEvent::QuestionAsked(ask) => {
                    let asked = Asked { until: until(), question: true };
                    self.asked.insert(ask.id.clone(), asked);
                }
                ChatEvent::PermissionClosed { id, reply } => {
                    self.asked.remove(id);
                    if reply.is_none() {
                        replies.push(AutoReply::Discard(session.clone(), id.clone(), false));
                    }
                }
                ChatEvent::QuestionClosed { id, answers } => {
                    self.asked.remove(id);
                    if answers.is_none() {
                        replies.push(AutoReply::Discard(session.clone(), id.clone(), true));
                    }
                }
                // Where idle is final, an error says how the turn before has ended, and a new one begins without.
                ChatEvent::Status(status) if *session == root && !status.is_idle() => {
                    self.turns.iter_mut().for_each(|t| t.may_have_run = true);
                    self.turns.iter_mut().filter(|t| t.idle_is_final).for_each(|t| t.error = None);
                }
                ChatEvent::Error(error) if *session == root => {
                    for turn in &mut self.turns {
                        turn.error = Some(error.clone());
                    }
                }
                _ => {}
            }
        }
        replies
    }
}
