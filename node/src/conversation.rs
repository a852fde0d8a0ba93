//! One session, kept equal to the server's.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;
use opencode_nexus::chat::{self, AskPolicy, ChatEvent, ChatFeed, Decision, Reply, Transcript, seconds};
use opencode_nexus::model::{Message, Permission, Question, Session, Status, Todo};
use opencode_nexus::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::feed::Feed;
use crate::port::Shared;
use crate::turn::Turn;
use crate::{camel, failure};

/// A conversation.
#[napi]
pub struct Conversation {
    shared: Arc<Shared>,
    core: Option<chat::Conversation>,
    /// What is answered by rules: nobody else is asked then.
    policy: Arc<AskPolicy>,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.shared.let_go(self.core.take());
    }
}

impl Conversation {
    /// One that is open.
    pub fn new(shared: Arc<Shared>, core: chat::Conversation, policy: Arc<AskPolicy>) -> Self {
        Self { shared, core: Some(core), policy }
    }

    fn begin(&self, number: u32, begin: Begin) {
        let (core, shared) = (self.core.clone(), self.shared.clone());
        self.shared.begin(number, async move {
            let core = core.ok_or_else(|| failure::closed("conversation"))?;
            let turn = match begin {
                Begin::Say(said) => {
                    core.say(serde_json::from_str(&said).map_err(failure::unreadable)?).await?
                }
                Begin::Act(deed) => {
                    core.perform(serde_json::from_str(&deed).map_err(failure::unreadable)?).await?
                }
            };
            Ok(Answer::Turn(Box::new(Turn::new(shared, turn))))
        });
    }

    fn perform<F>(&self, number: u32, work: impl FnOnce(chat::Conversation) -> F + Send + 'static)
    where
        F: Future<Output = Result<Answer>> + Send + 'static,
    {
        let core = self.core.clone();
        self.shared
            .perform(number, async move { work(core.ok_or_else(|| failure::closed("conversation"))?).await });
    }
}

/// What begins a turn.
enum Begin {
    Say(String),
    Act(String),
}

/// What a conversation is asked.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Ask {
    Abort,
    ReadMessages,
    Fork { at: Option<String> },
    Revert { message: String, part: Option<String> },
    Unrevert,
    Share,
    Unshare,
    Rename { title: String },
    Delete,
    Diff { message: Option<String> },
    Todos,
    Children,
    ReplyPermission { id: String, reply: Reply },
    AnswerQuestion { id: String, answers: Vec<Vec<String>> },
    RejectQuestion { id: String },
    FlushHistory { within: f64 },
    FlushHooks { within: f64 },
}

/// A transcript as it stands.
#[derive(Serialize)]
struct Seen<'a> {
    session: Option<&'a Session>,
    status: &'a Status,
    messages: &'a [Message],
    queued: &'a [Message],
    permissions: &'a [Permission],
    questions: &'a [Question],
    todos: &'a [Todo],
}

impl<'a> Seen<'a> {
    fn of(transcript: &'a Transcript) -> Self {
        Self {
            session: transcript.session(),
            status: transcript.status(),
            messages: transcript.messages(),
            queued: transcript.queued(),
            permissions: transcript.permissions(),
            questions: transcript.questions(),
            todos: transcript.todos(),
        }
    }
}

#[napi]
impl Conversation {
    /// The session's identifier.
    #[napi(getter)]
    pub fn session_id(&self) -> Option<String> {
        self.core.as_ref().map(|core| core.session_id().as_str().to_owned())
    }

    /// The folder of its client.
    #[napi(getter)]
    pub fn directory(&self) -> Option<String> {
        self.core.as_ref().and_then(|core| core.client().directory().map(str::to_owned))
    }

    /// The transcript as it stands, of its own session or of a sub-agent's: JSON, or nothing when there is none.
    #[napi]
    pub fn transcript(&self, child: Option<String>) -> Option<String> {
        let look = |transcript: &Transcript| camel::to_json(&Seen::of(transcript)).ok();
        let core = self.core.as_ref()?;
        match child {
            Some(child) => core.with_child(&child.into(), look)?,
            None => core.with_transcript(look),
        }
    }

    /// The messages as they stand, as JSON with the names that are the same in every language.
    #[napi]
    pub fn messages_json(&self) -> Option<String> {
        self.core.as_ref()?.with_transcript(|transcript| serde_json::to_string(transcript.messages()).ok())
    }

    /// Its session and those of its sub-agents.
    #[napi]
    pub fn sessions(&self) -> Vec<String> {
        let sessions = self.core.as_ref().map(chat::Conversation::sessions).unwrap_or_default();
        sessions.iter().map(|session| session.as_str().to_owned()).collect()
    }

    /// Sends a prompt; the answer is a `Turn`.
    #[napi]
    pub fn say(&self, number: u32, said: String) {
        self.begin(number, Begin::Say(said));
    }

    /// Runs a command, a shell command or a summary; the answer is a `Turn`.
    #[napi]
    pub fn act(&self, number: u32, deed: String) {
        self.begin(number, Begin::Act(deed));
    }

    /// What happens from now on, whoever causes it.
    #[napi]
    pub fn feed(&self) -> Option<Feed> {
        let feed = self.core.as_ref()?.subscribe();
        Some(Feed::new(self.shared.clone(), feed))
    }

    /// Tells a function of JavaScript, under its number, of each request of the agent: those that are open and all later ones.
    #[napi]
    pub fn watch(&self, function: u32) {
        let Some(core) = &self.core else { return };
        let (open, feed) = core.watch_all(|transcripts| {
            let asked = transcripts.iter().flat_map(|transcript| {
                let permissions =
                    transcript.permissions().iter().cloned().map(Box::new).map(ChatEvent::PermissionAsked);
                let questions =
                    transcript.questions().iter().cloned().map(Box::new).map(ChatEvent::QuestionAsked);
                permissions.chain(questions)
            });
            asked.collect::<Vec<ChatEvent>>()
        });
        let watcher = Watcher { shared: self.shared.clone(), function, policy: self.policy.clone() };
        self.shared.detached(watcher.follow(open, feed));
    }

    /// Asks the server something about the session; the answer is JSON unless it says otherwise.
    #[napi]
    pub fn ask(&self, number: u32, ask: String) {
        let (shared, policy) = (self.shared.clone(), self.policy.clone());
        self.perform(number, |core| async move {
            answer(shared, core, policy, serde_json::from_str(&ask).map_err(failure::unreadable)?).await
        });
    }

    /// Follows the session no longer.
    #[napi]
    pub fn close(&mut self) {
        self.shared.let_go(self.core.take());
    }
}

/// Tells a function of JavaScript of the requests that wait for somebody.
struct Watcher {
    shared: Arc<Shared>,
    function: u32,
    policy: Arc<AskPolicy>,
}

impl Watcher {
    /// Goes on until the conversation is over.
    async fn follow(self, open: Vec<ChatEvent>, mut feed: ChatFeed) {
        open.iter().for_each(|event| self.tell(event));
        while let Some(Ok(event)) = feed.next().await {
            self.tell(&event);
        }
    }

    fn tell(&self, event: &ChatEvent) {
        let waits = match event {
            ChatEvent::Child { event, .. } => return self.tell(event),
            ChatEvent::PermissionAsked(permission) => self.policy.decide(permission) == Decision::Ask,
            ChatEvent::QuestionAsked(_) => self.policy.questions != Decision::Deny,
            ChatEvent::PermissionClosed { .. } | ChatEvent::QuestionClosed { .. } => true,
            _ => false,
        };
        if waits {
            self.shared.tell(self.function, Answer::json(event));
        }
    }
}

async fn answer(
    shared: Arc<Shared>,
    core: chat::Conversation,
    policy: Arc<AskPolicy>,
    ask: Ask,
) -> Result<Answer> {
    match ask {
        Ask::Abort => core.abort().await.map(|()| Answer::Done),
        Ask::ReadMessages => Answer::json(&core.read_messages().await?),
        Ask::Fork { at } => {
            let forked = core.fork(at.map(Into::into).as_ref()).await?;
            Ok(Answer::Conversation(Box::new(Conversation::new(shared, forked, policy))))
        }
        Ask::Revert { message, part } => {
            Answer::json(&core.revert(&message.into(), part.map(Into::into).as_ref()).await?)
        }
        Ask::Unrevert => Answer::json(&core.unrevert().await?),
        Ask::Share => Answer::json(&core.share().await?),
        Ask::Unshare => Answer::json(&core.unshare().await?),
        Ask::Rename { title } => Answer::json(&core.rename(&title).await?),
        Ask::Delete => core.delete().await.map(|()| Answer::Done),
        Ask::Diff { message } => Answer::json(&core.diff(message.map(Into::into).as_ref()).await?),
        Ask::Todos => Answer::json(&core.todos().await?),
        Ask::Children => Answer::json(&core.children().await?),
        Ask::ReplyPermission { id, reply } => {
            Answer::json(&core.reply_permission(&id.into(), reply.into()).await?)
        }
        Ask::AnswerQuestion { id, answers } => {
            Answer::json(&core.answer_question(&id.into(), answers).await?)
        }
        Ask::RejectQuestion { id } => Answer::json(&core.reject_question(&id.into()).await?),
        Ask::FlushHistory { within } => {
            core.flush_history(seconds("within", within)?).await.map(|()| Answer::Done)
        }
        Ask::FlushHooks { within } => {
            let within: Duration = seconds("within", within)?;
            if core.flush_hooks(within).await {
                return Ok(Answer::Done);
            }
            Err(Error::new(ErrorKind::Timeout, "the hooks have not heard every answer yet")
                .with_hint("give them more time"))
        }
    }
}
