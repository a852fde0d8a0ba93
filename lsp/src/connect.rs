//! Which server a command talks to. In this order: the address that is named (`--url`, `NEXUS_URL`, `server.url`), the
//! background server that is named (`--server`, `NEXUS_SERVER`, `server.name`), the background server `default` if it runs,
//! the background service of OpenCode 2 if it runs, else one of our own that ends with the command.
//!
//! Whether what is said there is kept: `connect_keeping` is for commands that have conversations. It opens the account of
//! who is logged in. The others touch an account only when they need what it knows of a server.

use std::path::{Path, PathBuf};

use opencode_nexus::auth::Account;
use opencode_nexus::config::Settings;
use opencode_nexus::extension::Extensions;
use opencode_nexus::nexus::{Keep, Kept, Launch, Target, folder, gone_back};
use opencode_nexus::server::{LocalServer, Versions, start_found};
use opencode_nexus::transport::Credentials;
use opencode_nexus::{Client, Error, ErrorKind, Result};

use crate::account::{self, Opened};
use crate::output;
use crate::settings::settings;

/// What every command that talks to a server takes.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ServerArguments {
    /// The address of a running server, like http://127.0.0.1:4096; otherwise one is found or started.
    #[arg(
        long,
        value_name = "URL",
        env = "NEXUS_URL",
        hide_env_values = true,
        global = true,
        help_heading = "Server"
    )]
    pub url: Option<String>,
    /// The name of a background server; `nexus server status` names those that run.
    #[arg(long, value_name = "NAME", conflicts_with = "url", global = true, help_heading = "Server")]
    pub server: Option<String>,
    /// The project's folder; otherwise the current one.
    #[arg(short = 'C', long, value_name = "FOLDER", global = true, help_heading = "Server")]
    pub directory: Option<PathBuf>,
}

/// A connection, and the server that was started for it. Dropping it ends that server.
pub(crate) struct Connected {
    pub client: Client,
    /// What the server wants to hear, where we know it by other ways than the address.
    pub credentials: Option<Credentials>,
    /// Whether what is said is kept.
    pub kept: Kept,
    local: Option<LocalServer>,
}

impl ServerArguments {
    /// The project's folder, absolute.
    ///
    /// # Errors
    /// `user.configuration` when it does not exist.
    pub fn directory(&self) -> Result<PathBuf> {
        folder(self.directory.as_deref())
    }

    /// Connects to the server that is named, else to the background server `default`, else to the service of OpenCode 2,
    /// else to one that is started with the person's own home and ends with the connection. Nothing is kept.
    ///
    /// # Errors
    /// `user.not_found` when a background server is named that does not run; `system.unreachable` when none runs and none
    /// may be started; those of the settings, of [`Launch::prepare`], [`start_found`] and of connecting.
    pub async fn connect(&self) -> Result<Connected> {
        self.connect_with(Kept::Off, None).await
    }

    /// The same for a command that has conversations: they are kept when somebody is logged in and the settings want it, and
    /// the hooks of plugins see them.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); those of opening the account, when the settings want everything to be kept.
    pub async fn connect_keeping(&self, extensions: &Extensions) -> Result<Connected> {
        let kept = keeping().await?;
        self.connect_with(kept, Some(extensions)).await
    }

    /// The same for a command that has opened the account already.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_as(&self, account: Account, extensions: Option<&Extensions>) -> Result<Connected> {
        self.connect_with(Kept::On(account), extensions).await
    }

    async fn connect_with(&self, kept: Kept, extensions: Option<&Extensions>) -> Result<Connected> {
        let directory = self.directory()?;
        let settings = settings()?;
        if let Some(target) = self.locate(&settings, &kept).await? {
            return connected(target, &directory, kept, extensions, None).await;
        }
        let launch = Launch::prepare(&settings, &directory, output::install_progress()).await?;
        let started = start_found(&launch.found, launch.options.clone(), &Versions::open()?).await?;
        if let Some(back) = &started.rolled_back {
            eprintln!("{}", output::clean(&gone_back(back)));
        }
        let target = launch.target(started.server.url());
        connected(target, &directory, kept, extensions, Some(started.server)).await
    }

    /// The server that is named or that runs already; `None` when one must be started.
    ///
    /// # Errors
    /// `user.not_found` when a background server is named that does not run; those of looking for servers.
    pub(crate) async fn locate(&self, settings: &Settings, kept: &Kept) -> Result<Option<Target>> {
        let named = self.url.as_ref().or(settings.server_url.as_ref().filter(|_| self.server.is_none()));
        if let Some(url) = named {
            let credentials = stored_credentials(url, kept).await?;
            return Ok(Some(Target::named(url, credentials)));
        }
        Target::running(self.server.as_deref().or(settings.server_name.as_deref())).await
    }
}

async fn connected(
    target: Target,
    directory: &Path,
    kept: Kept,
    extensions: Option<&Extensions>,
    local: Option<LocalServer>,
) -> Result<Connected> {
    let client = target.client(directory, &kept, extensions, &*settings()?).await?;
    Ok(Connected { client, credentials: target.credentials().cloned(), kept, local })
}

/// Opens the account of who is logged in, as far as the settings want that conversations are kept.
///
/// # Errors
/// `user.not_found` and `security.locked` only when everything must be kept; a damaged account always.
async fn keeping() -> Result<Kept> {
    match Keep::of(&*settings()?) {
        Keep::Off => return Ok(Kept::Off),
        Keep::On => {
            let wanted = |error: Error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::Locked => {
                    let hint = error.hint().unwrap_or_default().to_owned();
                    error.with_hint(format!(
                        "{hint}; history.enabled is on, so nothing runs without being kept"
                    ))
                }
                _ => error,
            };
            return account::open().await.map(Kept::On).map_err(wanted);
        }
        Keep::Auto => {}
    }
    match account::open_quietly().await {
        Ok(Opened::Account(account)) => Ok(Kept::On(account)),
        Ok(Opened::Locked) => Ok(Kept::Locked),
        Ok(Opened::None) => Ok(Kept::Off),
        // A history that does not open is no reason not to work. What the person has said wrongly is.
        Err(error) if !is_said_wrongly(&error) => {
            eprintln!("warning: nothing is kept: {}", output::clean(&error.to_string()));
            Ok(Kept::Off)
        }
        Err(error) => Err(error),
    }
}

/// [`keeping`] for a program in which nobody can be asked for a passphrase.
///
/// # Errors
/// As [`keeping`].
pub(crate) async fn keeping_quietly() -> Result<Kept> {
    let keep = Keep::of(&*settings()?);
    if keep == Keep::Off {
        return Ok(Kept::Off);
    }
    let wanted = keep == Keep::On;
    match account::open_quietly().await {
        Ok(Opened::Account(account)) => Ok(Kept::On(account)),
        Ok(Opened::Locked) if wanted => Err(Error::new(ErrorKind::Locked, "the history is locked")
            .with_hint(
                "log in: nexus account login; history.enabled is on, so nothing runs without being kept",
            )),
        Ok(Opened::None) if wanted => {
            Err(Error::new(ErrorKind::NotFound, "there is no account to keep conversations in").with_hint(
                "make one: nexus account create; history.enabled is on, so nothing runs without being kept",
            ))
        }
        Ok(Opened::Locked) => Ok(Kept::Locked),
        Ok(Opened::None) => Ok(Kept::Off),
        Err(error) if !wanted && !is_said_wrongly(&error) => {
            tracing::warn!(%error, "nothing is kept");
            Ok(Kept::Off)
        }
        Err(error) => Err(error),
    }
}

fn is_said_wrongly(error: &Error) -> bool {
    error.code().starts_with("user.")
        || matches!(error.kind(), ErrorKind::WrongPassphrase | ErrorKind::LockedOut)
}

/// What the account knows of a server, where neither its address nor the environment has credentials.
async fn stored_credentials(address: &str, kept: &Kept) -> Result<Option<Credentials>> {
    let named =
        url::Url::parse(address).is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
    if named || Credentials::from_environment().is_some() {
        return Ok(None);
    }
    match kept {
        Kept::On(account) => account.credentials().get(address).await,
        Kept::Locked => Ok(None),
        Kept::Off => match account::open_quietly().await? {
            Opened::Account(account) => account.credentials().get(address).await,
            Opened::Locked | Opened::None => Ok(None),
        },
    }
}

impl Connected {
    /// Ends the server that was started for this connection, if one was.
    ///
    /// # Errors
    /// Those of [`LocalServer::stop`].
    pub async fn close(self) -> Result<()> {
        drop(self.client);
        match self.local {
            Some(local) => local.stop().await,
            None => Ok(()),
        }
    }
}
