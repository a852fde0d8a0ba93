//! A conversation: its transcript, its turns, and what else is done to a session.

use std::sync::Arc;

use opencode_nexus::chat::{AskPolicy, ChatFeed, Decision, Deed, Reply, Said, Transcript};
use opencode_nexus::model::{AskId, MessageId, PartId, SessionId};
use opencode_nexus::stream::Batches;
use pyo3::prelude::*;
use tokio::sync::Mutex as AsyncMutex;

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
    held: Ours<Held>,
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
        Self { held: Ours::new(Held { core, nexus, policy }), session_id }
    }

    fn ask<F, A>(&self, ask: F) -> PyResult<Pending>
    where
        F: FnOnce(Core) -> A + Send + 'static,
        A: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        let held = self.held.get()?.clone();
        Ok(Pending::new(async move {
            held.nexus.check_open()?;
            ask(held.core.clone()).await
        }))
    }

    /// A request that starts a turn. It goes on when nobody waits for it, so that a turn which has begun is stopped.
    fn begin<F, A>(&self, begin: F) -> PyResult<Pending>
    where
        F: FnOnce(Core) -> A + Send + 'static,
        A: Future<Output = Result<opencode_nexus::chat::Turn, Failure>> + Send + 'static,
    {
        let held = self.held.get()?.clone();
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
    fn directory(&self) -> PyResult<Option<String>> {
        Ok(self.held.get()?.core.client().directory().map(str::to_owned))
    }

    /// The transcript, as JSON: the session, its status, its messages and what waits for an answer.
    fn transcript(&self, py: Python<'_>) -> PyResult<String> {
        let core = &self.held.get()?.core;
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
    fn say(&self, said: &str) -> PyResult<Pending> {
        let said = json::read::<Said>("prompt", said);
        self.begin(|core| async move { Ok(core.say(said?).await?) })
    }

    /// Runs a command, a shell command or a summary; `deed` is JSON.
    fn perform(&self, deed: &str) -> PyResult<Pending> {
        let deed = json::read::<Deed>("deed", deed);
        self.begin(|core| async move { Ok(core.perform(deed?).await?) })
    }

    /// Everything that happens from now on.
    fn subscribe(&self) -> PyResult<Feed> {
        let held = self.held.get()?.clone();
        let batches = Batches::new(held.core.subscribe());
        let reading = FeedReading { batches, failure: None, _held: held };
        Ok(Feed { reading: Ours::new(Arc::new(AsyncMutex::new(reading))) })
    }

    /// Whether a request waits for a person: it is open, and the policy does not answer it.
    fn waits_for_person(&self, py: Python<'_>, session: &str, id: &str) -> PyResult<bool> {
        let held = self.held.get()?;
        let waits = |transcript: &Transcript| {
            let asked = transcript.permissions().iter().find(|asked| asked.id.as_str() == id);
            let question = transcript.questions().iter().any(|asked| asked.id.as_str() == id);
            asked.is_some_and(|asked| held.policy.decide(asked) == Decision::Ask)
                || (question && held.policy.questions != Decision::Deny)
        };
        Ok(gate::detach(py, || held.core.with_child(&SessionId::from(session), waits).unwrap_or_default()))
    }

    /// Answers a permission request; `reply` is JSON. `false`: it was not open any more.
    fn reply_permission(&self, id: String, reply: &str) -> PyResult<Pending> {
        let reply = json::read::<Reply>("reply", reply);
        self.ask(|core| async move {
            Ok(Answer::Flag(core.reply_permission(&AskId::from(id), reply?.into()).await?))
        })
    }

    /// Answers a question.
    fn answer_question(&self, id: String, answers: Vec<Vec<String>>) -> PyResult<Pending> {
        self.ask(
            |core| async move { Ok(Answer::Flag(core.answer_question(&AskId::from(id), answers).await?)) },
        )
    }

    /// Refuses to answer a question.
    fn reject_question(&self, id: String) -> PyResult<Pending> {
        self.ask(|core| async move { Ok(Answer::Flag(core.reject_question(&AskId::from(id)).await?)) })
    }

    /// Stops whatever runs in the session.
    fn abort(&self) -> PyResult<Pending> {
        self.ask(|core| async move {
            core.abort().await?;
            Ok(Answer::Nothing)
        })
    }

    /// All messages, read from the server now, as JSON.
    fn read_messages(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.read_messages().await?) })
    }

    /// A new conversation with the messages up to one, or all.
    fn fork(&self, at: Option<String>) -> PyResult<Pending> {
        let held = self.held.get()?.clone();
        Ok(Pending::new(async move {
            held.nexus.check_open()?;
            let core = held.core.fork(at.map(MessageId::from).as_ref()).await?;
            Ok(Answer::Conversation(Box::new(Self::new(core, held.nexus, held.policy))))
        }))
    }

    /// Takes a message and all after it back.
    fn revert(&self, message: String, part: Option<String>) -> PyResult<Pending> {
        self.ask(|core| async move {
            json::answer(&core.revert(&MessageId::from(message), part.map(PartId::from).as_ref()).await?)
        })
    }

    /// Undoes that.
    fn unrevert(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.unrevert().await?) })
    }

    /// Publishes the session.
    fn share(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.share().await?) })
    }

    /// Takes the publication back.
    fn unshare(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.unshare().await?) })
    }

    /// Gives the session a title.
    fn rename(&self, title: String) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.rename(&title).await?) })
    }

    /// Deletes the session for good.
    fn delete(&self) -> PyResult<Pending> {
        self.ask(|core| async move {
            core.delete().await?;
            Ok(Answer::Nothing)
        })
    }

    /// The files that were changed, as JSON.
    fn diff(&self, message: Option<String>) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.diff(message.map(MessageId::from).as_ref()).await?) })
    }

    /// The agent's list of things to do, as JSON.
    fn todos(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.todos().await?) })
    }

    /// The sessions of its sub-agents, as JSON.
    fn children(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.children().await?) })
    }

    /// The messages of a sub-agent's session that this conversation follows, as JSON; `None` when it follows none of that name.
    fn child_messages(&self, session: &str) -> PyResult<Option<String>> {
        let core = &self.held.get()?.core;
        let messages = core.with_child(&SessionId::from(session), |t| serde_json::to_string(t.messages()));
        Ok(messages.and_then(Result::ok))
    }

    /// Waits until the history has everything that was told by now.
    fn flush_history(&self, seconds: f64) -> PyResult<Pending> {
        let bound = opencode_nexus::chat::seconds("within", seconds);
        self.ask(|core| async move {
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
    /// A feed ends with its conversation.
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
            let Some(batch) = reading.batches.next(most).await else { return Ok(Answer::Nothing) };
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
