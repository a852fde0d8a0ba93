//! The operations of a conversation on 1.x.

use std::sync::Arc;

use async_trait::async_trait;
use opencode_api::Operation;
use opencode_api::v1::bodies;
use opencode_api::v1::operations::experimental::session as everywhere;
use opencode_api::v1::operations::{app, command, config, find, permission, provider, question, session};
use opencode_api::v1::types as wire;

use super::events::Events;
use super::{catalogue, map, prompt, snapshot, symbols};
use crate::chat::{PartOrder, Prompt};
use crate::context::EditorSymbol;
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

/// OpenCode 1.x behind one connection pool.
pub(crate) struct V1 {
    pub(super) transport: Transport,
    pub(super) clock: Arc<IdClock>,
}

impl V1 {
    pub(crate) fn new(transport: Transport) -> Self {
        Self { transport, clock: Arc::default() }
    }

    pub(super) async fn call<O: Operation>(&self, operation: O) -> Result<O::Response> {
        self.transport.call(&operation, false).await
    }

    /// For operations that may be sent again: a second time changes nothing more.
    async fn call_repeatable<O: Operation>(&self, operation: O) -> Result<O::Response> {
        self.transport.call(&operation, true).await
    }
}

#[async_trait]
impl Dialect for V1 {
    fn events(&self) -> Arc<dyn Source> {
        Arc::new(Events::new(self.transport.clone(), self.clock.clone()))
    }

    fn part_order(&self) -> PartOrder {
        PartOrder::Identifier
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::of_1()
    }

    fn idle_is_final(&self) -> bool {
        false
    }

    fn may_repeat_prompt(&self) -> bool {
        true
    }

    fn new_message_id(&self, after: Option<&MessageId>) -> MessageId {
        self.clock.next("msg", after.map(MessageId::as_str)).into()
    }

    async fn snapshot(&self, session: &SessionId) -> Result<Vec<Snapshot>> {
        snapshot::read(self, session).await
    }

    async fn status(&self, session: &SessionId) -> Result<Status> {
        let all = self.call(session::Status::new()).await?;
        Ok(all.get(session.as_str()).map_or(Status::Idle, map::status))
    }

    async fn busy(&self) -> Result<Vec<SessionId>> {
        let all = self.call(session::Status::new()).await?;
        Ok(all.iter().filter(|(_, s)| !map::status(s).is_idle()).map(|(id, _)| id.as_str().into()).collect())
    }

    async fn messages(&self, session: &SessionId) -> Result<Vec<Message>> {
        snapshot::messages(&self.transport, session).await
    }

    async fn has_message(&self, session: &SessionId, message: &MessageId) -> Result<bool> {
        match self.call(session::Message::new(session.as_str(), message.as_str())).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, title: Option<&str>, parent: Option<&SessionId>) -> Result<Session> {
        let mut create = session::Create::new();
        create.body.title = title.map(Into::into);
        create.body.parent_id = parent.map(|p| p.as_str().into());
        self.call(create).await.map(map::session)
    }

    async fn create_marked(&self, mark: &str) -> Result<Session> {
        let mut create = session::Create::new();
        create.body.metadata = Some(crate::dialect::mark(mark));
        self.call(create).await.map(map::session)
    }

    async fn session(&self, session: &SessionId) -> Result<Session> {
        self.call(session::Get::new(session.as_str())).await.map(map::session)
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<Session>> {
        let mut list = session::List::new();
        // Without a limit the server stops at 100; it has no paging here, only the limit (1.18.33, seen).
        list.limit = Some(filter.limit.map_or(1_000_000, |l| l as u64));
        list.search = filter.search.clone();
        list.roots = filter.roots_only.then_some(true);
        Ok(self.call(list).await?.into_iter().map(map::session).collect())
    }

    async fn sessions_everywhere(&self) -> Result<Vec<Session>> {
        let mut list = everywhere::List::new();
        // With a page size it pages by time and loses those of the same millisecond, so all are asked for at once.
        (list.limit, list.archived) = (Some(1_000_000), Some(true));
        let all = self.transport.everywhere().call(&list, true).await?;
        Ok(all.into_iter().map(map::global_session).collect())
    }

    async fn children(&self, session: &SessionId) -> Result<Vec<Session>> {
        Ok(self.call(session::Children::new(session.as_str())).await?.into_iter().map(map::session).collect())
    }

    async fn fork(&self, session: &SessionId, at: Option<&MessageId>) -> Result<Session> {
        let mut fork = session::Fork::new(session.as_str());
        fork.body.message_id = at.map(|m| m.as_str().into());
        self.call(fork).await.map(map::session)
    }

    async fn rename(&self, session: &SessionId, title: &str) -> Result<Session> {
        let mut update = session::Update::new(session.as_str());
        update.body.title = Some(title.into());
        self.call_repeatable(update).await.map(map::session)
    }

    async fn delete(&self, session: &SessionId) -> Result<()> {
        self.call(session::Delete::new(session.as_str())).await.map(drop)
    }

    async fn share(&self, session: &SessionId) -> Result<Session> {
        self.call_repeatable(session::Share::new(session.as_str())).await.map(map::session)
    }

    async fn unshare(&self, session: &SessionId) -> Result<Session> {
        self.call_repeatable(session::Unshare::new(session.as_str())).await.map(map::session)
    }

    async fn revert(
        &self,
        session: &SessionId,
        message: &MessageId,
        part: Option<&PartId>,
    ) -> Result<Session> {
        let body = bodies::SessionRevertBody {
            message_id: message.as_str().into(),
            part_id: part.map(|p| p.as_str().into()),
            ..Default::default()
        };
        self.call_repeatable(session::Revert::new(session.as_str(), body)).await.map(map::session)
    }

    async fn unrevert(&self, session: &SessionId) -> Result<Session> {
        self.call_repeatable(session::Unrevert::new(session.as_str())).await.map(map::session)
    }

    async fn diff(&self, session: &SessionId, message: Option<&MessageId>) -> Result<Vec<FileDiff>> {
        let mut diff = session::Diff::new(session.as_str());
        diff.message_id = message.map(|m| m.as_str().into());
        Ok(self.call(diff).await?.into_iter().map(map::file_diff).collect())
    }

    async fn todos(&self, session: &SessionId) -> Result<Vec<Todo>> {
        Ok(self.call(session::Todo::new(session.as_str())).await?.into_iter().map(map::todo).collect())
    }

    async fn configuration(&self) -> Result<ServerConfiguration> {
        self.read_configuration().await
    }

    async fn patch_configuration(&self, patch: &serde_json::Value) -> Result<()> {
        self.change_configuration(patch).await
    }

    async fn models(&self) -> Result<Catalogue> {
        let (providers, config) = futures_util::try_join!(
            self.call_repeatable(provider::List::new()),
            self.call_repeatable(config::Get::new()),
        )?;
        Ok(catalogue::catalogue(providers, config.model.as_deref()))
    }

    async fn agents(&self) -> Result<Vec<Agent>> {
        let agents = self.call_repeatable(app::Agents::new()).await?;
        Ok(agents.into_iter().map(catalogue::agent).collect())
    }

    async fn commands(&self) -> Result<Vec<SlashCommand>> {
        let commands = self.call_repeatable(command::List::new()).await?;
        let neutral = |c: wire::Command| SlashCommand { name: c.name, description: c.description };
        Ok(commands.into_iter().map(neutral).collect())
    }

    async fn symbols(&self, query: &str) -> Result<Vec<EditorSymbol>> {
        let found = self.call_repeatable(find::Symbols::new(query)).await?;
        Ok(found.into_iter().filter_map(symbols::symbol).collect())
    }

    async fn prompt(&self, session: &SessionId, id: &MessageId, prompt: &Prompt) -> Result<()> {
        let body = prompt::body(id, prompt);
        self.call(session::PromptAsync::new(session.as_str(), body)).await
    }

    async fn act(
        &self,
        session: &SessionId,
        id: &MessageId,
        action: &Action,
        model: Option<&ModelRef>,
        agent: Option<&str>,
    ) -> Result<Acted> {
        match action {
            Action::Command { name, arguments } => {
                let body = bodies::SessionCommandBody {
                    message_id: Some(id.as_str().into()),
                    agent: agent.map(Into::into),
                    model: model.map(ToString::to_string),
                    variant: model.and_then(|m| m.variant.clone()),
                    arguments: arguments.clone(),
                    command: name.clone(),
                    ..Default::default()
                };
                self.call(session::Command::new(session.as_str(), body)).await.map(|_| Acted::Ended)
            }
            Action::Shell { command } => {
                let body = bodies::SessionShellBody {
                    message_id: Some(id.as_str().into()),
                    // The server wants an agent here; "build" is the one that every 1.x server has.
                    agent: agent.unwrap_or("build").into(),
                    model: model.map(prompt::model),
                    command: command.clone(),
                    ..Default::default()
                };
                self.call(session::Shell::new(session.as_str(), body)).await.map(|_| Acted::Ended)
            }
            Action::Summarize => {
                let model = model.ok_or_else(|| {
                    Error::new(ErrorKind::InvalidInput, "no model is known that could summarize")
                        .with_hint("name a model")
                })?;
                let body = bodies::SessionSummarizeBody {
                    provider_id: model.provider.as_str().into(),
                    model_id: model.model.as_str().into(),
                    ..Default::default()
                };
                self.call(session::Summarize::new(session.as_str(), body)).await.map(|_| Acted::Ended)
            }
        }
    }

    async fn abort(&self, session: &SessionId) -> Result<()> {
        self.call_repeatable(session::Abort::new(session.as_str())).await.map(drop)
    }

    async fn log(
        &self,
        level: LogLevel,
        service: &str,
        message: &str,
        extra: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()> {
        let level = match level {
            LogLevel::Debug => bodies::AppLogBodyLevel::Debug,
            LogLevel::Info => bodies::AppLogBodyLevel::Info,
            LogLevel::Warn => bodies::AppLogBodyLevel::Warn,
            LogLevel::Error => bodies::AppLogBodyLevel::Error,
        };
        let body = bodies::AppLogBody {
            service: service.to_owned(),
            level,
            message: message.to_owned(),
            extra_: (!extra.is_empty()).then(|| extra.clone()),
            ..Default::default()
        };
        self.call(app::Log::new(body)).await.map(drop)
    }

    async fn reply_permission(&self, _: &SessionId, id: &AskId, reply: &PermissionReply) -> Result<bool> {
        let (word, message) = match reply {
            PermissionReply::Once => (wire::PermissionV2Reply::Once, None),
            PermissionReply::Always => (wire::PermissionV2Reply::Always, None),
            PermissionReply::Reject { message } => (wire::PermissionV2Reply::Reject, message.clone()),
        };
        let body = bodies::PermissionReplyBody { reply: word, message, ..Default::default() };
        settled(self.call_repeatable(permission::Reply::new(id.as_str(), body)).await)
    }

    async fn reply_question(
        &self,
        _: &SessionId,
        id: &AskId,
        answers: Option<&[Vec<String>]>,
    ) -> Result<bool> {
        match answers {
            Some(answers) => {
                let body = bodies::QuestionReplyBody { answers: answers.to_vec(), ..Default::default() };
                settled(self.call_repeatable(question::Reply::new(id.as_str(), body)).await)
            }
            None => settled(self.call_repeatable(question::Reject::new(id.as_str())).await),
        }
    }
}

/// A request that is not open any more gives 404: it was answered elsewhere, or by our own first attempt.
fn settled(result: Result<bool>) -> Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
