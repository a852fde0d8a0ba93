//! `history_search [--ask PROMPT] WORDS…`: finds words in what was ever said, without a server. With `--ask` something is said
//! first, so that there is something to find. The account is opened by `NEXUS_PASSPHRASE`, or is logged in already.
#![allow(clippy::print_stdout)] // this program talks to people

use std::process::ExitCode;

use opencode_nexus::auth::{Accounts, SecretString, Unlock};
use opencode_nexus::config::Config;
use opencode_nexus::history::{History, HistoryQuery};
use opencode_nexus::nexus::Keep;
use opencode_nexus::{Error, ErrorKind, Nexus, NexusOptions, Result};
use opencode_nexus_examples::ended;

#[tokio::main]
async fn main() -> ExitCode {
    ended(run().await)
}

async fn run() -> Result<ExitCode> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|first| first == "--ask") && words.len() > 1 {
        ask(&words[1]).await?;
        words.drain(..2);
    }
    let query = HistoryQuery { text: words.join(" "), limit: 10, ..HistoryQuery::default() };
    let found = history().await?.search(&query).await?;
    for hit in &found.messages {
        let snippet: String = hit.snippet.pieces.iter().map(|(piece, _)| piece.as_str()).collect();
        println!("{}  {snippet}", hit.session.session.title);
    }
    println!("{} found{}", found.messages.len(), if found.more { ", and more" } else { "" });
    Ok(if found.messages.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn passphrase() -> Option<SecretString> {
    std::env::var("NEXUS_PASSPHRASE").ok().map(SecretString::from)
}

/// Says something and keeps the answer.
async fn ask(prompt: &str) -> Result<()> {
    let options = NexusOptions { keep: Keep::On, passphrase: passphrase(), ..NexusOptions::default() };
    let nexus = Nexus::open(options).await?;
    let conversation = nexus.client().create(None).await?;
    conversation.prompt(prompt).await?.finish().await?;
    conversation.flush_history(std::time::Duration::from_secs(10)).await?;
    nexus.close().await
}

/// The history of the current account.
async fn history() -> Result<History> {
    let accounts = Accounts::configured(&Config::load(None, None)?.settings()?)?;
    let account = match passphrase() {
        Some(passphrase) => accounts.unlock(None, Unlock::Passphrase(passphrase)).await?,
        None => accounts.remembered(None).await?.ok_or_else(|| {
            Error::new(ErrorKind::Locked, "the history is locked").with_hint("log in: nexus account login")
        })?,
    };
    Ok(account.history())
}
