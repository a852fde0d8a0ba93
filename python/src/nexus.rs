//! The connection: one server, and what it is asked without a conversation.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, Weak};

use opencode_nexus::auth::SecretString;
use opencode_nexus::chat::Opening;
use opencode_nexus::dialect::{Line, SessionFilter};
use opencode_nexus::extension::Extensions;
use opencode_nexus::model::SessionId;
use opencode_nexus::nexus::Keep;
use opencode_nexus::transport::{Credentials, Secret};
use opencode_nexus::{Client, NexusOptions};
use opencode_nexus_plugins::plugins::Plugins;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::conversation::Conversation;
use crate::events::{Arguments, Events, Named};
use crate::failure::Failure;
use crate::history::History;
use crate::json;
use crate::pending::Pending;
use crate::providers::Providers;
use crate::runtime::{self, Ours};

type Core = opencode_nexus::Nexus;

/// One server.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Nexus {
    core: Ours<Arc<Core>>,
    plugins: Ours<Option<Plugins>>,
}

/// What `opencode_nexus` says when it opens one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    url: Option<String>,
    server: Option<String>,
    directory: Option<PathBuf>,
    user: Option<String>,
    password: Option<String>,
    start: Option<bool>,
    binary: Option<PathBuf>,
    keep: Kept,
    account: Option<String>,
    passphrase: Option<String>,
    config: Option<PathBuf>,
    profile: Option<String>,
    plugins: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    #[default]
    Off,
    Auto,
    On,
}

impl Wanted {
    fn options(self, extensions: Extensions) -> NexusOptions {
        let credentials = self.password.map(|password| {
            let user = self.user.unwrap_or_else(|| "opencode".to_owned());
            Credentials { user, password: Secret::new(password) }
        });
        NexusOptions {
            url: self.url,
            server: self.server,
            directory: self.directory,
            credentials,
            start: self.start,
            binary: self.binary,
            keep: match self.keep {
                Kept::Off => Keep::Off,
                Kept::Auto => Keep::Auto,
                Kept::On => Keep::On,
            },
            account: self.account,
            passphrase: self.passphrase.map(SecretString::from),
            config: self.config,
            profile: self.profile,
            extensions: Some(extensions),
            ..NexusOptions::default()
        }
    }
}

/// Closes everything that is open.
pub async fn close_all(runtime: &runtime::Owned) {
    let open = std::mem::take(&mut *runtime.open.lock().unwrap_or_else(PoisonError::into_inner));
    let alive: Vec<Arc<Core>> = open.iter().filter_map(Weak::upgrade).collect();
    futures_util::future::join_all(alive.iter().map(|core| core.close())).await;
}

/// A client of the folder, or of the first.
async fn client(core: &Core, directory: Option<&Path>) -> Result<Client, Failure> {
    core.check_open()?;
    Ok(match directory {
        Some(directory) => core.client_in(directory).await?,
        None => core.client().clone(),
    })
}

impl Nexus {
    /// What it stands for.
    ///
    /// # Errors
    /// In a child of the process that opened it.
    pub fn core(&self) -> PyResult<Arc<Core>> {
        self.core.get().cloned()
    }

    /// A request that is answered with JSON.
    fn ask<F, A>(&self, directory: Option<PathBuf>, ask: F) -> PyResult<Pending>
    where
        F: FnOnce(Client) -> A + Send + 'static,
        A: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        let core = self.core()?;
        Ok(Pending::new(async move { ask(client(&core, directory.as_deref()).await?).await }))
    }
}

#[pymethods]
impl Nexus {
    /// Finds a server or starts one. `wanted` is JSON.
    #[staticmethod]
    fn open(wanted: &str, providers: &Providers) -> PyResult<Pending> {
        let wanted = json::read::<Wanted>("options", wanted);
        let extensions = providers.extensions()?;
        Ok(Pending::new(async move {
            let wanted = wanted?;
            let with_plugins = wanted.plugins;
            let options = wanted.options(extensions);
            let (core, plugins) = match with_plugins {
                true => Plugins::open_nexus(options).await?,
                false => (Core::open(options).await?, None),
            };
            let core = Arc::new(core);
            if let Some(runtime) = runtime::existing() {
                let mut open = runtime.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.retain(|core| core.strong_count() > 0);
                open.push(Arc::downgrade(&core));
            }
            Ok(Answer::Nexus(Box::new(Self { core: Ours::new(core), plugins: Ours::new(plugins) })))
        }))
    }

    /// What the server said about itself, as JSON.
    fn server(&self) -> PyResult<String> {
        let core = self.core()?;
        let (client, can) = (core.client(), core.client().capabilities());
        let info = client.server();
        let said = json!({
            "address": client.address(),
            "name": client.server_name(),
            "directory": client.directory(),
            "version": info.version,
            "line": format!("{:?}", info.line).to_lowercase(),
            "capabilities": format!("{can:?}"),
            "started": core.has_started(),
            "kept": core.kept().word(),
        });
        Ok(said.to_string())
    }

    /// Whether the server was started for it.
    fn has_started(&self) -> PyResult<bool> {
        Ok(self.core()?.has_started())
    }

    /// The history, where conversations are kept.
    fn history(&self) -> PyResult<Option<History>> {
        Ok(self.core()?.history().map(History::new))
    }

    /// Waits until turns that nobody waits for are stopped and a server that was started is gone.
    fn close(&self) -> PyResult<Pending> {
        let core = self.core()?;
        Ok(Pending::lasting(async move {
            if let Some(runtime) = runtime::existing() {
                settle(runtime).await;
            }
            core.close().await?;
            Ok(Answer::Nothing)
        }))
    }

    /// Opens a conversation or makes one. `opening` is JSON.
    fn conversation(&self, directory: Option<PathBuf>, opening: &str) -> PyResult<Pending> {
        let opening = json::read::<Opening>("conversation", opening);
        let core = self.core()?;
        Ok(Pending::new(async move {
            let opening = opening?;
            let policy = Arc::new(opening.options()?.policy);
            let client = client(&core, directory.as_deref()).await?;
            let conversation = client.open_as(&opening).await?;
            Ok(Answer::Conversation(Box::new(Conversation::new(conversation, core, policy))))
        }))
    }

    /// The sessions of a folder, as JSON.
    #[pyo3(signature = (directory, search, roots, limit))]
    fn sessions(
        &self,
        directory: Option<PathBuf>,
        search: Option<String>,
        roots: bool,
        limit: Option<usize>,
    ) -> PyResult<Pending> {
        self.ask(directory, move |client| async move {
            let filter = SessionFilter { search, roots_only: roots, limit };
            json::answer(&client.sessions(&filter).await?)
        })
    }

    /// How the installed plugins stand, as JSON.
    fn plugins(&self) -> PyResult<String> {
        let standing = self.plugins.get()?.as_ref().map(Plugins::standing).unwrap_or_default();
        serde_json::to_string(&standing).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The sessions in which something runs, as JSON.
    fn running(&self, directory: Option<PathBuf>) -> PyResult<Pending> {
        self.ask(directory, |client| async move { json::answer(&client.running().await?) })
    }

    /// The messages of a session, as JSON.
    fn messages(&self, session: String) -> PyResult<Pending> {
        self.ask(
            None,
            |client| async move { json::answer(&client.messages(&SessionId::from(session)).await?) },
        )
    }

    /// Providers and models, as JSON.
    fn models(&self, directory: Option<PathBuf>) -> PyResult<Pending> {
        self.ask(directory, |client| async move { json::answer(&client.models().await?) })
    }

    /// The agents, as JSON.
    fn agents(&self, directory: Option<PathBuf>) -> PyResult<Pending> {
        self.ask(directory, |client| async move { json::answer(&client.agents().await?) })
    }

    /// The slash commands, as JSON.
    fn commands(&self, directory: Option<PathBuf>) -> PyResult<Pending> {
        self.ask(directory, |client| async move { json::answer(&client.commands().await?) })
    }

    /// The server's configuration, as JSON.
    fn configuration(&self, directory: Option<PathBuf>) -> PyResult<Pending> {
        self.ask(directory, |client| async move { json::answer(&client.configuration().await?) })
    }

    /// Changes it; `patch` is JSON.
    fn patch_configuration(&self, directory: Option<PathBuf>, patch: &str) -> PyResult<Pending> {
        let patch = json::read::<serde_json::Value>("patch", patch);
        self.ask(directory, move |client| async move {
            client.patch_configuration(&patch?).await?;
            Ok(Answer::Nothing)
        })
    }

    /// Calls an operation of a line (`v1`, `v2`) by its id; `arguments` is a JSON object. What it answers comes as a pair:
    /// whether the second is a JSON text, and what was answered.
    fn call(&self, line: &str, id: String, arguments: &str, directory: Option<PathBuf>) -> PyResult<Pending> {
        let (line, arguments) = (spoken(line)?, json::read::<Arguments>("arguments", arguments));
        self.ask(directory, move |client| async move {
            Ok(Answer::Called(client.call_by_id(line, &id, arguments?).await?))
        })
    }

    /// The server's events, untouched.
    fn events(&self, directory: Option<PathBuf>) -> PyResult<Events> {
        Ok(Events::new(self.core()?, directory, None))
    }

    /// A stream of events that is named by its operation, as `call` names one.
    fn stream(
        &self,
        py: Python<'_>,
        line: &str,
        id: String,
        arguments: &str,
        directory: Option<PathBuf>,
    ) -> PyResult<Events> {
        let arguments = json::read("arguments", arguments).map_err(|failure| failure.into_exception(py))?;
        let named = Named { line: spoken(line)?, id, arguments };
        Ok(Events::new(self.core()?, directory, Some(named)))
    }
}

/// A line by its name.
fn spoken(line: &str) -> PyResult<Line> {
    match line {
        "v1" => Ok(Line::V1),
        "v2" => Ok(Line::V2),
        other => Err(PyValueError::new_err(format!("line is v1 or v2, not {other}"))),
    }
}

/// Waits for what goes on by itself, a few seconds at most.
async fn settle(runtime: &'static runtime::Owned) {
    let bound = std::time::Duration::from_secs(5);
    let quiet = async {
        // Only the tracker itself knows when it is empty, and it says so only once it is closed; it may be opened again.
        while !runtime.tails.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    let _late = tokio::time::timeout(bound, quiet).await;
}
