//! Which server a command talks to. In this order: the address that is named (`--url`, `NEXUS_URL`, `server.url`), the
//! background server that is named (`--server`, `NEXUS_SERVER`, `server.name`), the background server `default` if it runs,
//! the background service of OpenCode 2 if it runs, else one of our own that ends with the command.

use std::path::{Path, PathBuf};

use opencode_nexus::config::Settings;
use opencode_nexus::server::{
    DEFAULT_INSTANCE, DiscoverOptions, FindOptions, Home, InstallOptions, InstanceRecord, Instances,
    LocalServer, RolledBack, ServerOptions, Versions, discover, ensure, start_found,
};
use opencode_nexus::transport::{Credentials, Secret};
use opencode_nexus::{Client, Error, ErrorKind, Result};

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
    local: Option<LocalServer>,
}

impl ServerArguments {
    /// The project's folder, absolute.
    ///
    /// # Errors
    /// `user.configuration` when it does not exist.
    pub fn directory(&self) -> Result<PathBuf> {
        project(self.directory.as_deref())
    }

    /// Connects to the server that is named, else to the background server `default`, else to the service of OpenCode 2,
    /// else to one that is started with the person's own home and ends with the connection.
    ///
    /// # Errors
    /// `user.not_found` when a background server is named that does not run; `system.unreachable` when none runs and none
    /// may be started; those of the settings, of [`ensure`], [`start_found`] and of connecting.
    pub async fn connect(&self) -> Result<Connected> {
        let directory = self.directory()?;
        let folder = directory.to_string_lossy().into_owned();
        let settings = settings()?;
        let connect = async |address: &str, credentials: Option<Credentials>, local| {
            let mut builder =
                Client::builder(address).transport(settings.transport.clone()).directory(&folder);
            if let Some(credentials) = credentials.clone() {
                builder = builder.credentials(credentials);
            }
            Ok(Connected { client: builder.connect().await?, credentials, local })
        };
        if let Some(url) =
            self.url.as_ref().or(settings.server_url.as_ref().filter(|_| self.server.is_none()))
        {
            return connect(url, None, None).await;
        }
        if let Some(record) = background(self.server.as_ref().or(settings.server_name.as_ref()))? {
            return connect(&record.url, Some(record.credentials()), None).await;
        }
        if let Some(running) = discover(&DiscoverOptions::default()).await? {
            return connect(&running.address, Some(running.credentials()), None).await;
        }
        let (local, credentials) = start(settings, &directory).await?;
        let address = local.url().to_owned();
        connect(&address, Some(credentials), Some(local)).await
    }
}

/// The folder that is named, else the current one; absolute.
///
/// # Errors
/// `user.configuration` when it does not exist.
pub(crate) fn project(named: Option<&Path>) -> Result<PathBuf> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => std::env::current_dir()?,
    };
    folder.canonicalize().map_err(|error| {
        Error::new(ErrorKind::Configuration, format!("cannot open the folder {}: {error}", folder.display()))
            .with_hint("name an existing folder with --directory")
    })
}

/// The background server that is named, or the one that is used when none is.
fn background(named: Option<&String>) -> Result<Option<InstanceRecord>> {
    let name = named.map_or(DEFAULT_INSTANCE, String::as_str);
    let running = Instances::open()?.running(name)?;
    // One that was given up or is being started again is no reason not to work, unless it was asked for.
    match (running.filter(|record| record.health.is_usable() || named.is_some()), named) {
        (Some(record), _) => Ok(Some(record)),
        (None, None) => Ok(None),
        (None, Some(name)) => {
            Err(Error::new(ErrorKind::NotFound, format!("no background server named {name} runs"))
                .with_hint(format!("start it: nexus server start {name}")))
        }
    }
}

/// A server with the person's own home, that only we can talk to.
async fn start(settings: &Settings, directory: &Path) -> Result<(LocalServer, Credentials)> {
    if !settings.server_start {
        return Err(Error::new(ErrorKind::Unreachable, "no server runs, and server.start is off")
            .with_hint("start one by `nexus server start`, or name one with --url"));
    }
    let explicit = settings.server_binary.clone();
    let find = FindOptions { explicit, allow_path: true, chosen: true, ..FindOptions::default() };
    let install = InstallOptions { progress: output::install_progress(), ..InstallOptions::default() };
    let found = ensure(&find, install).await?;
    let mut options = ServerOptions::new(&found.path, directory);
    options.home = Home::Inherit;
    options.start_bound = settings.server_start_timeout;
    let password = Secret::random();
    options.password = Some(password.expose().to_owned());
    let started = start_found(&found, options, &Versions::open()?).await?;
    if let Some(back) = &started.rolled_back {
        eprintln!("{}", output::clean(&gone_back(back)));
    }
    let credentials = Credentials { user: "opencode".to_owned(), password };
    Ok((started.server, credentials))
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

/// What a person is told when an update did not survive its first real start.
pub(crate) fn gone_back(back: &RolledBack) -> String {
    let from = back.from.as_deref().unwrap_or_default();
    format!("OpenCode {} did not start: {}; {from} is used again", back.tried, back.reason)
}
