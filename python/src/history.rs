//! The encrypted history: searched, read and carried elsewhere without a server.

use std::path::PathBuf;

use opencode_nexus::auth::SecretString;
use opencode_nexus::history::{
    ExportFormat, ExportOptions, HistoryQuery, ImportOptions, SessionQuery, SyncOptions,
};
use opencode_nexus::model::SessionId;
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::json;
use crate::nexus::Nexus;
use crate::pending::Pending;
use crate::runtime::Ours;

type Core = opencode_nexus::history::History;

/// The conversations of one account.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct History {
    core: Ours<Core>,
}

impl History {
    /// One that is open.
    pub fn new(core: Core) -> Self {
        Self { core: Ours::new(core) }
    }

    fn ask<F, A>(&self, ask: F) -> PyResult<Pending>
    where
        F: FnOnce(Core) -> A + Send + 'static,
        A: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        let core = self.core.get()?.clone();
        Ok(Pending::new(async move { ask(core).await }))
    }
}

#[pymethods]
impl History {
    /// Searches; `query` is JSON, and so is what was found.
    fn search(&self, query: &str) -> PyResult<Pending> {
        let query = json::read::<HistoryQuery>("query", query);
        self.ask(|core| async move { json::answer(&core.search(&query?).await?) })
    }

    /// The sessions that are stored; `query` is JSON.
    fn sessions(&self, query: &str) -> PyResult<Pending> {
        let query = json::read::<SessionQuery>("query", query);
        self.ask(|core| async move { json::answer(&core.sessions(&query?).await?) })
    }

    /// A whole conversation, as JSON.
    fn conversation(&self, session: String, server: Option<String>) -> PyResult<Pending> {
        self.ask(|core| async move {
            let session = SessionId::from(session);
            json::answer(&match server {
                Some(server) => core.conversation_of(&server, &session).await?,
                None => core.conversation(&session).await?,
            })
        })
    }

    /// How it stands, as JSON.
    fn status(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.status().await?) })
    }

    /// Opens everything and checks it.
    fn check(&self) -> PyResult<Pending> {
        self.ask(|core| async move { json::answer(&core.check(|_, _| {}).await?) })
    }

    /// Removes sessions for good.
    fn delete(&self, sessions: Vec<String>) -> PyResult<Pending> {
        self.ask(|core| async move {
            let sessions: Vec<SessionId> = sessions.into_iter().map(SessionId::from).collect();
            json::answer(&core.delete(&sessions).await?)
        })
    }

    /// Writes a file.
    fn export(
        &self,
        file: PathBuf,
        markdown: bool,
        sessions: Vec<String>,
        redact: bool,
        passphrase: Option<String>,
    ) -> PyResult<Pending> {
        self.ask(move |core| async move {
            let options = ExportOptions {
                format: if markdown { ExportFormat::Markdown } else { ExportFormat::JsonLines },
                sessions: sessions.into_iter().map(SessionId::from).collect(),
                redact,
                passphrase: passphrase.map(SecretString::from),
                ..ExportOptions::default()
            };
            json::answer(&core.export(&file, options, |_, _| {}).await?)
        })
    }

    /// Reads such a file.
    fn import_file(&self, file: PathBuf, passphrase: Option<String>, dry_run: bool) -> PyResult<Pending> {
        self.ask(move |core| async move {
            let options = ImportOptions { passphrase: passphrase.map(SecretString::from), dry_run };
            json::answer(&core.import(&file, options, |_, _| {}).await?)
        })
    }

    /// Fetches what is new on a server.
    fn sync(&self, nexus: &Nexus, full: bool, this_directory: bool) -> PyResult<Pending> {
        let server = nexus.core()?;
        self.ask(move |core| async move {
            server.check_open()?;
            let options = SyncOptions { full, this_directory };
            json::answer(&core.sync(server.client(), options, |_| {}).await?)
        })
    }
}
