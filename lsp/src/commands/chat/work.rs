//! Does what the screen's state wants done, in tasks of their own: the screen never waits for a server. What comes of
//! it is told as [`Done`].

use opencode_nexus::chat::{AskPolicy, ChatEvent, Conversation, ConversationOptions, Turn};
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::model::{MessageId, Role, SessionId};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use tokio::sync::mpsc;

use super::ask::Answer;
use super::compose;
use super::effect::{Done, Effect, Outgoing, What};

/// Sessions that are offered to go to.
const SESSIONS: usize = 200;
/// Prompts that may wait to be sent; a person does not get there.
const WAITING: usize = 64;

/// Everything that tasks need.
#[derive(Clone)]
pub(crate) struct Work {
    client: Client,
    folder: std::path::PathBuf,
    policy: AskPolicy,
    done: mpsc::Sender<Done>,
    sending: mpsc::Sender<(Outgoing, Option<Conversation>)>,
}

impl Work {
    /// Starts the task that sends: one after the other, in the order in which the person pressed Enter.
    pub fn start(
        client: Client,
        folder: std::path::PathBuf,
        policy: AskPolicy,
        done: mpsc::Sender<Done>,
    ) -> Self {
        let (sending, mut waiting) = mpsc::channel::<(Outgoing, Option<Conversation>)>(WAITING);
        let work = Self { client, folder, policy, done, sending };
        let sender = work.clone();
        tokio::spawn(async move {
            // A session that was made for the first prompt serves those that were typed meanwhile.
            let mut made: Option<Conversation> = None;
            while let Some((out, conversation)) = waiting.recv().await {
                let number = out.number;
                let sent = async {
                    let conversation = match conversation.or_else(|| made.take()) {
                        Some(conversation) => conversation,
                        None => {
                            let new = sender.client.create_with(None, sender.options()).await?;
                            sender.tell(Done::Opened(new.clone())).await;
                            new
                        }
                    };
                    made = Some(conversation.clone());
                    sender.send(&conversation, out).await
                };
                let sent = sent.await;
                if let Err(error) = sent {
                    sender.tell(Done::Sent(number, Err(error))).await;
                }
            }
        });
        work
    }

    /// The same for a session that is still to be made.
    pub fn renewed(&self) -> Self {
        Self::start(self.client.clone(), self.folder.clone(), self.policy.clone(), self.done.clone())
    }

    /// Hands a prompt over to be sent.
    ///
    /// # Errors
    /// `user.busy` when far too many wait.
    pub fn send_later(&self, out: Outgoing, conversation: Option<Conversation>) -> Result<()> {
        self.sending.try_send((out, conversation)).map_err(|_| {
            Error::new(ErrorKind::Busy, "too many prompts wait to be sent")
                .with_hint("wait until some are sent")
        })
    }

    async fn tell(&self, done: Done) {
        // Nobody listens when the program ends.
        let _ = self.done.send(done).await;
    }

    async fn send(&self, conversation: &Conversation, out: Outgoing) -> Result<()> {
        let Outgoing { number, what, model, agent, .. } = out;
        let turn = match what {
            What::Prompt(text, agents) => {
                let folder = self.folder.clone();
                let composed = tokio::task::spawn_blocking(move || compose::prompt(&text, &folder, &agents));
                let mut prompt =
                    composed.await.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))??;
                (prompt.model, prompt.agent) = (model, agent);
                conversation.prompt(prompt).await?
            }
            What::Action(action) => conversation.act(action, model, agent).await?,
        };
        self.tell(Done::Sent(number, Ok(turn.message_id().clone()))).await;
        let work = self.clone();
        tokio::spawn(async move {
            let error = watch(Watched(Some(turn))).await;
            work.tell(Done::TurnOver(number, error)).await;
        });
        Ok(())
    }

    /// Does everything but sending, and what is the screen's own.
    pub fn perform(&self, effect: Effect, conversation: Option<Conversation>) {
        let work = self.clone();
        tokio::spawn(async move {
            let done =
                work.done_of(effect, conversation).await.unwrap_or_else(|error| Some(Done::Failed(error)));
            if let Some(done) = done {
                work.tell(done).await;
            }
        });
    }

    async fn done_of(&self, effect: Effect, conversation: Option<Conversation>) -> Result<Option<Done>> {
        match effect {
            Effect::Open(session) => return self.open(session).await.map(|c| Some(Done::Opened(c))),
            Effect::ReadLists => return self.lists().await.map(Some),
            Effect::ReadFiles => {
                let folder = self.folder.clone();
                let read =
                    tokio::task::spawn_blocking(move || opencode_nexus::context::project_files(&folder))
                        .await;
                return Ok(Some(Done::Files(read.unwrap_or_default())));
            }
            Effect::ReadSessions => {
                let filter =
                    SessionFilter { roots_only: true, limit: Some(SESSIONS), ..SessionFilter::default() };
                return Ok(Some(Done::Sessions(self.client.sessions(&filter).await?)));
            }
            _ => {}
        }
        let Some(conversation) = conversation else {
            return Err(Error::new(ErrorKind::InvalidInput, "there is no session yet")
                .with_hint("say something first, or go to a session with /sessions"));
        };
        self.in_conversation(effect, &conversation).await
    }

    async fn in_conversation(&self, effect: Effect, conversation: &Conversation) -> Result<Option<Done>> {
        let note = |text: String| Ok(Some(Done::Note(text)));
        match effect {
            Effect::Abort => conversation.abort().await?,
            Effect::Answer(answer) => return Ok(Some(answered(conversation, answer).await)),
            Effect::Fork => return conversation.fork(None).await.map(|c| Some(Done::Opened(c))),
            Effect::Undo => {
                let last = last_prompt(conversation);
                let last =
                    last.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "there is nothing to take back"))?;
                conversation.revert(&last, None).await?;
                return note("taken back; /redo brings it back".into());
            }
            Effect::Redo => {
                conversation.unrevert().await?;
            }
            Effect::Share(true) => {
                let session = conversation.share().await?;
                return note(format!("shared: {}", session.share_url.unwrap_or_default()));
            }
            Effect::Share(false) => {
                conversation.unshare().await?;
                return note("not shared any more".into());
            }
            Effect::Rename(title) => {
                conversation.rename(&title).await?;
            }
            Effect::Diff => return Ok(Some(Done::Diff(conversation.diff(None).await?))),
            _ => {}
        }
        Ok(None)
    }

    /// Goes to a session.
    ///
    /// # Errors
    /// When there is none of that name, or the server cannot be reached.
    pub async fn open(&self, session: SessionId) -> Result<Conversation> {
        self.client.open(session, self.options()).await
    }

    fn options(&self) -> ConversationOptions {
        ConversationOptions { policy: self.policy.clone(), ..ConversationOptions::default() }
    }

    async fn lists(&self) -> Result<Done> {
        let (commands, agents, models) =
            tokio::try_join!(self.client.commands(), self.client.agents(), self.client.models())?;
        Ok(Done::Lists(commands, agents, models))
    }
}

/// A turn that goes on when nobody watches it any more: leaving the screen is no reason to stop the agent.
struct Watched(Option<Turn>);

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(turn) = self.0.take() {
            turn.detach();
        }
    }
}

/// Waits for the end; says why it cannot be learned.
async fn watch(mut watched: Watched) -> Option<Error> {
    let turn = watched.0.as_mut()?;
    while let Some(event) = turn.next().await {
        match event {
            Ok(ChatEvent::TurnEnded { .. }) => return None,
            Ok(_) => {}
            Err(error) => return Some(error),
        }
    }
    None
}

async fn answered(conversation: &Conversation, answer: Answer) -> Done {
    match answer {
        Answer::Permission(id, reply) => {
            let result = conversation.reply_permission(&id, reply).await;
            Done::Answered(result)
        }
        Answer::Question(id, answers) => {
            let result = conversation.answer_question(&id, answers).await;
            Done::Answered(result)
        }
        Answer::Decline(id) => {
            let result = conversation.reject_question(&id).await;
            Done::Answered(result)
        }
    }
}

/// The last prompt that is not taken back yet.
fn last_prompt(conversation: &Conversation) -> Option<MessageId> {
    conversation.with_transcript(|transcript| {
        let revert = transcript.session().and_then(|s| s.revert.as_ref()).map(|r| &r.message_id);
        let messages = transcript.messages();
        let until =
            revert.and_then(|id| messages.iter().rposition(|m| m.id == *id)).unwrap_or(messages.len());
        messages[..until].iter().rev().find(|m| m.role == Role::User).map(|m| m.id.clone())
    })
}
