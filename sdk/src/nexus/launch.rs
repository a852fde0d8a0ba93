//! A server of our own, for when none runs: which binary, with which home and password.

use std::path::Path;
use std::sync::Arc;

use super::Target;
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::server::{
    FindOptions, FoundBinary, Home, InstallOptions, Progress, RolledBack, ServerOptions, ensure,
};
use crate::transport::{Credentials, Secret};

/// A server that can be started, with the person's own home, and that only we can talk to.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The binary.
    pub found: FoundBinary,
    /// How it is started.
    pub options: ServerOptions,
    credentials: Credentials,
}

impl Launch {
    /// Prepares it for a folder. OpenCode is installed first where it is not, which `progress` hears of.
    ///
    /// # Errors
    /// `system.unreachable` when the settings say that none may be started; those of [`ensure`].
    pub async fn prepare(
        settings: &Settings,
        directory: &Path,
        progress: Arc<dyn Fn(Progress) + Send + Sync>,
    ) -> Result<Self> {
        if !settings.server_start {
            return Err(Error::new(ErrorKind::Unreachable, "no server runs, and server.start is off")
                .with_hint("start one by `nexus server start`, or name one by its address"));
        }
        let explicit = settings.server_binary.clone();
        let find = FindOptions { explicit, allow_path: true, chosen: true, ..FindOptions::default() };
        let found = ensure(&find, InstallOptions { progress, ..InstallOptions::default() }).await?;
        let mut options = ServerOptions::new(&found.path, directory);
        options.home = Home::Inherit;
        options.start_bound = settings.server_start_timeout;
        let password = Secret::random();
        options.password = Some(password.expose().to_owned());
        let credentials = Credentials { user: "opencode".to_owned(), password };
        Ok(Self { found, options, credentials })
    }

    /// The server, once it runs at this address.
    pub fn target(&self, address: &str) -> Target {
        Target::own(address, self.credentials.clone())
    }
}

/// What a person is told when an update did not survive its first real start.
pub fn gone_back(back: &RolledBack) -> String {
    let from = back.from.as_deref().unwrap_or_default();
    format!("OpenCode {} did not start: {}; {from} is used again", back.tried, back.reason)
}
