//! Which server a command talks to: one that is named, one that runs already, or one of our own that ends with us.

use std::path::PathBuf;

use opencode_nexus::server::{
    DiscoverOptions, FindOptions, Home, InstallOptions, LocalServer, ServerOptions, discover, ensure,
};
use opencode_nexus::transport::{Credentials, Secret};
use opencode_nexus::{Client, Error, ErrorKind, Result};

use crate::output;

/// What every command that talks to a server takes.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ServerArguments {
    /// The address of a running server, like http://127.0.0.1:4096; otherwise one is found or started.
    #[arg(long, value_name = "URL", env = "NEXUS_URL", hide_env_values = true, help_heading = "Server")]
    pub url: Option<String>,
    /// The project's folder; otherwise the current one.
    #[arg(short = 'C', long, value_name = "FOLDER", help_heading = "Server")]
    pub directory: Option<PathBuf>,
}

/// A connection, and the server that was started for it. Dropping it ends that server.
pub(crate) struct Connected {
    pub client: Client,
    local: Option<LocalServer>,
}

impl ServerArguments {
    /// The project's folder, absolute.
    ///
    /// # Errors
    /// `user.configuration` when it does not exist.
    pub fn directory(&self) -> Result<PathBuf> {
        let folder = match &self.directory {
            Some(folder) => folder.clone(),
            None => std::env::current_dir()?,
        };
        folder.canonicalize().map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!("cannot open the folder {}: {error}", folder.display()),
            )
            .with_hint("name an existing folder with --directory")
        })
    }

    /// Connects to the server that is named, else to the background server of OpenCode 2, else to one that is started
    /// with the person's own home and ends with the connection.
    ///
    /// # Errors
    /// Those of [`ensure`], [`LocalServer::start`] and of connecting.
    pub async fn connect(&self) -> Result<Connected> {
        let directory = self.directory()?;
        let folder = directory.to_string_lossy().into_owned();
        if let Some(url) = &self.url {
            let client = Client::builder(url).directory(folder).connect().await?;
            return Ok(Connected { client, local: None });
        }
        if let Some(running) = discover(&DiscoverOptions::default()).await? {
            let builder = Client::builder(&running.address).credentials(running.credentials());
            return Ok(Connected { client: builder.directory(folder).connect().await?, local: None });
        }
        let find = FindOptions { allow_path: true, ..FindOptions::default() };
        let install = InstallOptions { progress: output::install_progress(), ..InstallOptions::default() };
        let mut options = ServerOptions::new(ensure(&find, install).await?.path, &directory);
        options.home = Home::Inherit;
        let password = random_password();
        options.password = Some(password.clone());
        let local = LocalServer::start(options).await?;
        let credentials = Credentials { user: "opencode".to_owned(), password: Secret::new(password) };
        let client =
            Client::builder(local.url()).credentials(credentials).directory(folder).connect().await?;
        Ok(Connected { client, local: Some(local) })
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

/// A password for a server that only we talk to: 32 letters and digits, about 190 bits.
fn random_password() -> String {
    use rand::Rng as _;
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(32).map(char::from).collect()
}
