//! Tells the hooks of a conversation what was answered: each message once, when it is complete. Nobody waits for them.
//!
//! What is complete is read from the transcript whenever something ends, so a slow hook costs no memory and misses nothing: a
//! message waits there. A message is complete when the server says so and another one stands behind it or nothing runs any
//! more; until then, parts of it may still come (1.x).

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Extensions;
use crate::chat::{ChatEvent, ChatFeed, Observer, Transcript};
use crate::model::{Message, MessageId, Role, SessionId};

/// How long one hook may take for one message.
const BOUND: Duration = Duration::from_secs(10);

/// How long a conversation that has ended still tells what it has.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The hooks of one conversation. Dropping it lets them hear what is there, and ends it.
#[derive(Debug)]
pub(crate) struct After {
    wanted: watch::Sender<u64>,
    done: watch::Receiver<u64>,
}

impl After {
    /// Must be called inside a tokio runtime. What is complete already is not told.
    pub(crate) fn follow(extensions: Extensions, observer: Observer, stop: CancellationToken) -> Self {
        let (wanted, asked) = watch::channel(0);
        let (told, done) = watch::channel(0);
        let follower = Follower { extensions, observer, known: HashMap::new(), asked, told };
        tokio::spawn(follower.run(stop));
        Self { wanted, done }
    }

    /// Waits until the hooks have heard everything that is complete by now, at most `bound`; `false` when they have not.
    pub(crate) async fn flush(&self, bound: Duration) -> bool {
        let mut mine = 0;
        self.wanted.send_modify(|count| {
            *count += 1;
            mine = *count;
        });
        let mut done = self.done.clone();
        let waiting = done.wait_for(|done| *done >= mine);
        tokio::time::timeout(bound, waiting).await.is_ok()
    }
}

struct Follower {
    extensions: Extensions,
    observer: Observer,
    /// What needs not be told, of each session.
    known: HashMap<SessionId, HashSet<MessageId>>,
    asked: watch::Receiver<u64>,
    told: watch::Sender<u64>,
}

impl Follower {
    async fn run(mut self, stop: CancellationToken) {
        let mut feed = self.observer.subscribe();
        // What was complete before is not told.
        self.new_messages(false);
        while self.wait(&mut feed, &stop).await {
            self.tell().await;
        }
        if tokio::time::timeout(LAST_WORDS, self.tell()).await.is_err() {
            tracing::debug!("the hooks of a conversation that has ended take too long");
        }
    }

    /// Waits until something may be complete; `false` at the end.
    async fn wait(&mut self, feed: &mut ChatFeed, stop: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                // The conversation's handles are gone with this.
                changed = self.asked.changed() => return changed.is_ok(),
                event = feed.next() => match event {
                    Some(Ok(event)) if may_complete(&event) => return true,
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return false,
                }
            }
        }
    }

    async fn tell(&mut self) {
        let asked = *self.asked.borrow_and_update();
        for (session, message) in self.new_messages(!self.extensions.hooks().is_empty()) {
            if self.extensions.is_new(&message.id) {
                self.hear(&session, &message).await;
            }
        }
        self.told.send_replace(asked);
    }

    /// What became complete since this was asked last.
    fn new_messages(&mut self, hooked: bool) -> Vec<(SessionId, Message)> {
        let mut new = Vec::new();
        for session in self.observer.sessions() {
            let known = self.known.entry(session.clone()).or_default();
            let look = |transcript: &Transcript| complete(transcript, known, hooked);
            let messages = self.observer.look(&session, look).unwrap_or_default();
            new.extend(messages.into_iter().map(|message| (session.clone(), message)));
        }
        new
    }

    async fn hear(&self, session: &SessionId, message: &Message) {
        for hook in self.extensions.hooks() {
            // A hook is somebody else's code.
            let hearing = AssertUnwindSafe(hook.after_message(session, message)).catch_unwind();
            match tokio::time::timeout(BOUND, hearing).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::warn!(hook = hook.name(), "a hook has panicked"),
                Err(_) => tracing::warn!(hook = hook.name(), "a hook takes too long for a message"),
            }
        }
    }
}

/// The assistant's messages that will not change any more and are not known; from now on they are. Where nobody hears of them,
/// that is all.
fn complete(transcript: &Transcript, known: &mut HashSet<MessageId>, hooked: bool) -> Vec<Message> {
    let messages = transcript.messages();
    let idle = transcript.status().is_idle();
    let settled = |at: usize| idle || at + 1 < messages.len();
    let complete = messages.iter().enumerate().filter(|(at, message)| {
        message.role == Role::Assistant && message.completed.is_some() && settled(*at)
    });
    complete
        .filter(|(_, message)| known.insert(message.id.clone()) && hooked)
        .map(|(_, message)| message.clone())
        .collect()
}

fn may_complete(event: &ChatEvent) -> bool {
    match event {
        ChatEvent::Child { event, .. } => may_complete(event),
        ChatEvent::Message(_)
        | ChatEvent::Status(_)
        | ChatEvent::TurnEnded { .. }
        | ChatEvent::Recovered
        | ChatEvent::Lagged { .. } => true,
        _ => false,
    }
}
