//! The open sessions. Each has one actor, which hears everything that happens in it, numbers it, joins what belongs together
//! for a moment, and tells those who watch.
//!
//! `session` is what an actor does without I/O and clock: `progress` says what is told, `join` what becomes one, `log` what is
//! kept for those who come back, `watching` what waits for one who watches, `elsewhere` when a turn ends that was not begun
//! here. `actor` is its task, `turns` those of the turns that run.

mod actor;
mod elsewhere;
mod join;
mod log;
mod progress;
mod session;
#[cfg(test)]
mod tests;
mod turns;
mod watching;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus::chat::{Conversation, ConversationOptions, Prompt};
use opencode_nexus::dialect::Action;
use opencode_nexus::model::ModelRef;
use opencode_nexus::{Error, ErrorKind, Result};

use self::actor::Actor;
use super::backend::Backend;
use super::ext::{ChatProgress, ReplayResult, SubscribeResult};
use super::roots::Root;
use crate::settings::settings;

/// So many sessions stay open though nobody uses them.
const IDLE: usize = 32;

/// A session that was used within this time is not closed for others.
const USED: Duration = Duration::from_secs(60);

/// The open sessions.
#[derive(Default)]
pub(crate) struct Conversations {
    open: Mutex<HashMap<String, Arc<Actor>>>,
    /// None is opened twice at a time: each has its lock among these.
    opening: [tokio::sync::Mutex<()>; 32],
}

/// Somebody who watches a session.
#[async_trait]
pub(crate) trait Watcher: Send + Sync {
    /// Told in order, each thing once. While it is being told, what happens is gathered and joined, so a slow one gets fewer
    /// and longer pieces. After `End` a watcher of one turn hears nothing more.
    async fn tell(&self, events: Vec<ChatProgress>);

    /// Whether it asks the person itself when the agent asks. Where nobody does, `asks` does.
    fn shows_asks(&self) -> bool;
}

/// What is to be sent.
pub(crate) enum Sending {
    Prompt(Prompt),
    Action(Action),
}

/// Who shall answer; without one the settings' in a new session, else the session's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chosen {
    pub model: Option<ModelRef>,
    pub agent: Option<String>,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub session_id: String,
    pub message_id: String,
}

impl Conversations {
    /// Sends, in a session or in a new one. Returns when the server has it; `watcher` is told the turn from its beginning.
    ///
    /// # Errors
    /// Those of connecting, opening and sending.
    pub(crate) async fn send(
        &self,
        backend: &Backend,
        root: &Root,
        session: Option<&str>,
        sending: Sending,
        watcher: Option<Arc<dyn Watcher>>,
    ) -> Result<Sent> {
        self.send_to(backend, root, session, sending, Chosen::default(), watcher).await
    }

    /// [`send`](Self::send) to a certain model or agent.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) async fn send_to(
        &self,
        backend: &Backend,
        root: &Root,
        session: Option<&str>,
        sending: Sending,
        chosen: Chosen,
        watcher: Option<Arc<dyn Watcher>>,
    ) -> Result<Sent> {
        let actor = match session {
            Some(session) => self.actor(backend, root, session).await?,
            None => self.create_actor(backend, root, None).await?,
        };
        let conversation = actor.conversation();
        let chosen = chosen.or_settings(&conversation)?;
        let watcher = watcher.map(|watcher| actor.watch_turn(watcher));
        let turn = match sending {
            Sending::Prompt(mut prompt) => {
                prompt.model = prompt.model.or(chosen.model);
                prompt.agent = prompt.agent.or(chosen.agent);
                conversation.prompt(prompt).await
            }
            Sending::Action(action) => conversation.act(action, chosen.model, chosen.agent).await,
        };
        let turn = turn.inspect_err(|_| {
            if let Some(watcher) = watcher {
                actor.unwatch(watcher);
            }
        })?;
        let sent = Sent {
            session_id: conversation.session_id().to_string(),
            message_id: turn.message_id().to_string(),
        };
        actor.begun(backend, watcher, turn);
        Ok(sent)
    }

    /// Watches a session from now on: to the end of the turn that runs, if one does, else for as long as it is open.
    ///
    /// # Errors
    /// Those of connecting and opening.
    pub(crate) async fn watch(
        &self,
        backend: &Backend,
        root: &Root,
        session: &str,
        watcher: Arc<dyn Watcher>,
    ) -> Result<Conversation> {
        let actor = self.actor(backend, root, session).await?;
        actor.watch(watcher);
        Ok(actor.conversation())
    }

    /// The conversation of a session, opened if it is not yet.
    ///
    /// # Errors
    /// Those of connecting and opening.
    pub(crate) async fn open(&self, backend: &Backend, root: &Root, session: &str) -> Result<Conversation> {
        Ok(self.actor(backend, root, session).await?.conversation())
    }

    /// A new session.
    ///
    /// # Errors
    /// Those of connecting and of making it.
    pub(crate) async fn create(
        &self,
        backend: &Backend,
        root: &Root,
        title: Option<&str>,
    ) -> Result<Conversation> {
        Ok(self.create_actor(backend, root, title).await?.conversation())
    }

    /// The conversation of a session, if it is open.
    pub(crate) fn get(&self, session: &str) -> Option<Conversation> {
        self.find(session).map(|actor| actor.conversation())
    }

    /// How many turns run in a root.
    pub(crate) fn turns(&self, root: &Root) -> usize {
        self.lock().values().filter(|actor| actor.root == *root).map(|actor| actor.turns()).sum()
    }

    /// Asks the server to stop what runs in a session. A turn that is over needs nothing.
    ///
    /// # Errors
    /// `user.not_found` when it is not open; when the server cannot be reached.
    pub(crate) async fn cancel(&self, session: &str, turn: Option<&str>) -> Result<()> {
        let actor = self.find(session).ok_or_else(|| not_open(session))?;
        actor.cancel(turn).await
    }

    /// Tells a watcher everything of a session, from `since` on if that is known.
    ///
    /// # Errors
    /// Those of connecting and opening.
    pub(crate) async fn subscribe(
        &self,
        backend: &Backend,
        root: &Root,
        session: &str,
        since: Option<(&str, u64)>,
        watcher: Arc<dyn Watcher>,
    ) -> Result<SubscribeResult> {
        let actor = self.actor(backend, root, session).await?;
        let (number, epoch, seq) = actor.subscribe(watcher, since);
        Ok(SubscribeResult { subscription_id: format!("{session}:{number}"), epoch, seq })
    }

    /// Ends a subscription. One that is over needs nothing.
    pub(crate) fn unsubscribe(&self, subscription: &str) {
        let Some((session, number)) = subscription.rsplit_once(':') else { return };
        if let (Some(actor), Ok(number)) = (self.find(session), number.parse()) {
            actor.unwatch(number);
        }
    }

    /// What a subscription would tell now, in one piece.
    ///
    /// # Errors
    /// Those of connecting and opening.
    pub(crate) async fn replay(
        &self,
        backend: &Backend,
        root: &Root,
        session: &str,
        since: Option<(&str, u64)>,
    ) -> Result<ReplayResult> {
        let (epoch, seq, events) = self.actor(backend, root, session).await?.replay(since);
        Ok(ReplayResult { epoch, seq, events })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Actor>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, session: &str) -> Option<Arc<Actor>> {
        self.lock().get(session).cloned()
    }

    /// The actor of a session, on the server that is used now.
    async fn actor(&self, backend: &Backend, root: &Root, session: &str) -> Result<Arc<Actor>> {
        let client = backend.roots.client(root).await?;
        let generation = *backend.roots.generation().borrow();
        let current = |actor: &Arc<Actor>| actor.generation() == generation;
        if let Some(actor) = self.find(session).filter(current) {
            return Ok(actor);
        }
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(session, &mut hasher);
        let lock = std::hash::Hasher::finish(&hasher) as usize % self.opening.len();
        let _one_at_a_time = self.opening[lock].lock().await;
        let known = self.find(session);
        if let Some(actor) = known.clone().filter(current) {
            return Ok(actor);
        }
        let conversation = client.open(session, options()?).await?;
        match known {
            Some(actor) => {
                actor.go_on_with(generation, conversation);
                Ok(actor)
            }
            None => Ok(self.keep(backend, root, generation, conversation)),
        }
    }

    async fn create_actor(&self, backend: &Backend, root: &Root, title: Option<&str>) -> Result<Arc<Actor>> {
        let client = backend.roots.client(root).await?;
        let generation = *backend.roots.generation().borrow();
        let conversation = client.create_with(title, options()?).await?;
        Ok(self.keep(backend, root, generation, conversation))
    }

    /// Takes in a conversation that was just opened.
    pub(crate) fn adopt(&self, backend: &Backend, root: &Root, conversation: Conversation) {
        let generation = *backend.roots.generation().borrow();
        self.keep(backend, root, generation, conversation);
    }

    fn keep(
        &self,
        backend: &Backend,
        root: &Root,
        generation: u64,
        conversation: Conversation,
    ) -> Arc<Actor> {
        let session = conversation.session_id().to_string();
        let actor = Actor::start(backend, root.clone(), generation, conversation);
        let mut open = self.lock();
        open.insert(session, actor.clone());
        close_idle(&mut open);
        actor
    }

    /// Opens everything that somebody watches on the server that is used now.
    pub(crate) async fn moved(&self, backend: &Backend) {
        let open: Vec<(String, Arc<Actor>)> =
            self.lock().iter().map(|(id, actor)| (id.clone(), actor.clone())).collect();
        for (session, actor) in open {
            if let Err(error) = self.actor(backend, &actor.root, &session).await {
                tracing::warn!(%error, "a conversation could not be opened on the new server");
            }
        }
    }

    /// One is over.
    fn forget(&self, actor: &Arc<Actor>) {
        self.lock().retain(|_, known| !Arc::ptr_eq(known, actor));
    }

    /// Closes all.
    pub(crate) fn close_all(&self) {
        self.lock().drain().for_each(|(_, actor)| actor.stop());
    }
}

impl Chosen {
    fn or_settings(self, conversation: &Conversation) -> Result<Self> {
        if conversation.with_transcript(|transcript| !transcript.messages().is_empty()) {
            return Ok(self);
        }
        let settings = settings()?;
        Ok(Self {
            model: self.model.or_else(|| settings.model.clone()),
            agent: self.agent.or_else(|| settings.agent.clone()),
        })
    }
}

fn options() -> Result<ConversationOptions> {
    Ok(ConversationOptions { policy: settings()?.policy.clone(), ..ConversationOptions::default() })
}

/// Closes those that nobody has used for the longest time.
fn close_idle(open: &mut HashMap<String, Arc<Actor>>) {
    let mut idle: Vec<_> = (open.iter())
        .filter_map(|(id, actor)| Some((actor.idle_since()?, id.clone())))
        .filter(|(since, _)| since.elapsed() > USED)
        .collect();
    idle.sort();
    for (_, id) in idle.iter().take(idle.len().saturating_sub(IDLE)) {
        if let Some(actor) = open.remove(id) {
            actor.stop();
        }
    }
}

/// The session is not open here.
pub(crate) fn not_open(session: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the session {} is not open", session.escape_debug()))
        .with_hint("open it first: subscribe to it, or send a prompt in it")
}
