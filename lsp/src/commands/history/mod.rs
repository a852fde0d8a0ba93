//! `nexus history`: the encrypted history on this machine. It is read, searched and carried elsewhere without a server.

mod backup;
mod check;
mod delete;
mod export;
mod import;
mod list;
mod outbox;
mod recover;
mod rekey;
mod retain;
mod search;
mod show;
mod status;
mod sync;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::history::{History, SessionQuery, StoredSession};
use opencode_nexus::{Error, ErrorKind, Result};

pub(crate) use self::outbox::keep as keep_prompt;
use crate::{account, output, secret};

/// The encrypted history: read, search, export and delete what was talked about, without a server.
#[derive(clap::Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct HistoryCommand {
    #[command(subcommand)]
    what: What,
    /// Results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
A session is named by its id, a beginning of it that is enough, or `last`.

Examples:
  nexus history search race 'cond*' --since 30d         words, \"phrases\", begin*; --without WORD
  nexus history show last                               readable without the server
  nexus history sync                                    fetch what the server has and the history has not
  nexus history export --to all.jsonl --redact          everything, without keys and tokens
  nexus history export ses_20 --format markdown
  nexus history delete ses_20                           gone for good, its key with it
  nexus history retain --days 365                       what has not changed for a year goes
  nexus history outbox add \"And now the tests\"          for when the server is there again

Without an account nothing is kept: nexus account create. The setting history.enabled says whether it is.";

#[derive(Subcommand)]
enum What {
    /// How much is kept, from where, and how it is protected.
    Status(status::Status),
    /// Fetch from the server what the history has not; it goes on where it was stopped.
    Sync(sync::Sync),
    /// List sessions, the one that changed last first.
    List(list::List),
    /// Show a session as text.
    Show(show::Show),
    /// Search all messages.
    Search(Box<search::Search>),
    /// Write sessions into a file, or to standard output.
    Export(export::Export),
    /// Take an export back; all of it, or nothing.
    Import(import::Import),
    /// Delete sessions from the history for good; those on the server stay.
    Delete(delete::Delete),
    /// Rules for how long and how much is kept.
    Retain(retain::Retain),
    /// Copy the whole account into a new folder, encrypted as it is.
    Backup(backup::Backup),
    /// Give the account new keys, and seal everything anew.
    Rekey(rekey::Rekey),
    /// Open the account with the recovery key, and give it a new passphrase.
    Recover(recover::Recover),
    /// Open everything and check it; exit code 5 when something is wrong.
    Check(check::Check),
    /// Prompts that wait for the server.
    #[command(subcommand, arg_required_else_help = true)]
    Outbox(outbox::Outbox),
}

impl HistoryCommand {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let json = self.json;
        match self.what {
            What::Status(status) => status.run(json).await,
            What::Sync(sync) => return sync.run(json).await,
            What::List(list) => list.run(json).await,
            What::Show(show) => show.run(json).await,
            What::Search(search) => search.run(json).await,
            What::Export(export) => export.run(json).await,
            What::Import(import) => import.run(json).await,
            What::Delete(delete) => delete.run(json).await,
            What::Retain(retain) => retain.run(json).await,
            What::Backup(backup) => backup.run(json).await,
            What::Rekey(rekey) => rekey.run(json).await,
            What::Recover(recover) => recover.run(json).await,
            What::Check(check) => return check.run(json).await,
            What::Outbox(outbox) => outbox.run(json).await,
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

/// The history of the account, opened.
///
/// # Errors
/// Those of [`account::open`].
async fn history() -> Result<History> {
    Ok(account::open().await?.history())
}

/// The session of that name: its id, the beginning of it, or `last` for the latest that no agent has started.
///
/// # Errors
/// `user.not_found` when there is none; `user.invalid_input` when several begin so.
async fn find(history: &History, word: &str) -> Result<StoredSession> {
    let all = history.sessions(&SessionQuery::default()).await?;
    choose(all, word)
}

/// All of them are found before anything is done with the first.
async fn find_all(history: &History, words: &[String]) -> Result<Vec<StoredSession>> {
    let all = history.sessions(&SessionQuery::default()).await?;
    words.iter().map(|word| choose(all.clone(), word)).collect()
}

fn choose(all: Vec<StoredSession>, word: &str) -> Result<StoredSession> {
    let missing = |message: String| {
        Error::new(ErrorKind::NotFound, message).with_hint("`nexus history list` shows what is kept")
    };
    if word == "last" {
        let latest = all.into_iter().filter(|stored| stored.session.parent_id.is_none());
        return latest
            .max_by_key(|stored| stored.session.updated)
            .ok_or_else(|| missing("the history has no session".to_owned()));
    }
    let mut alike: Vec<_> = all.into_iter().filter(|s| s.session.id.as_str().starts_with(word)).collect();
    let exact = alike.iter().position(|s| s.session.id.as_str() == word);
    match (exact, alike.len()) {
        (Some(at), _) => Ok(alike.swap_remove(at)),
        (None, 1) => Ok(alike.swap_remove(0)),
        (None, 0) => Err(missing(format!("the history has no session that begins with {word}"))),
        (None, count) => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{count} sessions of the history begin with {word}"),
        )
        .with_hint("give more of the id; `nexus history list` shows them")),
    }
}

/// Whether the person says yes.
///
/// # Errors
/// `user.invalid_input` when nobody can be asked.
async fn agreed(question: &str, json: bool) -> Result<bool> {
    if json || !std::io::stdin().is_terminal() || !secret::can_ask() {
        return Err(Error::new(ErrorKind::InvalidInput, "this needs a yes, and nobody can be asked")
            .with_hint("add --yes"));
    }
    output::is_yes(question).await
}

/// `1 message`, `2 messages`.
fn count(number: u64, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use opencode_nexus::model::Session;

    use super::*;

    fn stored(id: &str, updated: u64, parent: Option<&str>) -> StoredSession {
        let session = Session {
            id: id.into(),
            parent_id: parent.map(Into::into),
            title: String::new(),
            directory: "/p".to_owned(),
            created: 1,
            updated,
            agent: None,
            model: None,
            usage: None,
            share_url: None,
            revert: None,
            extra: Default::default(),
        };
        StoredSession { server: "local".to_owned(), session, stored: updated }
    }

    #[test]
    fn a_session_is_named_by_as_much_of_its_id_as_is_needed() {
        let all =
            vec![stored("ses_a1", 3, None), stored("ses_a12", 5, None), stored("ses_b", 9, Some("ses_a1"))];
        let named = |word: &str| choose(all.clone(), word).map(|s| s.session.id.to_string());
        assert_eq!(named("ses_a12").unwrap(), "ses_a12");
        assert_eq!(named("ses_a1").unwrap(), "ses_a1", "an exact name wins over a beginning");
        assert_eq!(named("ses_b").unwrap(), "ses_b");
        assert_eq!(named("last").unwrap(), "ses_a12", "what an agent has started does not count");
        assert!(named("ses_a").is_err_and(|error| error.kind() == ErrorKind::InvalidInput));
        assert!(named("x").is_err_and(|error| error.kind() == ErrorKind::NotFound));
        assert!(choose(Vec::new(), "last").is_err());
    }
}
