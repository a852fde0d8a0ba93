//! Does what the screen's state wants done, in tasks of their own: the screen never waits for a server. What comes of
//! it is told as [`Done`].

use std::time::Duration;

use opencode_nexus::chat::{AskPolicy, ChatEvent, Conversation, ConversationOptions, Prompt, Turn};
use opencode_nexus::context::{Context, Scope};
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::extension::CommandOutcome;
use opencode_nexus::model::{MessageId, Role, SessionId, SlashCommand};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use tokio::sync::mpsc;

use super::ask::Answer;
use super::compose;
use super::effect::{Done, Effect, Outgoing, What};
use super::slash::OWN;
use crate::plugins::{Plugins, STARTED};
use crate::settings::settings;

/// Sessions that are offered to go to.
const SESSIONS: usize = 200;
/// Prompts that may wait to be sent; a person does not get there.
const WAITING: usize = 64;
/// What is offered for a mention.
const SUGGESTED: usize = 50;
/// Plugins may have to be compiled, once; their commands come when they are there.
const COMPILED: Duration = Duration::from_secs(120);

/// Everything that tasks need.
#[derive(Clone)]
pub(crate) struct Work {
    client: Client,
    folder: std::path::PathBuf,
    policy: AskPolicy,
    plugins: Plugins,
    context: Context,
    done: mpsc::Sender<Done>,
    sending: mpsc::Sender<(Outgoing, Option<Conversation>)>,
}

impl Work {
    /// Starts the task that sends: one after the other, in the order in which the person pressed Enter.
    pub fn start(
        client: Client,
        folder: std::path::PathBuf,
        policy: AskPolicy,
        plugins: Plugins,
        context: Context,
        done: mpsc::Sender<Done>,
    ) -> Self {
        let (sending, mut waiting) = mpsc::channel::<(Outgoing, Option<Conversation>)>(WAITING);
        let work = Self { client, folder, policy, plugins, context, done, sending };
        let sender = work.clone();
        tokio::spawn(async move {
            // A session that was made for the first prompt serves those that were typed meanwhile.
            let mut made: Option<Conversation> = None;
            while let Some((out, conversation)) = waiting.recv().await {
                let number = out.number;
                let sent = async {
                    let known = conversation.or_else(|| made.take());
                    made.clone_from(&known);
                    let Some(out) = sender.prepared(out, known.as_ref()).await? else { return Ok(()) };
                    let conversation = match known {
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
        let (client, folder, policy) = (self.client.clone(), self.folder.clone(), self.policy.clone());
        Self::start(client, folder, policy, self.plugins.clone(), self.context.clone(), self.done.clone())
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
            What::Prompt(text) => {
                let context = self.context(STARTED).await;
                let budget = settings()?.context_budget;
                let (mut prompt, left_out) = compose::prompt(&text, &self.scope(), &context, budget).await?;
                for left in left_out {
                    let warning = format!("{} does not go along: {}", left.title, left.reason);
                    self.tell(Done::Warning(warning)).await;
                }
                (prompt.model, prompt.agent) = (model, agent);
                conversation.prompt(prompt).await?
            }
            // Mentions in what a plugin has written are text.
            What::Parts(parts) => {
                conversation.prompt(Prompt { parts, model, agent, ..Prompt::default() }).await?
            }
            What::Action(action) => conversation.act(action, model, agent).await?,
            What::Added(name, _) => return Err(no_command(&name)),
        };
        self.tell(Done::Sent(number, Ok(turn.message_id().clone()))).await;
        let work = self.clone();
        tokio::spawn(async move {
            let error = watch(Watched(Some(turn))).await;
            work.tell(Done::TurnOver(number, error)).await;
        });
        Ok(())
    }

    /// Runs the command of a plugin, if it is one; `None` when there is nothing to send then.
    async fn prepared(
        &self,
        mut out: Outgoing,
        conversation: Option<&Conversation>,
    ) -> Result<Option<Outgoing>> {
        let What::Added(name, arguments) = &out.what else { return Ok(Some(out)) };
        let of_server = self.client.commands().await?;
        let command = self.plugins.extensions().command(name, |word| is_taken(word, &of_server));
        let command = command.ok_or_else(|| no_command(name))?;
        let shown = match command.run(arguments, conversation.map(Conversation::session_id)).await? {
            CommandOutcome::Prompt(parts) => {
                out.what = What::Parts(parts);
                return Ok(Some(out));
            }
            CommandOutcome::Show(text) => Some(text),
            CommandOutcome::Nothing => None,
        };
        self.tell(Done::Shown(out.number, shown)).await;
        Ok(None)
    }

    fn scope(&self) -> Scope<'_> {
        Scope { root: &self.folder, client: Some(&self.client), editor: None }
    }

    /// The providers, those of plugins among them. Plugins that are being started are waited for.
    async fn context(&self, bound: Duration) -> Context {
        self.plugins.extensions().settled(bound).await;
        self.plugins.extensions().context_with(self.context.clone())
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
            Effect::ReadAdded => {
                self.plugins.extensions().settled(COMPILED).await;
                let of_server = self.client.commands().await?;
                let added = self.plugins.extensions().commands(|word| is_taken(word, &of_server));
                let added = added.into_iter();
                let added =
                    added.map(|one| SlashCommand { name: one.word, description: Some(one.spec.summary) });
                return Ok(Some(Done::Added(added.collect())));
            }
            Effect::Suggest(typed) => {
                let context = self.context(Duration::ZERO).await;
                let found = context.suggest(&self.scope(), &typed, SUGGESTED).await;
                return Ok(Some(Done::Suggested(typed, found)));
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

/// Whether a command has this word already: one of ours, or of the server.
fn is_taken(word: &str, of_server: &[SlashCommand]) -> bool {
    OWN.iter().any(|(own, ..)| *own == word) || of_server.iter().any(|command| command.name == word)
}

fn no_command(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no plugin has the command /{name} any more"))
        .with_hint("`nexus plugin list` shows what is installed")
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
