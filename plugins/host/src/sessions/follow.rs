//! One session that is followed: what its conversation tells goes to all plugins that listen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use opencode_nexus::chat::{ChatEvent, ChatFeed, Conversation, Prompt};
use opencode_nexus::model::{MessageId, SessionId};
use opencode_nexus::{ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Sessions, now_ms};
use crate::events::{Inbox, Teller, Told, failure};

/// So many events are passed on before others get their turn.
const AT_ONCE: usize = 256;

pub(super) struct Followed {
    conversation: Conversation,
    teller: Mutex<Teller>,
    /// Somebody new listens: everything that goes on is told anew.
    again: Arc<Notify>,
    last_used: Mutex<Instant>,
    stop: CancellationToken,
    _guard: DropGuard,
}

impl Followed {
    pub(super) fn new(conversation: Conversation) -> Arc<Self> {
        let stop = CancellationToken::new();
        Arc::new(Self {
            conversation,
            teller: Mutex::default(),
            again: Arc::default(),
            last_used: Mutex::new(Instant::now()),
            _guard: stop.clone().drop_guard(),
            stop,
        })
    }

    /// Begins to tell. What has happened after `active` (Unix milliseconds) is told as well.
    pub(super) fn start(self: &Arc<Self>, sessions: &Arc<Sessions>, active: Option<u64>) {
        let tale = Tale {
            sessions: Arc::downgrade(sessions),
            followed: Arc::downgrade(self),
            again: self.again.clone(),
            session: self.conversation.session_id().clone(),
        };
        let stop = self.stop.clone();
        if let Some(feed) = tale.look(active) {
            tokio::spawn(async move { stop.run_until_cancelled(tale.run(feed)).await });
        }
    }

    pub(super) fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    fn teller(&self) -> MutexGuard<'_, Teller> {
        self.teller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.teller().is_busy()
    }

    pub(super) fn look_again(&self) {
        self.used();
        self.again.notify_one();
    }

    pub(super) fn used(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn last_used(&self) -> Instant {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a prompt. The turn goes on by itself; what ends it without an end of its own is told as a failure.
    pub(super) async fn send(
        self: &Arc<Self>,
        sessions: &Arc<Sessions>,
        prompt: Prompt,
    ) -> Result<MessageId> {
        self.used();
        let session = self.conversation.session_id().as_str();
        self.teller().begins(session);
        let mut begun = Begun { followed: self, session, sent: false };
        let turn = self.conversation.prompt(prompt).await?;
        begun.sent = true;
        let message = turn.message_id().clone();
        let (followed, sessions) = (self.clone(), Arc::downgrade(sessions));
        tokio::spawn(async move {
            if let Err(error) = turn.finish().await {
                let session = followed.conversation.session_id().as_str();
                followed.teller().failed(session);
                if let Some(sessions) = sessions.upgrade() {
                    deliver(&sessions.open_inboxes(), &failure(Some(session), &error.to_string()));
                }
            }
        });
        Ok(message)
    }
}

/// A prompt on its way. When the sending fails, or is given up, no end of its turn will be told.
struct Begun<'a> {
    followed: &'a Followed,
    session: &'a str,
    sent: bool,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.sent {
            self.followed.teller().failed(self.session);
        }
    }
}

/// What the task knows. It keeps neither the sessions nor the follower.
struct Tale {
    sessions: Weak<Sessions>,
    followed: Weak<Followed>,
    again: Arc<Notify>,
    session: SessionId,
}

impl Tale {
    async fn run(self, mut feed: ChatFeed) {
        loop {
            let heard = tokio::select! {
                heard = feed.next() => Some(heard),
                () = self.again.notified() => None,
            };
            let more = match heard {
                None => self.look(None),
                Some(Some(Ok(ChatEvent::Lagged { .. }))) => self.look(None),
                Some(Some(Ok(event))) => {
                    self.tell(&event, &mut feed);
                    continue;
                }
                Some(Some(Err(error))) => {
                    if error.kind() != ErrorKind::NotFound {
                        self.broadcast(failure(Some(self.session.as_str()), &error.to_string()));
                    }
                    None
                }
                Some(None) => None,
            };
            match more {
                Some(new) => feed = new,
                None => return self.end(),
            }
        }
    }

    /// Looks at everything, and hears what comes after it.
    fn look(&self, active: Option<u64>) -> Option<ChatFeed> {
        let (sessions, followed) = (self.sessions.upgrade()?, self.followed.upgrade()?);
        let inboxes = sessions.open_inboxes();
        // Asked before, because nothing may be waited for while the transcripts are looked at.
        let others: Vec<SessionId> = (followed.conversation.sessions().into_iter())
            .filter(|session| *session != self.session && sessions.is_followed(session))
            .collect();
        let mut teller = followed.teller();
        let ((), feed) = followed.conversation.watch_all(|all| {
            let mine: Vec<_> = all.iter().copied().filter(|one| !others.contains(one.session_id())).collect();
            teller.look(&mine, active, &mut |told| deliver(&inboxes, &told));
        });
        Some(feed)
    }

    /// Tells an event, and those that wait behind it.
    fn tell(&self, event: &ChatEvent, feed: &mut ChatFeed) {
        let (Some(sessions), Some(followed)) = (self.sessions.upgrade(), self.followed.upgrade()) else {
            return;
        };
        let inboxes = sessions.open_inboxes();
        let session = self.session.as_str();
        let one = |event: &ChatEvent| match event {
            // It is told by its own follower. Asked before the teller is locked: those who look for room ask the teller.
            ChatEvent::Child { session_id, .. } if sessions.is_followed(session_id) => {}
            event => followed.teller().tell(session, event, &mut |told| deliver(&inboxes, &told)),
        };
        one(event);
        for _ in 0..AT_ONCE {
            match feed.try_next() {
                Some(Ok(ChatEvent::Lagged { .. })) | Some(Err(_)) => {
                    // Seldom; everything is looked at again.
                    self.again.notify_one();
                    return;
                }
                Some(Ok(event)) => one(&event),
                None => return,
            }
        }
    }

    fn broadcast(&self, told: Told<'_>) {
        if let Some(sessions) = self.sessions.upgrade() {
            deliver(&sessions.open_inboxes(), &told);
        }
    }

    fn end(&self) {
        if let (Some(sessions), Some(followed)) = (self.sessions.upgrade(), self.followed.upgrade()) {
            sessions.forget(&followed);
        }
    }
}

pub(super) fn deliver(inboxes: &[Arc<Inbox>], told: &Told<'_>) {
    let now = now_ms();
    inboxes.iter().for_each(|inbox| inbox.tell(now, told));
}
