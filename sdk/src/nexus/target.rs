//! Which server is talked to. In this order: the address that is named, the background server that is named, the background
//! server `default` if it runs, the background service of OpenCode 2 if it runs; else nothing runs that could be used.

use std::path::Path;

use super::Kept;
use crate::client::{Client, ClientBuilder};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::extension::Extensions;
use crate::server::{DEFAULT_INSTANCE, DiscoverOptions, InstanceRecord, Instances, discover};
use crate::transport::Credentials;

/// The name in the history of servers that are started for a folder: their port is another one each time.
pub const LOCAL: &str = "local";

/// A server that can be connected to.
#[derive(Clone, PartialEq)]
pub struct Target {
    address: String,
    credentials: Option<Credentials>,
    /// What a history calls the server, where that is not its address.
    name: Option<&'static str>,
    is_named: bool,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("Target").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Target {
    /// The server at an address that a person named, with what it wants to hear where the address does not say it.
    pub fn named(address: impl Into<String>, credentials: Option<Credentials>) -> Self {
        Self { address: address.into(), credentials, name: None, is_named: true }
    }

    /// A server on this machine that was found or started.
    pub fn own(address: impl Into<String>, credentials: Credentials) -> Self {
        Self { address: address.into(), credentials: Some(credentials), name: Some(LOCAL), is_named: false }
    }

    /// The background server of that name, or of the name `default`, or the service of OpenCode 2; `None` when nothing runs.
    ///
    /// # Errors
    /// `user.not_found` when a background server is named that does not run; those of [`discover`].
    pub async fn running(background_server: Option<&str>) -> Result<Option<Self>> {
        if let Some(record) = background(background_server)? {
            return Ok(Some(Self::own(&record.url, record.credentials())));
        }
        let running = discover(&DiscoverOptions::default()).await?;
        Ok(running.map(|running| Self::own(&running.address, running.credentials())))
    }

    /// Its address. It may hold a password.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the server wants to hear, where that is known by other ways than the address.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Whether a person named this very address, so that it cannot move.
    pub fn is_named(&self) -> bool {
        self.is_named
    }

    /// A client for a folder, with what the settings say of the network.
    pub fn builder(
        &self,
        directory: &Path,
        kept: &Kept,
        extensions: Option<&Extensions>,
        settings: &Settings,
    ) -> ClientBuilder {
        let mut builder = Client::builder(self.address.as_str())
            .transport(settings.transport.clone())
            .directory(directory.to_string_lossy());
        if let Some(credentials) = self.credentials.clone() {
            builder = builder.credentials(credentials);
        }
        if let Some(name) = self.name {
            builder = builder.server_name(name);
        }
        if let Some(history) = kept.history() {
            builder = builder.history(history);
        }
        if let Some(extensions) = extensions {
            builder = builder.extensions(extensions.clone());
        }
        builder
    }

    /// [`builder`](Self::builder), connected.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn client(
        &self,
        directory: &Path,
        kept: &Kept,
        extensions: Option<&Extensions>,
        settings: &Settings,
    ) -> Result<Client> {
        let connected = self.builder(directory, kept, extensions, settings).connect().await;
        connected.map_err(|error| match (error.kind(), kept) {
            (ErrorKind::Unauthorized, Kept::Locked) => {
                error.with_hint("log in, if your account knows the password: nexus account login")
            }
            _ => error,
        })
    }
}

/// The background server that is named, or the one that is used when none is.
fn background(named: Option<&str>) -> Result<Option<InstanceRecord>> {
    let name = named.unwrap_or(DEFAULT_INSTANCE);
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
