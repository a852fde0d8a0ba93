//! The connection: one server, and what it is asked without a conversation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use napi_derive::napi;
use opencode_nexus::auth::SecretString;
use opencode_nexus::chat::Opening;
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::extension::Extensions;
use opencode_nexus::nexus::Keep;
use opencode_nexus::transport::Credentials;
use opencode_nexus::{Client, NexusOptions, Result};
use opencode_nexus_plugins::plugins::Plugins;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::conversation::Conversation;
use crate::events::Events;
use crate::history::History;
use crate::port::Shared;
use crate::providers::{self, Offer};
use crate::{failure, model};

/// One server.
#[napi]
pub struct Nexus {
    shared: Arc<Shared>,
    core: Option<opencode_nexus::Nexus>,
    extensions: Extensions,
    plugins: Option<Plugins>,
    number: u64,
}

impl Drop for Nexus {
    fn drop(&mut self) {
        self.shared.server_closes(self.number);
        self.shared.let_go(self.core.take());
    }
}

/// What JavaScript says when it opens one.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
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
    /// Whether the installed plugins are used.
    plugins: bool,
    /// The number of the function that hears how far an installation is.
    progress: Option<u32>,
    /// Context that is written in JavaScript.
    providers: Vec<Offer>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    #[default]
    Off,
    Auto,
    On,
}

/// Opens one.
pub async fn open(shared: Arc<Shared>, options: &str) -> Result<Answer> {
    let wanted: Wanted = serde_json::from_str(options).map_err(failure::unreadable)?;
    let credentials = wanted.password.map(|password| Credentials {
        user: wanted.user.unwrap_or_else(|| "opencode".to_owned()),
        password: password.into(),
    });
    let extensions = Extensions::default();
    for offer in wanted.providers {
        providers::provide(&extensions, &shared, offer);
    }
    let mut options = NexusOptions {
        url: wanted.url,
        server: wanted.server,
        directory: wanted.directory,
        credentials,
        start: wanted.start,
        binary: wanted.binary,
        keep: match wanted.keep {
            Kept::Off => Keep::Off,
            Kept::Auto => Keep::Auto,
            Kept::On => Keep::On,
        },
        account: wanted.account,
        passphrase: wanted.passphrase.map(SecretString::from),
        config: wanted.config,
        profile: wanted.profile,
        extensions: Some(extensions.clone()),
        ..NexusOptions::default()
    };
    if let Some(progress) = wanted.progress {
        let shared = shared.clone();
        options.progress =
            Arc::new(move |step| shared.tell(progress, Ok(Answer::Json(model::progress(&step)))));
    }
    let (core, plugins) = match wanted.plugins {
        true => Plugins::open_nexus(options).await?,
        false => (opencode_nexus::Nexus::open(options).await?, None),
    };
    let number = shared.server_opens(core.clone());
    Ok(Answer::Nexus(Box::new(Nexus { shared, core: Some(core), extensions, plugins, number })))
}

/// What a server is asked.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Ask {
    Sessions {
        search: Option<String>,
        #[serde(default)]
        roots_only: bool,
        limit: Option<usize>,
        directory: Option<PathBuf>,
    },
    Running {
        directory: Option<PathBuf>,
    },
    Messages {
        session: String,
        directory: Option<PathBuf>,
    },
    Models {
        directory: Option<PathBuf>,
    },
    Agents {
        directory: Option<PathBuf>,
    },
    Commands {
        directory: Option<PathBuf>,
    },
    Configuration {
        directory: Option<PathBuf>,
    },
    PatchConfiguration {
        patch: Value,
        directory: Option<PathBuf>,
    },
    Call {
        line: String,
        id: String,
        arguments: Map<String, Value>,
        directory: Option<PathBuf>,
    },
}

/// A stream by its operation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    line: String,
    id: String,
    arguments: Map<String, Value>,
}

#[napi]
impl Nexus {
    /// What is known without asking: JSON.
    #[napi]
    pub fn describe(&self) -> String {
        let Some(core) = &self.core else { return "null".to_owned() };
        let (server, capabilities) = (core.client().server(), core.client().capabilities());
        json!({
            "address": core.client().address(),
            "directory": core.client().directory(),
            "line": model::line(server.line),
            "version": server.version,
            "started": core.has_started(),
            "kept": core.kept().word(),
            "capabilities": model::capabilities(capabilities),
        })
        .to_string()
    }

    /// Asks the server something; the answer is JSON unless it says otherwise.
    #[napi]
    pub fn ask(&self, number: u32, ask: String) {
        let core = self.core.clone();
        self.shared.perform(number, async move {
            let core = core.ok_or_else(|| failure::closed("Nexus"))?;
            answer(&core, serde_json::from_str(&ask).map_err(failure::unreadable)?).await
        });
    }

    /// Opens a conversation; the answer is a `Conversation`.
    #[napi]
    pub fn conversation(&self, number: u32, directory: Option<String>, opening: String) {
        let (core, shared) = (self.core.clone(), self.shared.clone());
        self.shared.perform(number, async move {
            let core = core.ok_or_else(|| failure::closed("Nexus"))?;
            let opening: Opening = serde_json::from_str(&opening).map_err(failure::unreadable)?;
            let client = client(&core, directory.as_deref().map(Path::new)).await?;
            let opened = client.open_as(&opening).await?;
            let policy = Arc::new(opening.options()?.policy);
            Ok(Answer::Conversation(Box::new(Conversation::new(shared, opened, policy))))
        });
    }

    /// The server's events from now on, or a stream that is named by its operation; the answer is an `Events`.
    #[napi]
    pub fn events(&self, number: u32, directory: Option<String>, stream: Option<String>) {
        let (core, shared) = (self.core.clone(), self.shared.clone());
        self.shared.perform(number, async move {
            let core = core.ok_or_else(|| failure::closed("Nexus"))?;
            let client = client(&core, directory.as_deref().map(Path::new)).await?;
            let events = match stream {
                None => client.raw_events(),
                Some(stream) => {
                    let named: Stream = serde_json::from_str(&stream).map_err(failure::unreadable)?;
                    client.stream_by_id(model::named_line(&named.line), &named.id, named.arguments)?
                }
            };
            Ok(Answer::Events(Box::new(Events::new(shared, events))))
        });
    }

    /// The history in which conversations are kept; nothing when they are not.
    #[napi]
    pub fn history(&self) -> Option<History> {
        let core = self.core.as_ref()?;
        Some(History::new(self.shared.clone(), core.history()?, Some(core.clone())))
    }

    /// How the installed plugins stand: JSON.
    #[napi]
    pub fn plugins(&self) -> String {
        json!(self.plugins.as_ref().map(Plugins::standing).unwrap_or_default()).to_string()
    }

    /// From now on context of this name is given by a function of JavaScript.
    ///
    /// # Errors
    /// A defect: the package describes it.
    #[napi]
    pub fn provide(&self, offer: String) -> napi::Result<()> {
        let offer =
            serde_json::from_str(&offer).map_err(|error| napi::Error::from_reason(error.to_string()))?;
        providers::provide(&self.extensions, &self.shared, offer);
        Ok(())
    }

    /// Nothing is given under this name any more.
    #[napi]
    pub fn withdraw(&self, name: String) {
        self.extensions.withdraw(&name);
    }

    /// Closes it.
    #[napi]
    pub fn close(&mut self, number: u32) {
        let core = self.core.take();
        let (shared, open) = (self.shared.clone(), self.number);
        self.shared.perform(number, async move {
            if let Some(core) = core {
                core.close().await?;
                shared.server_closes(open);
            }
            Ok(Answer::Done)
        });
    }
}

/// A client of the folder, or of the first.
async fn client(core: &opencode_nexus::Nexus, directory: Option<&Path>) -> Result<Client> {
    core.check_open()?;
    match directory {
        Some(directory) => core.client_in(directory).await,
        None => Ok(core.client().clone()),
    }
}

async fn answer(core: &opencode_nexus::Nexus, ask: Ask) -> Result<Answer> {
    match ask {
        Ask::Sessions { search, roots_only, limit, directory } => {
            let filter = SessionFilter { search, roots_only, limit };
            Answer::json(&client(core, directory.as_deref()).await?.sessions(&filter).await?)
        }
        Ask::Running { directory } => {
            Answer::json(&client(core, directory.as_deref()).await?.running().await?)
        }
        Ask::Messages { session, directory } => {
            Answer::json(&client(core, directory.as_deref()).await?.messages(&session.into()).await?)
        }
        Ask::Models { directory } => Answer::json(&client(core, directory.as_deref()).await?.models().await?),
        Ask::Agents { directory } => Answer::json(&client(core, directory.as_deref()).await?.agents().await?),
        Ask::Commands { directory } => {
            Answer::json(&client(core, directory.as_deref()).await?.commands().await?)
        }
        Ask::Configuration { directory } => {
            Answer::json(&client(core, directory.as_deref()).await?.configuration().await?)
        }
        Ask::PatchConfiguration { patch, directory } => {
            client(core, directory.as_deref()).await?.patch_configuration(&patch).await?;
            Ok(Answer::Done)
        }
        Ask::Call { line, id, arguments, directory } => {
            let line = model::named_line(&line);
            client(core, directory.as_deref()).await?.call_by_id(line, &id, arguments).await?.try_into()
        }
    }
}
