//! Prompts that were written while the server was away.

use std::time::Duration;

use clap::Subcommand;
use opencode_nexus::chat::{ConversationOptions, Decision, Prompt, Transcript};
use opencode_nexus::history::{History, OutboxItem, Sent};
use opencode_nexus::model::{Message, MessageId, Role};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use serde_json::json;

use super::count;
use crate::connect::ServerArguments;
use crate::plugins::{Plugins, print_notices};
use crate::settings::settings;
use crate::{account, output};
use opencode_nexus::nexus::{LOCAL, folder};

/// How long the history may take to be complete.
const KEEP_WITHIN: Duration = Duration::from_secs(5);

/// What is done with them.
#[derive(Subcommand)]
pub(super) enum Outbox {
    /// List what waits, in the order in which it will be sent.
    List,
    /// Keep a prompt for later.
    Add(Add),
    /// Send what waits for this server and folder, in order, each once.
    Send(Send),
    /// Take a prompt back.
    Remove(Remove),
}

/// What is kept.
#[derive(clap::Args)]
pub(super) struct Add {
    /// The prompt.
    #[arg(required = true)]
    prompt: Vec<String>,
    /// Go on with this session: its id, the beginning of it, or `last`. Otherwise a new one is begun.
    #[arg(short, long, value_name = "ID")]
    session: Option<String>,
    #[command(flatten)]
    server: ServerArguments,
}

/// Whether the person is asked.
#[derive(clap::Args)]
pub(super) struct Send {
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// Wait so many seconds for the answers, so that they are kept as well; a server that was started for this ends then. What
    /// agents ask meanwhile is answered by the permission settings, and by no where these would ask.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    wait: u64,
    #[command(flatten)]
    server: ServerArguments,
}

/// What is taken back.
#[derive(clap::Args)]
pub(super) struct Remove {
    /// The numbers, as `list` shows them.
    #[arg(required = true)]
    numbers: Vec<u64>,
}

impl Outbox {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::List => list(json).await,
            Self::Add(add) => add.run(json).await,
            Self::Send(send) => send.run(json).await,
            Self::Remove(remove) => remove.run(json).await,
        }
    }
}

async fn list(json: bool) -> Result<()> {
    let waiting = super::history().await?.outbox().list().await?;
    if json {
        output::print_json(&json!({ "outbox": waiting }));
        return Ok(());
    }
    if waiting.is_empty() {
        eprintln!("nothing waits");
    }
    waiting.iter().for_each(print);
    Ok(())
}

fn print(item: &OutboxItem) {
    let session = item.session.as_ref().map_or("a new session", |id| id.as_str());
    let head = format!(
        "{}  {}  {} in {}, {session}",
        item.number,
        output::date(item.written),
        item.server,
        item.directory
    );
    output::print_line(&output::clean(&head));
    item.text.lines().for_each(|line| output::print_line(&output::clean(&format!("    {line}"))));
}

impl Add {
    async fn run(self, json: bool) -> Result<()> {
        let history = super::history().await?;
        let text = self.prompt.join(" ");
        let item = keep(&history, &self.server, self.session.as_deref(), &Prompt::text(text)).await?;
        told(&item, json);
        Ok(())
    }
}

/// Keeps a prompt for the server and the folder that the arguments name.
///
/// # Errors
/// `user.invalid_input` for an empty prompt, `user.not_found` for a session that the history does not have; those of
/// writing.
pub(crate) async fn keep(
    history: &History,
    server: &ServerArguments,
    session: Option<&str>,
    prompt: &Prompt,
) -> Result<OutboxItem> {
    let stored = match session {
        Some(word) => Some(super::find(history, word).await?),
        None => None,
    };
    let (address, directory) = match &stored {
        // Where the session is, there the prompt goes.
        Some(stored) => (stored.server.clone(), stored.session.directory.clone()),
        None => {
            let directory = folder(server.directory.as_deref())?;
            let settings = settings()?;
            let url = server.url.as_ref().or(settings.server_url.as_ref());
            let address = url.map_or_else(|| LOCAL.to_owned(), |url| super::list::server(url));
            (address, directory.to_string_lossy().into_owned())
        }
    };
    let session = stored.map(|stored| stored.session.id);
    history.outbox().add(&address, &directory, session.as_ref(), prompt).await
}

/// Says that a prompt waits.
pub(crate) fn told(item: &OutboxItem, json: bool) {
    if json {
        output::print_json(&json!({ "kept": item }));
        return;
    }
    output::print_line(&format!("kept as {}", item.number));
    eprintln!("send it when the server is there: nexus history outbox send");
}

impl Send {
    async fn run(self, json: bool) -> Result<()> {
        let account = account::open().await?;
        let outbox = account.history().outbox();
        let waiting = outbox.list().await?;
        if waiting.is_empty() {
            if json {
                output::print_json(&json!({ "sent": [], "left": 0 }));
            } else {
                eprintln!("nothing waits");
            }
            return Ok(());
        }
        if !self.yes {
            if !json {
                waiting.iter().for_each(print);
            }
            let question = "send those that are meant for this server and folder?";
            if !super::agreed(question, json).await? {
                eprintln!("nothing was sent");
                return Ok(());
            }
        }
        // Its prompts are prompts like all others: hooks of plugins see them.
        let plugins = Plugins::open(&self.server.directory()?);
        tokio::spawn(print_notices(plugins.extensions().notices().subscribe()));
        let connected = self.server.connect_as(account, Some(plugins.extensions())).await?;
        let mut sent: Vec<Sent> = Vec::new();
        let result = outbox
            .send(&connected.client, |one| {
                if !json {
                    output::print_line(&output::clean(&format!("sent {} into {}", one.number, one.session)));
                }
                sent.push(one.clone());
            })
            .await;
        let unanswered = match answered(&connected.client, &sent, Duration::from_secs(self.wait)).await {
            Ok(unanswered) => unanswered,
            Err(error) => {
                eprintln!(
                    "warning: {}",
                    output::clean(&format!("the answers cannot be waited for: {error}"))
                );
                sent.len()
            }
        };
        tokio::join!(plugins.close(), connected.close()).1?;
        let left = outbox.list().await?.len() as u64;
        result.map_err(|error| match sent.len() {
            0 => error,
            done => error.with_context("sent before", done.to_string()),
        })?;
        if json {
            output::print_json(&json!({ "sent": sent, "left": left, "unanswered": unanswered }));
            return Ok(());
        }
        if unanswered > 0 {
            eprintln!(
                "{} not answered yet; `nexus history sync` fetches what comes",
                count(unanswered as u64, "prompt")
            );
        }
        if left > 0 {
            eprintln!(
                "{} for other servers or folders",
                match left {
                    1 => "1 prompt waits".to_owned(),
                    _ => format!("{} wait", count(left, "prompt")),
                }
            );
        }
        Ok(())
    }
}

/// Waits until the prompts are answered and the answers kept; says how many are not.
///
/// # Errors
/// When a session cannot be read.
async fn answered(client: &Client, sent: &[Sent], bound: Duration) -> Result<usize> {
    if bound.is_zero() {
        return Ok(sent.len());
    }
    let mut policy = settings()?.policy.clone();
    if policy.otherwise == Decision::Ask {
        policy.otherwise = Decision::Deny;
    }
    policy.questions = Decision::Deny;
    let until = tokio::time::Instant::now() + bound;
    let mut unanswered = 0;
    for one in sent {
        let options = ConversationOptions { policy: policy.clone(), ..ConversationOptions::default() };
        let conversation = client.open(one.session.clone(), options).await?;
        let mut feed = conversation.subscribe();
        let answering = async {
            while !conversation.with_transcript(|transcript| is_answered(transcript, &one.message)) {
                match feed.next().await {
                    Some(event) => drop(event?),
                    None => break,
                }
            }
            Ok::<(), Error>(())
        };
        match tokio::time::timeout_at(until, answering).await {
            Ok(answered) => answered?,
            Err(_) => unanswered += 1,
        }
        conversation.flush_history(KEEP_WITHIN).await?;
    }
    Ok(unanswered)
}

/// Servers take a prompt before they have it among their messages, so being idle alone says nothing.
fn is_answered(transcript: &Transcript, prompt: &MessageId) -> bool {
    let behind = transcript.messages().iter().skip_while(|message| message.id != *prompt).skip(1);
    let ended = |message: &Message| message.completed.is_some() || message.error.is_some();
    transcript.status().is_idle() && behind.filter(|message| message.role == Role::Assistant).any(ended)
}

impl Remove {
    async fn run(self, json: bool) -> Result<()> {
        let outbox = super::history().await?.outbox();
        let waiting = outbox.list().await?;
        if let Some(number) = self.numbers.iter().find(|n| !waiting.iter().any(|item| item.number == **n)) {
            return Err(Error::new(ErrorKind::NotFound, format!("no prompt {number} waits"))
                .with_hint("`nexus history outbox list` shows them"));
        }
        for number in &self.numbers {
            outbox.remove(*number).await?;
        }
        if json {
            output::print_json(&json!({ "removed": self.numbers }));
        } else {
            output::print_line(&format!("{} taken back", count(self.numbers.len() as u64, "prompt")));
        }
        Ok(())
    }
}
