//! The sessions of a client, as plugins see and drive them: one for all plugins.
//!
//! A session is followed while something happens in it, whoever began it, and whenever a plugin works with it. Following is
//! a [`Conversation`] that nothing is kept of and that answers nothing by itself: what the agent asks is answered by the
//! person, by the plugin that may, or by whoever began the turn.

mod follow;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opencode_nexus::chat::{AskPolicy, ChatEvent, Conversation, ConversationOptions, Prompt};
use opencode_nexus::model::{AskId, Message, MessageId, PermissionReply, Session, SessionId};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use tokio::sync::watch as channel;
use tokio::task::AbortHandle;

use self::follow::Followed;
use crate::events::{Inbox, Teller};

/// So many sessions are followed at most; those in which nothing runs make room.
const FOLLOWED: usize = 32;

/// Following has begun within this time, or fails.
const OPEN_WITHIN: Duration = Duration::from_secs(20);

/// The sessions of one client.
#[derive(Default)]
pub struct Sessions {
    state: Mutex<State>,
    /// Of the plugins that listen.
    inboxes: Mutex<Vec<Weak<Inbox>>>,
    /// What happens is said by a test.
    rehearsal: Option<Mutex<Teller>>,
    /// Another client, or none any more.
    moved: channel::Sender<()>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    followed: HashMap<SessionId, Arc<Followed>>,
    /// Sees which sessions are at work.
    watch: Option<AbortHandle>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("client", &self.lock().client).finish_non_exhaustive()
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.detach();
    }
}

impl Sessions {
    /// Sessions of a client that comes later: until then there are none.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// For tests of plugins: nothing is there, plugins may listen all the same, and what happens is said with
    /// [`rehearse`](Self::rehearse).
    pub fn rehearsal() -> Arc<Self> {
        let rehearsal = Some(Mutex::default());
        Arc::new(Self {
            state: Mutex::default(),
            inboxes: Mutex::default(),
            rehearsal,
            moved: channel::Sender::default(),
        })
    }

    /// Tells plugins that this has happened in a session. Nothing comes of it but in a [rehearsal](Self::rehearsal).
    pub fn rehearse(&self, session: &SessionId, event: &ChatEvent) {
        if let Some(teller) = &self.rehearsal {
            let inboxes = self.open_inboxes();
            let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
            teller.tell(session.as_str(), event, &mut |told| follow::deliver(&inboxes, &told));
        }
    }

    /// From now on these are the sessions of this client. Those who listen go on listening.
    pub fn attach(self: &Arc<Self>, client: Client) {
        self.detach();
        self.lock().client = Some(client.unkept());
        self.moved.send_replace(());
        if self.has_listeners() {
            self.watch();
        }
    }

    /// From now on there are none.
    pub fn detach(&self) {
        let mut state = self.lock();
        state.client = None;
        state.followed.clear();
        if let Some(watch) = state.watch.take() {
            watch.abort();
        }
        drop(state);
        self.moved.send_replace(());
    }

    /// Tells when there is another client, or none any more.
    pub(crate) fn moved(&self) -> channel::Receiver<()> {
        self.moved.subscribe()
    }

    /// What the client sees: the server, and its folder there. `None` without one.
    pub(crate) fn place(&self) -> Option<String> {
        let state = self.lock();
        let client = state.client.as_ref()?;
        Some(format!("{}\n{}", client.address(), client.directory().unwrap_or_default()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Weak<Inbox>>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client.
    ///
    /// # Errors
    /// `system.unreachable` when there is none (yet).
    pub(crate) fn client(&self) -> Result<Client> {
        self.lock().client.clone().ok_or_else(|| {
            Error::new(ErrorKind::Unreachable, "there is no connection to OpenCode here")
                .with_hint("try again when a server is connected")
        })
    }

    /// This inbox hears from now on; of `session` from where it is now, without one of all in which something happens.
    ///
    /// # Errors
    /// When there is no client, or no such session.
    pub(crate) async fn listen(
        self: &Arc<Self>,
        inbox: &Arc<Inbox>,
        session: Option<&SessionId>,
    ) -> Result<()> {
        if self.rehearsal.is_none() {
            self.client()?;
        }
        {
            let mut inboxes = self.listeners();
            inboxes.retain(|one| one.strong_count() > 0);
            if !inboxes.iter().any(|one| one.ptr_eq(&Arc::downgrade(inbox))) {
                inboxes.push(Arc::downgrade(inbox));
            }
        }
        if self.rehearsal.is_some() {
            return Ok(());
        }
        self.watch();
        match session {
            Some(session) => self.follow(session).await?.look_again(),
            None => self.all().iter().filter(|one| one.is_busy()).for_each(|one| one.look_again()),
        }
        Ok(())
    }

    /// Copied, because what is done with them takes other locks.
    fn all(&self) -> Vec<Arc<Followed>> {
        self.lock().followed.values().cloned().collect()
    }

    fn has_listeners(&self) -> bool {
        self.listeners().iter().filter_map(Weak::upgrade).any(|inbox| inbox.is_open())
    }

    /// Those who listen now.
    fn open_inboxes(&self) -> Vec<Arc<Inbox>> {
        self.listeners().iter().filter_map(Weak::upgrade).filter(|inbox| inbox.is_open()).collect()
    }

    /// The newest first, behind `after`, with those in which something runs.
    pub(crate) async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<(Session, bool)>> {
        let client = self.client()?;
        // Nobody can ask a server for what stands behind a session, so with one all are read.
        let limited = after.is_none().then_some(limit);
        let filter = opencode_nexus::dialect::SessionFilter { limit: limited, ..Default::default() };
        let (sessions, running) = tokio::try_join!(client.sessions(&filter), client.running())?;
        let begin = match after {
            None => 0,
            Some(after) => match sessions.iter().position(|session| session.id.as_str() == after) {
                Some(at) => at + 1,
                None => return Err(no_session(after)),
            },
        };
        let page = sessions.into_iter().skip(begin).take(limit);
        let with_busy = |session: Session| {
            let busy = running.contains(&session.id);
            (session, busy)
        };
        Ok(page.map(with_busy).collect())
    }

    /// The oldest first, behind `after`.
    pub(crate) async fn messages(
        &self,
        session: &SessionId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let messages = self.client()?.messages(session).await?;
        let begin = match after {
            None => 0,
            Some(after) => match messages.iter().position(|message| message.id.as_str() == after) {
                Some(at) => at + 1,
                None => {
                    let message = format!("there is no message {}", after.escape_debug());
                    return Err(Error::new(ErrorKind::NotFound, message).with_hint("begin without `after`"));
                }
            },
        };
        Ok(messages.into_iter().skip(begin).take(limit).collect())
    }

    /// A new session.
    pub(crate) async fn create(self: &Arc<Self>, title: Option<&str>) -> Result<SessionId> {
        let client = self.client()?;
        let conversation = client.create_with(title, options()).await?;
        let session = conversation.session_id().clone();
        self.add(conversation, None);
        Ok(session)
    }

    /// Sends a prompt; the turn goes on by itself.
    pub(crate) async fn send(self: &Arc<Self>, session: &SessionId, prompt: Prompt) -> Result<MessageId> {
        self.follow(session).await?.send(self, prompt).await
    }

    /// Stops what runs in a session.
    pub(crate) async fn abort(self: &Arc<Self>, session: &SessionId) -> Result<()> {
        self.follow(session).await?.conversation().abort().await
    }

    /// Answers a permission request; false when it is not open.
    pub(crate) async fn reply(
        self: &Arc<Self>,
        session: &SessionId,
        request: &AskId,
        reply: PermissionReply,
    ) -> Result<bool> {
        let followed = match self.find(session) {
            Some(followed) => followed,
            None => self.follow(session).await?,
        };
        followed.conversation().reply_permission(request, reply).await
    }

    /// The follower of a session, or of the one above it.
    fn find(&self, session: &SessionId) -> Option<Arc<Followed>> {
        let exact = self.lock().followed.get(session).cloned();
        exact.or_else(|| self.all().into_iter().find(|one| one.conversation().sessions().contains(session)))
    }

    /// Follows a session, if it is not followed yet.
    async fn follow(self: &Arc<Self>, session: &SessionId) -> Result<Arc<Followed>> {
        let exact = self.lock().followed.get(session).cloned();
        if let Some(followed) = exact {
            followed.used();
            return Ok(followed);
        }
        let conversation = self.client()?.open(session.clone(), options()).await?;
        Ok(self.add(conversation, None))
    }

    /// Somebody may have been quicker: then theirs stays.
    fn add(self: &Arc<Self>, conversation: Conversation, active: Option<u64>) -> Arc<Followed> {
        let mut state = self.lock();
        let session = conversation.session_id().clone();
        if let Some(followed) = state.followed.get(&session) {
            return followed.clone();
        }
        make_room(&mut state.followed);
        let followed = Followed::new(conversation);
        state.followed.insert(session, followed.clone());
        drop(state);
        followed.start(self, active);
        followed
    }

    /// It is over: deleted, or its server is gone.
    fn forget(&self, followed: &Arc<Followed>) {
        let mut state = self.lock();
        let session = followed.conversation().session_id();
        if state.followed.get(session).is_some_and(|one| Arc::ptr_eq(one, followed)) {
            state.followed.remove(session);
        }
    }

    /// Whether a session has an own follower, so that the one above it need not tell of it.
    fn is_followed(&self, session: &SessionId) -> bool {
        self.lock().followed.contains_key(session)
    }

    fn watch(self: &Arc<Self>) {
        let mut state = self.lock();
        let runs = state.watch.as_ref().is_some_and(|watch| !watch.is_finished());
        if let (false, Some(client)) = (runs, state.client.clone()) {
            let task = tokio::spawn(watch::watch(Arc::downgrade(self), client));
            state.watch = Some(task.abort_handle());
        }
    }
}

/// Nothing is answered by itself, however long it takes: somebody else may be about to.
fn options() -> ConversationOptions {
    ConversationOptions {
        policy: AskPolicy { bound: None, ..AskPolicy::default() },
        open_within: OPEN_WITHIN,
        ..ConversationOptions::default()
    }
}

/// Lets those go that were not used for the longest time.
fn make_room(followed: &mut HashMap<SessionId, Arc<Followed>>) {
    while followed.len() >= FOLLOWED {
        let oldest = followed.iter().filter(|(_, one)| !one.is_busy()).min_by_key(|(_, one)| one.last_used());
        let Some(session) = oldest.map(|(session, _)| session.clone()) else { return };
        followed.remove(&session);
    }
}

fn no_session(session: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no session {}", session.escape_debug()))
        .with_hint("begin without `after`")
}

pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
