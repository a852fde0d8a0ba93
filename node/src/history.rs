//! The encrypted history: searched, read and carried elsewhere, with a server or without.

use std::path::PathBuf;
use std::sync::Arc;

use napi_derive::napi;
use opencode_nexus::auth::SecretString;
use opencode_nexus::history::{
    self, ExportFormat, ExportOptions, HistoryQuery, ImportOptions, SessionQuery, SyncOptions,
};
use opencode_nexus::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::answer::Answer;
use crate::port::Shared;
use crate::{failure, model};

/// The conversations of one account.
#[napi]
pub struct History {
    shared: Arc<Shared>,
    core: history::History,
    /// Whose server is synchronised with.
    nexus: Option<opencode_nexus::Nexus>,
}

impl History {
    /// One that is open.
    pub fn new(shared: Arc<Shared>, core: history::History, nexus: Option<opencode_nexus::Nexus>) -> Self {
        Self { shared, core, nexus }
    }
}

/// What a history is asked.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Ask {
    Search { query: HistoryQuery },
    Sessions { query: SessionQuery },
    Conversation { session: String, server: Option<String> },
    Status,
    Check,
    Delete { sessions: Vec<String> },
    Export { file: PathBuf, markdown: bool, sessions: Vec<String>, redact: bool, passphrase: Option<String> },
    Import { file: PathBuf, passphrase: Option<String>, dry_run: bool },
    Sync { full: bool, this_directory: bool },
}

#[napi]
impl History {
    /// Asks it something; the answer is JSON.
    #[napi]
    pub fn ask(&self, number: u32, ask: String) {
        let (core, nexus) = (self.core.clone(), self.nexus.clone());
        self.shared.perform(number, async move {
            answer(&core, nexus.as_ref(), serde_json::from_str(&ask).map_err(failure::unreadable)?).await
        });
    }
}

async fn answer(core: &history::History, nexus: Option<&opencode_nexus::Nexus>, ask: Ask) -> Result<Answer> {
    let secret = |passphrase: Option<String>| passphrase.map(SecretString::from);
    match ask {
        Ask::Search { query } => Answer::json(&core.search(&query).await?),
        Ask::Sessions { query } => Answer::json(&core.sessions(&query).await?),
        Ask::Conversation { session, server } => {
            let session = session.into();
            let read = match server {
                Some(server) => core.conversation_of(&server, &session).await?,
                None => core.conversation(&session).await?,
            };
            Answer::json(&model::Stored::from(&read))
        }
        Ask::Status => Answer::json(&core.status().await?),
        Ask::Check => Answer::json(&core.check(|_, _| {}).await?),
        Ask::Delete { sessions } => {
            let sessions: Vec<_> = sessions.into_iter().map(Into::into).collect();
            Answer::json(&core.delete(&sessions).await?)
        }
        Ask::Export { file, markdown, sessions, redact, passphrase } => {
            let options = ExportOptions {
                format: if markdown { ExportFormat::Markdown } else { ExportFormat::JsonLines },
                sessions: sessions.into_iter().map(Into::into).collect(),
                redact,
                passphrase: secret(passphrase),
                ..ExportOptions::default()
            };
            Answer::json(&core.export(&file, options, |_, _| {}).await?)
        }
        Ask::Import { file, passphrase, dry_run } => {
            let options = ImportOptions { passphrase: secret(passphrase), dry_run };
            Answer::json(&core.import(&file, options, |_, _| {}).await?)
        }
        Ask::Sync { full, this_directory } => {
            let nexus = nexus.ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "a history without a server cannot be synchronised")
                    .with_hint("open Nexus with keep: 'on' and use its history")
            })?;
            nexus.check_open()?;
            let options = SyncOptions { full, this_directory };
            Answer::json(&core.sync(nexus.client(), options, |_| {}).await?)
        }
    }
}
