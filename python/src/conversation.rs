//! A conversation: its transcript, its turns, and what else is done to a session.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use opencode_nexus::chat::{AskPolicy, ChatFeed, Decision, Deed, Reply, Said, Transcript};
use opencode_nexus::model::{AskId, MessageId, PartId, SessionId};
use opencode_nexus::stream::Batches;
use opencode_nexus::{Error, ErrorKind};
use pyo3::prelude::*;
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::pending::Pending;
use crate::runtime::{self, Ours};
use crate::turn::Turn;
use crate::{gate, json};

type Core = opencode_nexus::chat::Conversation;

/// One session, kept equal to the server's.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Conversation {
    /// Nothing when it was closed.
    held: Ours<Mutex<Option<Held>>>,
    closing: CancellationToken,
    session_id: String,
}

#[derive(Clone)]
struct Held {
    core: Core,
    /// The server must not end before the conversation.
    nexus: Arc<opencode_nexus::Nexus>,
    /// Who answers when the agent asks.
    policy: Arc<AskPolicy>,
}

impl Conversation {
    /// One that was opened.
    pub fn new(core: Core, nexus: Arc<opencode_nexus::Nexus>, policy: Arc<AskPolicy>) -> Self {
        let session_id = core.session_id().to_string();
        let held = Ours::new(Mutex::new(Some(Held { core, nexus, policy })));
        Self { held, closing: CancellationToken::new(), session_id }
    }

    /// What it stands for.
    ///
    /// # Errors
    /// When it was closed, and in a child of the process that opened it.
    fn held(&self, py: Python<'_>) -> PyResult<Held> {
        let held = self.held.get()?.lock().unwrap_or_else(PoisonError::into_inner).clone();
        held.ok_or_else(|| {
            let error = Error::new(ErrorKind::Aborted, "the conversation was closed");
            Failure::Core(error.with_hint("open it anew")).into_exception(py)
        })
    }

    fn ask<F, A>(&self, py: Python<'_>, ask: F) -> PyResult<Pending>
    where
        F: FnOnce(Core) -> A + Send + 'static,
        A: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        let held = self.held(py)?;
        Ok(Pending::new(async move {
            held.nexus.check_open()?;
            ask(held.core.clone()).await
        }))
    }

    /// A request that starts a turn. It goes on when nobody waits for it, so that a turn which has begun is stopped.
    fn begin<F, A>(&self, py: Python<'_>, begin: F) -> PyResult<Pending>
    where
        F: FnOnce(Core) -> A + Send + 'static,
        A: Future<Output = Result<opencode_nexus::chat::Turn, Failure>> + Send + 'static,
    {
        let held = self.held(py)?;
        Ok(Pending::lasting(async move {
            held.nexus.check_open()?;
            Ok(Answer::Turn(Box::new(Turn::new(begin(held.core.clone()).await?))))
        }))
    }
}

#[pymethods]
impl Conversation {
    /// The session's identifier.
    #[getter]
    fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The folder in which the agent works.
    fn directory(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.held(py)?.core.client().directory().map(str::to_owned))
    }

    /// The transcript, as JSON: the session, its status, its messages and what waits for an answer.
    fn transcript(&self, py: Python<'_>) -> PyResult<String> {
        let core = self.held(py)?.core;
        let text = gate::detach(py, || {
            core.with_transcript(|transcript| {
                json::text(&serde_json::json!({
                    "session": transcript.session(),
                    "status": transcript.status(),
                    "messages": transcript.messages(),
                    "permissions": transcript.permissions(),
                    "questions": transcript.questions(),
                    "todos": transcript.todos(),
                }))
            })
        });
        text.map_err(|failure| failure.into_exception(py))
    }

    /// Sends a prompt; `said` is JSON.
    fn say(&self, py: Python<'_>, said: &str) -> PyResult<Pending> {
        let said = json::read::<Said>("prompt", said);
        self.begin(py, |core| async move { Ok(core.say(said?).await?) })
    }

    /// Runs a command, a shell command or a summary; `deed` is JSON.
    fn perform(&self, py: Python<'_>, deed: &str) -> PyResult<Pending> {
        let deed = json::read::<Deed>("deed", deed);
        self.begin(py, |core| async move { Ok(core.perform(deed?).await?) })
    }

    /// Everything that happens from now on.
    fn subscribe(&self, py: Python<'_>) -> PyResult<Feed> {
        let held = self.held(py)?;
        let batches = Batches::new(held.core.subscribe());
        let reading = FeedReading { batches, failure: None, closing: self.closing.clone(), _held: held };
        Ok(Feed { reading: Ours::new(Arc::new(AsyncMutex::new(reading))) })
    }

    /// Whether a request waits for a person: it is open, and the policy does not answer it.
    fn waits_for_person(&self, py: Python<'_>, session: &str, id: &str) -> PyResult<bool> {
        let held = self.held(py)?;
        let waits = |transcript: &Transcript| {
            let asked = transcript.permissions().iter().find(|asked| asked.id.as_str() == id);
            let question = transcript.questions().iter().any(|asked| asked.id.as_str() == id);
            asked.is_some_and(|asked| held.policy.decide(asked) == Decision::Ask)
                || (question && held.policy.questions != Decision::Deny)
        };
        Ok(gate::detach(py, || held.core.with_child(&SessionId::from(session), waits).unwrap_or_default()))
    }

    /// Answers a permission request; `reply` is JSON. `false`: it was not open any more.
    fn reply_permission(&self, py: Python<'_>, id: String, reply: &str) -> PyResult<Pending> {
        let reply = json::read::<Reply>("reply", reply);
        self.ask(py, |core| async move {
            Ok(Answer::Flag(core.reply_permission(&AskId::from(id), reply?.into()).await?))
        })
    }

    /// Answers a question.
    fn answer_question(&self, py: Python<'_>, id: String, answers: Vec<Vec<String>>) -> PyResult<Pending> {
        self.ask(py, |core| async move {
            Ok(Answer::Flag(core.answer_question(&AskId::from(id), answers).await?))
        })
    }

    /// Refuses to answer a question.
    fn reject_question(&self, py: Python<'_>, id: String) -> PyResult<Pending> {
        self.ask(py, |core| async move { Ok(Answer::Flag(core.reject_question(&AskId::from(id)).await?)) })
    }

    /// Stops whatever runs in the session.
    fn abort(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move {
            core.abort().await?;
            Ok(Answer::Nothing)
        })
    }

    /// All messages, read from the server now, as JSON.
    fn read_messages(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move { json::answer(&core.read_messages().await?) })
    }

    /// A new conversation with the messages up to one, or all.
    fn fork(&self, py: Python<'_>, at: Option<String>) -> PyResult<Pending> {
        let held = self.held(py)?;
        Ok(Pending::new(async move {
            held.nexus.check_open()?;
            let core = held.core.fork(at.map(MessageId::from).as_ref()).await?;
            Ok(Answer::Conversation(Box::new(Self::new(core, held.nexus, held.policy))))
        }))
    }

    /// Takes a message and all after it back.
    fn revert(&self, py: Python<'_>, message: String, part: Option<String>) -> PyResult<Pending> {
        self.ask(py, |core| async move {
            json::answer(&core.revert(&MessageId::from(message), part.map(PartId::from).as_ref()).await?)
        })
    }

    /// Undoes that.
    fn unrevert(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move { json::answer(&core.unrevert().await?) })
    }

    /// Publishes the session.
    fn share(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move { json::answer(&core.share().await?) })
    }

    /// Takes the publication back.
    fn unshare(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move { json::answer(&core.unshare().await?) })
    }

    /// Gives the session a title.
    fn rename(&self, py: Python<'_>, title: String) -> PyResult<Pending> {
        self.ask(py, |core| async move { json::answer(&core.rename(&title).await?) })
    }

    /// Deletes the session for good.
    fn delete(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move {
            core.delete().await?;
            Ok(Answer::Nothing)
        })
    }

    /// The files that were changed, as JSON.
    fn diff(&self, py: Python<'_>, message: Option<String>) -> PyResult<Pending> {
        self.ask(
            py,
            |core| async move { json::answer(&core.diff(message.map(MessageId::from).as_ref()).await?) },
        )
    }

    /// The agent's list of things to do, as JSON.
    fn todos(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move { json::answer(&core.todos().await?) })
    }

    /// The sessions of its sub-agents, as JSON.
    fn children(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, |core| async move { json::answer(&core.children().await?) })
    }

    /// The messages of a sub-agent's session that this conversation follows, as JSON; `None` when it follows none of that name.
    fn child_messages(&self, py: Python<'_>, session: &str) -> PyResult<Option<String>> {
        let core = self.held(py)?.core;
        let messages = core.with_child(&SessionId::from(session), |t| serde_json::to_string(t.messages()));
        Ok(messages.and_then(Result::ok))
    }

    /// The session and those of its sub-agents, as far as they are followed.
    fn sessions(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.held(py)?.core.sessions().iter().map(ToString::to_string).collect())
    }

    /// Follows it no longer. Its turns are another matter.
    fn close(&self) -> PyResult<()> {
        let held = self.held.get()?.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.closing.cancel();
        drop(held);
        Ok(())
    }

    /// Waits until the history has everything that was told by now.
    fn flush_history(&self, py: Python<'_>, seconds: f64) -> PyResult<Pending> {
        let bound = opencode_nexus::chat::seconds("within", seconds);
        self.ask(py, |core| async move {
            core.flush_history(bound?).await?;
            Ok(Answer::Nothing)
        })
    }
}

/// What happens in a conversation, whoever causes it.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Feed {
    reading: Ours<Arc<AsyncMutex<FeedReading>>>,
}

struct FeedReading {
    batches: Batches<ChatFeed>,
    failure: Option<opencode_nexus::Error>,
    closing: CancellationToken,
    /// What nobody closes is followed as long as somebody reads.
    _held: Held,
}

#[pymethods]
impl Feed {
    /// As of a turn.
    fn next(&self, most: usize) -> PyResult<Pending> {
        let reading = self.reading.get()?.clone();
        Ok(Pending::new(async move {
            let mut reading = reading.lock().await;
            if let Some(error) = reading.failure.take() {
                return Err(error.into());
            }
            let closing = reading.closing.clone();
            // What has come already is still told.
            let batch = match select(pin!(reading.batches.next(most)), pin!(closing.cancelled())).await {
                Either::Left((batch, _)) => batch,
                Either::Right(_) => None,
            };
            let Some(batch) = batch else { return Ok(Answer::Nothing) };
            let mut events = Vec::with_capacity(batch.len());
            for item in batch {
                match item {
                    Ok(event) => events.push(event),
                    Err(error) if events.is_empty() => return Err(error.into()),
                    Err(error) => reading.failure = Some(error),
                }
            }
            json::answer(&events)
        }))
    }
}

const _: fn() = || {
    fn must_be_shared<T: Send + Sync>() {}
    must_be_shared::<Conversation>();
    must_be_shared::<runtime::Owned>();
};
