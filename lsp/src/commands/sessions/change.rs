//! What changes sessions: branches, undoing, titles, publication, deletion.

use std::io::IsTerminal as _;

use opencode_nexus::chat::Conversation;
use opencode_nexus::model::{MessageId, Role, Session};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use serde_json::json;

use crate::output;

/// What is copied.
#[derive(clap::Args)]
pub(super) struct Fork {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
    /// Only what stands before this message.
    #[arg(long, value_name = "MESSAGE")]
    at: Option<String>,
}

impl Fork {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let conversation = super::open(client, &self.session).await?;
        let at = self.at.as_deref().map(|id| message(&conversation, id)).transpose()?;
        let copy = conversation.fork(at.as_ref()).await?;
        let session = copy.with_transcript(|t| t.session().cloned());
        match session {
            Some(session) => tell(&session, session.id.as_str(), json),
            None => output::print_line(copy.session_id().as_str()),
        }
        Ok(())
    }
}

/// What is taken back.
#[derive(clap::Args)]
pub(super) struct Revert {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
    /// This message and all after it; otherwise the last prompt and all after it.
    #[arg(long, value_name = "ID", conflicts_with = "undo")]
    message: Option<String>,
    /// Only this part of the message (OpenCode 1.x).
    #[arg(long, value_name = "ID", requires = "message")]
    part: Option<String>,
    /// Bring back what was taken back.
    #[arg(long)]
    undo: bool,
}

impl Revert {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        if self.part.is_some() && !client.capabilities().revert_parts {
            return Err(Error::new(ErrorKind::Unsupported, "OpenCode 2 takes back only whole messages")
                .with_hint("leave --part out"));
        }
        let conversation = super::open(client, &self.session).await?;
        let session = if self.undo {
            conversation.unrevert().await?
        } else {
            let message = match &self.message {
                Some(id) => message(&conversation, id)?,
                None => last_prompt(&conversation)?,
            };
            conversation.revert(&message, self.part.as_deref().map(Into::into).as_ref()).await?
        };
        let what = match &session.revert {
            Some(revert) => format!("taken back from {} on; `--undo` brings it back", revert.message_id),
            None => "nothing is taken back".to_owned(),
        };
        tell(&session, &what, json);
        Ok(())
    }
}

fn message(conversation: &Conversation, id: &str) -> Result<MessageId> {
    let known = conversation.with_transcript(|t| t.messages().iter().any(|m| m.id.as_str() == id));
    known.then(|| id.into()).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("the session has no message {id}"))
            .with_hint("`nexus sessions show` names the messages")
    })
}

fn last_prompt(conversation: &Conversation) -> Result<MessageId> {
    let prompt = conversation
        .with_transcript(|t| t.messages().iter().rev().find(|m| m.role == Role::User).map(|m| m.id.clone()));
    prompt.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "the session has no prompt")
            .with_hint("there is nothing to take back")
    })
}

/// What is published.
#[derive(clap::Args)]
pub(super) struct Share {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
}

impl Share {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        can_share(client)?;
        let session = super::open(client, &self.session).await?.share().await?;
        tell(
            &session,
            session.share_url.as_deref().unwrap_or("shared, at an address that was not told"),
            json,
        );
        Ok(())
    }
}

/// What is published no more.
#[derive(clap::Args)]
pub(super) struct Unshare {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
}

impl Unshare {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        can_share(client)?;
        let session = super::open(client, &self.session).await?.unshare().await?;
        tell(&session, "not shared any more", json);
        Ok(())
    }
}

fn can_share(client: &Client) -> Result<()> {
    if client.capabilities().sharing {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "OpenCode 2 cannot publish sessions")
        .with_hint("export it instead: nexus sessions export --format markdown"))
}

/// What gets which title.
#[derive(clap::Args)]
pub(super) struct Rename {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
    /// The new title.
    title: String,
}

impl Rename {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let session = super::open(client, &self.session).await?.rename(&self.title).await?;
        tell(&session, &session.title, json);
        Ok(())
    }
}

/// What is deleted.
#[derive(clap::Args)]
pub(super) struct Delete {
    /// The sessions: ids, or beginnings of ids.
    #[arg(required = true)]
    sessions: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        // All are found before the first is deleted: a word that is wrong shall cost nothing.
        let mut found = Vec::new();
        for word in &self.sessions {
            found.push(super::find(client, word).await?);
        }
        for session in found {
            if !self.yes && !confirmed(&session).await? {
                eprintln!("kept {}", session.id);
                continue;
            }
            super::open(client, session.id.as_str()).await?.delete().await?;
            tell(&session, &format!("deleted {}", session.id), json);
        }
        Ok(())
    }
}

/// Asks the person. Without a terminal nobody can be asked, and nothing is deleted.
async fn confirmed(session: &Session) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "deleting needs a yes, and there is no terminal to ask on",
        )
        .with_hint("add --yes"));
    }
    let title = output::clean(&session.title);
    output::is_yes(&format!("delete {} \"{title}\" for good?", session.id)).await
}

fn tell(session: &Session, text: &str, json: bool) {
    if json {
        output::print_json(&json!({ "session": session }));
    } else {
        output::print_line(&output::clean(text));
    }
}
