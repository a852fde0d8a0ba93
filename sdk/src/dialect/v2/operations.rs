//! The operations of a conversation on OpenCode 2.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opencode_api::Operation;
use opencode_api::v2::operations::{agent, command, model, permission, provider, session};
use opencode_api::v2::{bodies, types as wire};

use tokio::time::Instant;

use super::events::Events;
use super::{asks, catalogue, map, prompt, snapshot};
use crate::chat::{PartOrder, Prompt};
use crate::dialect::ids::IdClock;
use crate::dialect::{Acted, Action, Capabilities, Dialect, SessionFilter};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Agent, AskId, Catalogue, FileDiff, Message, MessageId, ModelRef, PartId, PermissionReply,
    ServerConfiguration, Session, SessionId, SlashCommand, Snapshot, Status, Todo,
};
use crate::server::LogLevel;
use crate::stream::Source;
use crate::transport::Transport;

/// A server that has not read its configuration by then has none that names a model.
const CONFIGURED_WITHIN: Duration = Duration::from_secs(3);
/// A list of models that has not changed for this long is the whole list.
const CONFIGURED_STILL: Duration = Duration::from_millis(300);

/// OpenCode 2 behind one connection pool.
pub(crate) struct V2 {
    pub(super) transport: Transport,
    clock: Arc<IdClock>,
    /// Whether the server was seen to have read its configuration.
    configured: AtomicBool,
}

impl V2 {
    pub(crate) fn new(transport: Transport) -> Self {
        Self { transport, clock: Arc::default(), configured: AtomicBool::new(false) }
    }

    pub(super) async fn call<O: Operation>(&self, operation: O) -> Result<O::Response> {
        self.transport.call(&operation, false).await
    }

    /// For operations that may be sent again: a second time changes nothing more.
    async fn call_repeatable<O: Operation>(&self, operation: O) -> Result<O::Response> {
        self.transport.call(&operation, true).await
    }

    /// The sessions in which something runs.
    pub(super) async fn running(&self) -> Result<HashSet<String>> {
        Ok(self.call_repeatable(session::Active::new()).await?.data.into_keys().collect())
    }

    /// Waits until the server has read its configuration. One that meets a folder for the first time reads it only then:
    /// meanwhile it knows no provider, then its own, then those of the configuration, each some 100 ms after the other
    /// (2.0.14, seen), and nothing says when that is over. So the list must stand still. Returns the default model.
    async fn configured(&self) -> Result<Option<opencode_api::v2::types::ModelInfo>> {
        let until = Instant::now() + CONFIGURED_WITHIN;
        let mut stands: Option<(Instant, (Option<String>, usize))> = None;
        loop {
            let default = self.call_repeatable(model::Default::new()).await?.data;
            if self.configured.load(Ordering::Relaxed) {
                return Ok(default);
            }
            let count = self.call_repeatable(model::List::new()).await?.data.len();
            let seen = (default.as_ref().map(|m| m.id.to_string()), count);
            let since =
                stands.take().filter(|(_, before)| *before == seen).map_or_else(Instant::now, |(at, _)| at);
            if (default.is_some() && since.elapsed() >= CONFIGURED_STILL) || Instant::now() >= until {
                self.configured.store(true, Ordering::Relaxed);
                return Ok(default);
            }
            stands = Some((since, seen));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A prompt names neither model nor agent here; the session does.
    async fn choose(&self, session: &SessionId, model: Option<&ModelRef>, agent: Option<&str>) -> Result<()> {
        if model.is_none() && agent.is_none() {
            return Ok(());
        }
        let now = self.session(session).await?;
        if let Some(model) = model.filter(|model| now.model.as_ref() != Some(*model)) {
            let body = bodies::SessionSwitchModelBody { model: prompt::model(model), ..Default::default() };
            self.call_repeatable(session::SwitchModel::new(session.as_str(), body)).await?;
        }
        if let Some(agent) = agent.filter(|agent| now.agent.as_deref() != Some(*agent)) {
            let body = bodies::SessionSwitchAgentBody { agent: agent.into(), ..Default::default() };
            self.call_repeatable(session::SwitchAgent::new(session.as_str(), body)).await?;
        }
        Ok(())
    }
}

fn lacks<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, format!("OpenCode 2 has no {what}"))
        .with_hint("ask the client's capabilities before"))
}

#[async_trait]
impl Dialect for V2 {
    fn events(&self) -> Arc<dyn Source> {
        Arc::new(Events::new(self.transport.clone(), self.clock.clone()))
    }

    fn part_order(&self) -> PartOrder {
        PartOrder::Arrival
    }

    fn idle_is_final(&self) -> bool {
        true
    }

    fn may_repeat_prompt(&self) -> bool {
        false
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::of_2()
    }

    fn new_message_id(&self, after: Option<&MessageId>) -> MessageId {
        self.clock.next("msg", after.map(MessageId::as_str)).into()
    }

    async fn snapshot(&self, session: &SessionId) -> Result<Vec<Snapshot>> {
        snapshot::read(self, session).await
    }

    async fn status(&self, session: &SessionId) -> Result<Status> {
        let running = self.running().await?.contains(session.as_str());
        Ok(if running { Status::Busy } else { Status::Idle })
    }

    async fn busy(&self) -> Result<Vec<SessionId>> {
        Ok(self.running().await?.into_iter().map(SessionId::from).collect())
    }

    async fn messages(&self, session: &SessionId) -> Result<Vec<Message>> {
        snapshot::messages(&self.transport, session).await
    }

    async fn has_message(&self, session: &SessionId, message: &MessageId) -> Result<bool> {
        snapshot::has_message(&self.transport, session, message.as_str()).await
    }

    async fn create(&self, title: Option<&str>, parent: Option<&SessionId>) -> Result<Session> {
        let mut create = session::Create::new();
        create.body.title = title.map(Into::into);
        create.body.parent_id = parent.map(|p| p.as_str().into());
        Ok(map::session(self.call(create).await?.data))
    }

    async fn create_marked(&self, mark: &str) -> Result<Session> {
        let mut create = session::Create::new();
        create.body.metadata = Some(crate::dialect::mark(mark));
        Ok(map::session(self.call(create).await?.data))
    }

    async fn session(&self, session: &SessionId) -> Result<Session> {
        Ok(map::session(self.call_repeatable(session::Get::new(session.as_str())).await?.data))
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<Session>> {
        let directory = self.transport.location().directory.clone();
        let list = || {
            let mut list = session::List::new();
            list.search = filter.search.clone();
            list.directory = directory.clone();
            list
        };
        let mut all = snapshot::sessions(&self.transport, list, filter.limit).await?;
        all.retain(|s| !filter.roots_only || s.parent_id.is_none());
        Ok(all)
    }

    async fn sessions_everywhere(&self) -> Result<Vec<Session>> {
        let mut all = snapshot::sessions(&self.transport, session::List::new, None).await?;
        let archived = || {
            let mut list = session::List::new();
            list.archived = Some(true);
            list
        };
        let mut met: HashSet<SessionId> = all.iter().map(|s| s.id.clone()).collect();
        for session in snapshot::sessions(&self.transport, archived, None).await? {
            if met.insert(session.id.clone()) {
                all.push(session);
            }
        }
        Ok(all)
    }

    async fn children(&self, session: &SessionId) -> Result<Vec<Session>> {
        let list = || {
            let mut list = session::List::new();
            list.parent_id = Some(session.as_str().into());
            list
        };
        snapshot::sessions(&self.transport, list, None).await
    }

    async fn fork(&self, session: &SessionId, at: Option<&MessageId>) -> Result<Session> {
        let mut fork = session::Fork::new(session.as_str());
        fork.body.before = at.map(|m| m.as_str().into());
        Ok(map::session(self.call(fork).await?.data))
    }

    async fn rename(&self, session: &SessionId, title: &str) -> Result<Session> {
        let mut update = session::Update::new(session.as_str());
        update.body.title = Some(title.into());
        self.call_repeatable(update).await?;
        self.session(session).await
    }

    async fn delete(&self, session: &SessionId) -> Result<()> {
        self.call(session::Remove::new(session.as_str())).await
    }

    async fn share(&self, _: &SessionId) -> Result<Session> {
        lacks("sharing")
    }

    async fn unshare(&self, _: &SessionId) -> Result<Session> {
        lacks("sharing")
    }

    async fn log(
        &self,
        _: LogLevel,
        _: &str,
        _: &str,
        _: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()> {
        // `/log` and `/api/log` answer 405 and 404 (2.0.14, seen).
        lacks("log for clients")
    }

    async fn revert(
        &self,
        session: &SessionId,
        message: &MessageId,
        part: Option<&PartId>,
    ) -> Result<Session> {
        if part.is_some() {
            return lacks("reverting of a part of a message");
        }
        let body = bodies::SessionRevertStageBody {
            message_id: message.as_str().into(),
            files: Some(true),
            ..Default::default()
        };
        self.call_repeatable(session::revert::Stage::new(session.as_str(), body)).await?;
        self.session(session).await
    }

    async fn unrevert(&self, session: &SessionId) -> Result<Session> {
        self.call_repeatable(session::revert::Clear::new(session.as_str())).await?;
        self.session(session).await
    }

    async fn diff(&self, session: &SessionId, message: Option<&MessageId>) -> Result<Vec<FileDiff>> {
        let mut diff = session::Diff::new(session.as_str());
        diff.from = message.map(|m| m.as_str().into());
        Ok(self.call_repeatable(diff).await?.data.into_iter().map(map::file_diff).collect())
    }

    async fn todos(&self, _: &SessionId) -> Result<Vec<Todo>> {
        Ok(Vec::new())
    }

    async fn configuration(&self) -> Result<ServerConfiguration> {
        self.read_configuration().await
    }

    async fn patch_configuration(&self, patch: &serde_json::Value) -> Result<()> {
        self.change_configuration(patch).await
    }

    async fn models(&self) -> Result<Catalogue> {
        let default = self.configured().await?;
        let (providers, models) = futures_util::try_join!(
            self.call_repeatable(provider::List::new()),
            self.call_repeatable(model::List::new()),
        )?;
        Ok(catalogue::catalogue(providers.data, models.data, default))
    }

    async fn agents(&self) -> Result<Vec<Agent>> {
        self.configured().await?;
        let agents = self.call_repeatable(agent::List::new()).await?.data;
        Ok(agents.into_iter().map(catalogue::agent).collect())
    }

    async fn commands(&self) -> Result<Vec<SlashCommand>> {
        let commands = self.call_repeatable(command::List::new()).await?.data;
        let neutral = |c: wire::CommandInfo| SlashCommand { name: c.name, description: c.description };
        Ok(commands.into_iter().map(neutral).collect())
    }

    /// This line looks for none.
    async fn symbols(&self, _: &str) -> Result<Vec<crate::context::EditorSymbol>> {
        Ok(Vec::new())
    }

    async fn prompt(&self, session: &SessionId, id: &MessageId, prompt: &Prompt) -> Result<()> {
        let body = prompt::body(id, prompt)?;
        self.choose(session, prompt.model.as_ref(), prompt.agent.as_deref()).await?;
        self.call(session::Prompt::new(session.as_str(), body)).await.map(drop)
    }

    async fn act(
        &self,
        session: &SessionId,
        id: &MessageId,
        action: &Action,
        model: Option<&ModelRef>,
        agent: Option<&str>,
    ) -> Result<Acted> {
        if *action != Action::Summarize {
            self.choose(session, model, agent).await?;
        }
        match action {
            Action::Command { name, arguments } => {
                let body = bodies::SessionCommandBody {
                    name: name.clone(),
                    text: arguments.clone(),
                    ..Default::default()
                };
                self.call(session::Command::new(session.as_str(), body)).await?;
            }
            Action::Shell { command } => {
                let body = bodies::SessionShellBody {
                    id: Some(id.as_str().into()),
                    command: command.clone(),
                    ..Default::default()
                };
                self.call(session::Shell::new(session.as_str(), body)).await?;
            }
            Action::Summarize => {
                let mut compact = session::Compact::new(session.as_str());
                compact.body.id = Some(id.as_str().into());
                self.call(compact).await?;
            }
        }
        Ok(Acted::Begun)
    }

    async fn abort(&self, session: &SessionId) -> Result<()> {
        self.call_repeatable(session::Interrupt::new(session.as_str())).await.map(drop)
    }

    async fn reply_permission(
        &self,
        session: &SessionId,
        id: &AskId,
        reply: &PermissionReply,
    ) -> Result<bool> {
        let (decision, message) = match reply {
            PermissionReply::Once => (wire::PermissionReply::Once, None),
            PermissionReply::Always => (wire::PermissionReply::Always, None),
            PermissionReply::Reject { message } => (wire::PermissionReply::Reject, message.clone()),
        };
        let body = bodies::PermissionReplyBody { decision, message, ..Default::default() };
        settled(self.call_repeatable(permission::Reply::new(session.as_str(), id.as_str(), body)).await)
    }

    async fn reply_question(
        &self,
        session: &SessionId,
        id: &AskId,
        answers: Option<&[Vec<String>]>,
    ) -> Result<bool> {
        let Some(answers) = answers else {
            return settled(
                self.call_repeatable(session::form::Cancel::new(session.as_str(), id.as_str())).await,
            );
        };
        let form = match self.call_repeatable(session::form::Get::new(session.as_str(), id.as_str())).await {
            Ok(form) => form.data,
            Err(error) => return settled(Err(error)),
        };
        let body =
            bodies::SessionFormReplyBody { answer: asks::answer(&form, answers), ..Default::default() };
        settled(self.call_repeatable(session::form::Reply::new(session.as_str(), id.as_str(), body)).await)
    }
}

/// A request that is not open any more gives 404 or 409: it was answered elsewhere, or by our own first attempt.
fn settled(result: Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}
