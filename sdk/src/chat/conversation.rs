//! A conversation: one session with its sub-agents, kept equal to the server's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::driver;
use super::feed::ChatFeed;
use super::observer::Observer;
use super::prompt::Prompt;
use super::shared::{ConversationOptions, Shared};
use super::transcript::Transcript;
use super::turn::Turn;
use super::verdict::Request;
use crate::client::Client;
use crate::dialect::{Acted, Action};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::history::{Mirror, MirrorState};
use crate::model::{
    AskId, FileDiff, Message, MessageId, ModelRef, PartId, PermissionReply, Session, SessionId, Todo,
};

/// One session, kept equal to the server's while this or a clone of it lives.
///
/// ```no_run
/// # async fn story() -> opencode_nexus::Result<()> {
/// use opencode_nexus::{Client, chat::ChatEvent};
///
/// let client = Client::connect("http://127.0.0.1:4096").await?;
/// let conversation = client.create(None).await?;
/// let mut turn = conversation.prompt("What is in this folder?").await?;
/// while let Some(event) = turn.next().await {
///     if let ChatEvent::Text { delta, .. } = event? {
///         print!("{delta}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Conversation {
    client: Client,
    pub(super) shared: Arc<Shared>,
    /// Before the driver, so that it is there when the last words are written.
    mirror: Option<Arc<Mirror>>,
    _driver: Arc<DropGuard>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shared.fmt(f)
    }
}

/// How a prompt is sent.
#[derive(Clone, Debug, Default)]
pub struct TurnOptions {
    /// The turn is stopped and fails when it takes longer. Without one it may take as long as it takes.
    pub deadline: Option<Duration>,
}

impl Conversation {
    pub(crate) async fn open(
        client: Client,
        session: SessionId,
        options: ConversationOptions,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::new(&client.spoken(), session, options));
        let stop = CancellationToken::new();
        let (task, token) = (driver::drive(shared.clone(), client.events()), stop.clone());
        let closing = shared.clone();
        tokio::spawn(async move {
            if token.run_until_cancelled(task).await.is_none() {
                closing.close(None);
            }
        });
        let _driver = Arc::new(stop.clone().drop_guard());
        let mut conversation = Self { client, shared, mirror: None, _driver, stop };
        conversation.shared.live(conversation.shared.options.open_within).await?;
        let history = conversation.client.history().cloned();
        conversation.mirror = history.map(|history| Arc::new(history.follow(&conversation)));
        Ok(conversation)
    }

    /// Sees it without keeping it alive.
    pub(crate) fn observer(&self) -> Observer {
        Observer::new(self.shared.clone())
    }

    /// Is cancelled when the last handle of the conversation is gone.
    pub(crate) fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// How far the history of this conversation is; `None` when its client has no history.
    pub fn history_state(&self) -> Option<MirrorState> {
        self.mirror.as_ref().map(|mirror| mirror.state())
    }

    /// Waits until the history has everything that was told by now, at most `bound`: for programs that end. Without a
    /// history there is nothing to wait for. Cancel-safe.
    ///
    /// # Errors
    /// As [`Mirror::flush`].
    pub async fn flush_history(&self, bound: Duration) -> Result<()> {
        match &self.mirror {
            Some(mirror) => mirror.flush(bound).await,
            None => Ok(()),
        }
    }

    /// The session's identifier.
    pub fn session_id(&self) -> &SessionId {
        &self.shared.root
    }

    /// The client through which it speaks.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Looks at the transcript as it stands. `look` must be quick: events wait meanwhile.
    pub fn with_transcript<R>(&self, look: impl FnOnce(&Transcript) -> R) -> R {
        look(self.shared.lock().scope.root())
    }

    /// The same for the session of a sub-agent; `None` when it is not one of this conversation's.
    pub fn with_child<R>(&self, session: &SessionId, look: impl FnOnce(&Transcript) -> R) -> Option<R> {
        self.shared.lock().scope.get(session).map(look)
    }

    /// The sessions of this conversation: its own and its sub-agents'.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.shared.lock().scope.sessions().cloned().collect()
    }

    /// What happens from now on, whoever causes it.
    pub fn subscribe(&self) -> ChatFeed {
        self.shared.subscribe()
    }

    /// Looks at the transcript and subscribes at the same moment: between what `look` saw and the first difference
    /// of the feed nothing is missing and nothing is told twice.
    pub fn watch<R>(&self, look: impl FnOnce(&Transcript) -> R) -> (R, ChatFeed) {
        self.shared.watch(look)
    }

    /// [`watch`](Self::watch) for the conversation's session and those of its sub-agents. Its own comes first.
    pub fn watch_all<R>(&self, look: impl FnOnce(&[&Transcript]) -> R) -> (R, ChatFeed) {
        self.shared.watch_all(look)
    }

    /// Sends a prompt and returns the turn that it starts.
    ///
    /// A prompt is never sent twice: when the answer to it is lost, the server is asked whether it has it.
    ///
    /// # Errors
    /// When the prompt is empty, or the server refuses it or cannot be reached.
    pub async fn prompt(&self, prompt: impl Into<Prompt>) -> Result<Turn> {
        self.prompt_with(prompt, TurnOptions::default()).await
    }

    /// [`prompt`](Self::prompt) with options.
    ///
    /// # Errors
    /// As [`prompt`](Self::prompt).
    pub async fn prompt_with(&self, prompt: impl Into<Prompt>, options: TurnOptions) -> Result<Turn> {
        let prompt = prompt.into();
        prompt.check()?;
        let no_reply = prompt.no_reply.then_some(prompt.parts.len());
        let turn = self.begin(true, no_reply, &options).await?;
        match self.send(turn.message_id(), &prompt).await {
            Ok(()) => {
                let again = (no_reply.is_none() && self.shared.dialect.may_repeat_prompt()).then_some(prompt);
                self.shared.update_turn(turn.message_id(), |t| {
                    (t.accepted, t.prompt) = (Some(Instant::now()), again);
                });
                Ok(turn)
            }
            Err(error) => {
                self.shared.fail_turn(turn.message_id(), &error);
                turn.detach();
                Err(error)
            }
        }
    }

    /// Runs a slash command, a shell command or a summary; `model` and `agent` as in a [`Prompt`]. To summarize, the
    /// session's last model is used when none is named.
    ///
    /// # Errors
    /// When the server cannot be reached before it starts. A refusal comes as the turn's error, because servers
    /// answer these requests only at the end.
    pub async fn act(&self, action: Action, model: Option<ModelRef>, agent: Option<String>) -> Result<Turn> {
        let turn = self.begin(false, None, &TurnOptions::default()).await?;
        let model = model.or_else(|| self.last_model().filter(|_| action == Action::Summarize));
        let (shared, id) = (self.shared.clone(), turn.message_id().clone());
        self.shared.update_turn(&id, |t| (t.accepted, t.request) = (Some(Instant::now()), Request::Open));
        tokio::spawn(async move {
            let result =
                shared.dialect.act(&shared.root, &id, &action, model.as_ref(), agent.as_deref()).await;
            match result {
                Ok(Acted::Ended) => shared.turn_answered(&id),
                Ok(Acted::Begun) => shared.update_turn(&id, |t| t.request = Request::Silent),
                // The answer may be cut off while the turn goes on: then the events tell its end.
                Err(error) if error.retry() != Retry::Never && error.context("sent") != Some("no") => {
                    tracing::debug!(%error, "the answer to an action was lost");
                    shared.update_turn(&id, |t| t.request = Request::Silent);
                }
                Err(error) => shared.fail_turn(&id, &error),
            }
        });
        Ok(turn)
    }

    fn last_model(&self) -> Option<ModelRef> {
        self.with_transcript(|t| t.messages().iter().rev().find_map(|m| m.model.clone()))
    }

    /// Answers a permission request of this conversation or of its sub-agents. `Ok(false)`: it is not open any more.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn reply_permission(&self, id: &AskId, reply: PermissionReply) -> Result<bool> {
        self.shared.reply_permission(id, reply).await
    }

    /// Answers a question: the labels chosen, an item each. `Ok(false)`: it is not open any more.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn answer_question(&self, id: &AskId, answers: Vec<Vec<String>>) -> Result<bool> {
        self.shared.reply_question(id, Some(answers)).await
    }

    /// Refuses to answer a question. `Ok(false)`: it is not open any more.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn reject_question(&self, id: &AskId) -> Result<bool> {
        self.shared.reply_question(id, None).await
    }

    /// Stops whatever runs in the session, whoever started it.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn abort(&self) -> Result<()> {
        self.shared.dialect.abort(&self.shared.root).await
    }

    /// All messages, read from the server now (the transcript needs no such call).
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn read_messages(&self) -> Result<Vec<Message>> {
        self.shared.dialect.messages(&self.shared.root).await
    }

    /// A new conversation with the messages up to `at`, or all of them.
    ///
    /// # Errors
    /// When the server refuses or cannot be reached.
    pub async fn fork(&self, at: Option<&MessageId>) -> Result<Self> {
        let session = self.shared.dialect.fork(&self.shared.root, at).await?;
        Self::open(self.client.clone(), session.id, self.shared.options.clone()).await
    }

    /// Takes a message and all after it back, with the changes to files that they made.
    ///
    /// # Errors
    /// When the session is busy, or the server cannot be reached.
    pub async fn revert(&self, message: &MessageId, part: Option<&PartId>) -> Result<Session> {
        self.shared.dialect.revert(&self.shared.root, message, part).await
    }

    /// Undoes a revert, as long as nothing was said since.
    ///
    /// # Errors
    /// When the session is busy, or the server cannot be reached.
    pub async fn unrevert(&self) -> Result<Session> {
        self.shared.dialect.unrevert(&self.shared.root).await
    }

    /// Publishes the session; the address is in [`Session::share_url`].
    ///
    /// # Errors
    /// When sharing is switched off or the sharing service cannot be reached.
    pub async fn share(&self) -> Result<Session> {
        self.shared.dialect.share(&self.shared.root).await
    }

    /// Takes the publication back.
    ///
    /// # Errors
    /// When the sharing service cannot be reached.
    pub async fn unshare(&self) -> Result<Session> {
        self.shared.dialect.unshare(&self.shared.root).await
    }

    /// Gives the session a title.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn rename(&self, title: &str) -> Result<Session> {
        self.shared.dialect.rename(&self.shared.root, title).await
    }

    /// Deletes the session for good.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn delete(self) -> Result<()> {
        self.shared.dialect.delete(&self.shared.root).await?;
        self.shared.end(Error::new(ErrorKind::NotFound, "the session was deleted"));
        Ok(())
    }

    /// The files that the session, or one message of it, has changed.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn diff(&self, message: Option<&MessageId>) -> Result<Vec<FileDiff>> {
        self.shared.dialect.diff(&self.shared.root, message).await
    }

    /// The agent's list of things to do, read from the server now.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn todos(&self) -> Result<Vec<Todo>> {
        self.shared.dialect.todos(&self.shared.root).await
    }

    /// The sessions that this one's agents have started.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn children(&self) -> Result<Vec<Session>> {
        self.shared.dialect.children(&self.shared.root).await
    }
}
