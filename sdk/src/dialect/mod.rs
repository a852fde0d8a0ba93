//! What a server speaks, behind one trait: the rest of the crate knows only the neutral model.
//!
//! `detect` finds out which line of OpenCode answers at an address; `v1` is OpenCode 1.x, `v2` is OpenCode 2.

mod capabilities;
mod detect;
mod ids;
mod named;
mod secrets;
pub(crate) mod v1;
pub(crate) mod v2;

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;

use crate::chat::{PartOrder, Prompt};
use crate::context::EditorSymbol;
use crate::error::Result;
use crate::model::{
    Agent, AskId, Catalogue, Extra, FileDiff, Message, MessageId, ModelRef, PartId, PermissionReply,
    ServerConfiguration, Session, SessionId, SlashCommand, Snapshot, Status, Todo,
};
use crate::server::LogLevel;
use crate::stream::Source;

pub use capabilities::Capabilities;
pub(crate) use detect::detect;
pub use detect::{Line, ServerInfo};
pub(crate) use named::operation;
pub(crate) use secrets::keys_in;

/// Changes of a session that are not prompts.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only sessions whose title holds this.
    pub search: Option<String>,
    /// Only sessions that no agent has started.
    pub roots_only: bool,
    /// At most this many; `None` reads all pages.
    pub limit: Option<usize>,
}

/// A turn that is started by something else than a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A slash command with its arguments.
    Command {
        /// The command's name, without the slash.
        name: String,
        /// Everything behind it.
        arguments: String,
    },
    /// A shell command that is run for the person and shown to the agent.
    Shell {
        /// The command line.
        command: String,
    },
    /// The history is made shorter.
    Summarize,
}

/// What an answer to an [`Action`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acted {
    /// The turn has begun; its events tell the end.
    Begun,
    /// The turn has ended: servers of 1.x answer then.
    Ended,
}

/// Everything that a conversation needs of a server.
#[async_trait]
pub(crate) trait Dialect: Send + Sync {
    /// The event stream.
    fn events(&self) -> Arc<dyn Source>;

    /// How parts are ordered.
    fn part_order(&self) -> PartOrder;

    /// What this line can do and the other cannot.
    fn capabilities(&self) -> Capabilities;

    /// Whether the word that nothing runs comes after everything else of a turn. Without that, an answer has ended
    /// only when it is complete as well.
    fn idle_is_final(&self) -> bool;

    /// Whether a prompt that the server has may be sent again, under the same name, and is then one prompt all the same.
    fn may_repeat_prompt(&self) -> bool;

    /// A name for a new message that the server will order after all that it has; `after` is the last one known.
    fn new_message_id(&self, after: Option<&MessageId>) -> MessageId;

    /// A session and everything below it: the session first, then its descendants.
    async fn snapshot(&self, session: &SessionId) -> Result<Vec<Snapshot>>;
    async fn status(&self, session: &SessionId) -> Result<Status>;
    /// The sessions in which something runs.
    async fn busy(&self) -> Result<Vec<SessionId>>;
    async fn messages(&self, session: &SessionId) -> Result<Vec<Message>>;
    async fn has_message(&self, session: &SessionId, message: &MessageId) -> Result<bool>;

    async fn create(&self, title: Option<&str>, parent: Option<&SessionId>) -> Result<Session>;
    /// Makes a session that carries a mark of ours, by which [`marked`] knows it again.
    async fn create_marked(&self, mark: &str) -> Result<Session>;
    async fn session(&self, session: &SessionId) -> Result<Session>;
    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<Session>>;
    /// The sessions of all folders, archived ones and those of sub-agents too.
    async fn sessions_everywhere(&self) -> Result<Vec<Session>>;
    async fn children(&self, session: &SessionId) -> Result<Vec<Session>>;
    async fn fork(&self, session: &SessionId, at: Option<&MessageId>) -> Result<Session>;
    async fn rename(&self, session: &SessionId, title: &str) -> Result<Session>;
    async fn delete(&self, session: &SessionId) -> Result<()>;
    async fn share(&self, session: &SessionId) -> Result<Session>;
    async fn unshare(&self, session: &SessionId) -> Result<Session>;
    async fn revert(
        &self,
        session: &SessionId,
        message: &MessageId,
        part: Option<&PartId>,
    ) -> Result<Session>;
    async fn unrevert(&self, session: &SessionId) -> Result<Session>;
    async fn diff(&self, session: &SessionId, message: Option<&MessageId>) -> Result<Vec<FileDiff>>;
    async fn todos(&self, session: &SessionId) -> Result<Vec<Todo>>;
    async fn commands(&self) -> Result<Vec<SlashCommand>>;
    /// Symbols of the project by name, where the server knows some.
    async fn symbols(&self, query: &str) -> Result<Vec<EditorSymbol>>;

    async fn configuration(&self) -> Result<ServerConfiguration>;
    /// Changes what can be changed through the server, by a merge patch.
    async fn patch_configuration(&self, patch: &serde_json::Value) -> Result<()>;
    /// Providers and models, whether they can be used or not.
    async fn models(&self) -> Result<Catalogue>;
    async fn agents(&self) -> Result<Vec<Agent>>;

    /// Starts a turn and returns when the server has taken the prompt. The same `id` again is the same prompt.
    async fn prompt(&self, session: &SessionId, id: &MessageId, prompt: &Prompt) -> Result<()>;
    /// Starts a turn of another kind.
    async fn act(
        &self,
        session: &SessionId,
        id: &MessageId,
        action: &Action,
        model: Option<&ModelRef>,
        agent: Option<&str>,
    ) -> Result<Acted>;
    async fn abort(&self, session: &SessionId) -> Result<()>;

    /// Writes into the server's own log.
    async fn log(
        &self,
        level: LogLevel,
        service: &str,
        message: &str,
        extra: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()>;

    /// `Ok(false)` when the request is not open any more.
    async fn reply_permission(
        &self,
        session: &SessionId,
        id: &AskId,
        reply: &PermissionReply,
    ) -> Result<bool>;
    /// `None` rejects. `Ok(false)` when the question is not open any more.
    async fn reply_question(
        &self,
        session: &SessionId,
        id: &AskId,
        answers: Option<&[Vec<String>]>,
    ) -> Result<bool>;
}

/// The name of our mark among the metadata of a session.
const MARK: &str = "nexus";

/// The metadata of a session with a mark.
fn mark(mark: &str) -> Extra {
    Extra::from_iter([(MARK.to_owned(), mark.into())])
}

/// Whether a session carries a mark. Servers before 1.18 do not keep it.
pub(crate) fn marked(session: &Session, mark: &str) -> bool {
    let found = session.extra.get("metadata").and_then(|metadata| metadata.get(MARK)?.as_str());
    found == Some(mark)
}

/// The children of a session that were not met yet, for those who walk down: a server that names a session below itself
/// must not keep us for ever.
fn unmet(
    children: &[Session],
    parent: &Session,
    waiting: &VecDeque<Session>,
    done: &[Snapshot],
) -> Vec<Session> {
    let met = |id: &SessionId| {
        let before = waiting.iter().chain([parent]).chain(done.iter().map(|s| &s.session));
        before.into_iter().any(|s| s.id == *id)
    };
    children.iter().filter(|child| !met(&child.id)).cloned().collect()
}
