//! `nexus sessions`: what people do with conversations when they are not in one.

mod change;
mod export;
mod list;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::chat::{Conversation, ConversationOptions};
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::model::Session;
use opencode_nexus::{Client, Error, ErrorKind, Result};

use crate::connect::ServerArguments;

/// List, show, branch, undo, share, delete and export sessions.
#[derive(clap::Args)]
#[command(
    after_help = "A session is named by its id, the beginning of it, or `last`.\n\nExamples:\n  nexus sessions list --search parser\n  nexus sessions show last\n  nexus sessions fork last --at msg_…\n  nexus sessions export last --format markdown --to talk.md\n  nexus sessions delete ses_20 --yes"
)]
pub(crate) struct Sessions {
    #[command(subcommand)]
    what: What,
    /// Results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Subcommand)]
enum What {
    /// List the sessions of the folder, newest first.
    List(list::List),
    /// Show a session as text.
    Show(show::Show),
    /// Copy a session, wholly or up to a message.
    Fork(change::Fork),
    /// Take messages back, with the changes to files that they made; `--undo` brings them back.
    Revert(change::Revert),
    /// Publish a session and print its address (OpenCode 1.x).
    Share(change::Share),
    /// Take the publication of a session back (OpenCode 1.x).
    Unshare(change::Unshare),
    /// Give a session another title.
    Rename(change::Rename),
    /// Delete sessions for good.
    Delete(change::Delete),
    /// Show what a session has changed in files.
    Diff(show::Diff),
    /// List the sessions that a session's agents have started.
    Children(list::Children),
    /// Write a session as Markdown or JSON.
    Export(export::Export),
}

impl Sessions {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let connected = self.server.connect().await?;
        let (client, json) = (&connected.client, self.json);
        let done = match self.what {
            What::List(list) => list.run(client, json).await,
            What::Show(show) => show.run(client, json).await,
            What::Fork(fork) => fork.run(client, json).await,
            What::Revert(revert) => revert.run(client, json).await,
            What::Share(share) => share.run(client, json).await,
            What::Unshare(unshare) => unshare.run(client, json).await,
            What::Rename(rename) => rename.run(client, json).await,
            What::Delete(delete) => delete.run(client, json).await,
            What::Diff(diff) => diff.run(client, json).await,
            What::Children(children) => children.run(client, json).await,
            What::Export(export) => export.run(client, json).await,
        };
        connected.close().await?;
        done.map(|()| ExitCode::SUCCESS)
    }
}

/// The session of that name: its id, the beginning of it, or `last` for the latest that no agent has started.
///
/// # Errors
/// `user.not_found` when there is none; `user.invalid_input` when several begin so.
pub(crate) async fn find(client: &Client, word: &str) -> Result<Session> {
    if word == "last" {
        let filter = SessionFilter { roots_only: true, ..SessionFilter::default() };
        let sessions = client.sessions(&filter).await?;
        return sessions.into_iter().max_by_key(|session| session.updated).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no session in this folder")
                .with_hint("begin one: nexus run \"…\", or name another folder with --directory")
        });
    }
    let sessions = client.sessions(&SessionFilter::default()).await?;
    let mut alike: Vec<Session> = sessions.into_iter().filter(|s| s.id.as_str().starts_with(word)).collect();
    match (alike.iter().position(|s| s.id.as_str() == word), alike.len()) {
        (Some(at), _) => Ok(alike.swap_remove(at)),
        (None, 1) => Ok(alike.swap_remove(0)),
        (None, 0) => Err(Error::new(ErrorKind::NotFound, format!("no session begins with {word}"))
            .with_hint("`nexus sessions list` shows those of this folder")),
        (None, count) => {
            Err(Error::new(ErrorKind::InvalidInput, format!("{count} sessions begin with {word}"))
                .with_hint("give more of the id; `nexus sessions list` shows them"))
        }
    }
}

/// Opens a session by its name.
async fn open(client: &Client, word: &str) -> Result<Conversation> {
    let session = find(client, word).await?;
    client.open(session.id, ConversationOptions::default()).await
}
