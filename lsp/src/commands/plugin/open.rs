//! `nexus plugin open`: one plugin that shows something, for as long as the person looks. Pages have an address, which is
//! printed; a plugin that draws on a terminal gets this one.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use opencode_nexus::extension::{NoticeFeed, Notices};
use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::actor::{PluginHandle, StopReason};
use opencode_nexus_plugins::frontend::Frontend;
use opencode_nexus_plugins::manifest::World;
use opencode_nexus_plugins::sessions::Sessions;
use opencode_nexus_plugins::stage::Stage;
use serde_json::json;

use super::run::launch;
use super::screen;
use crate::connect::ServerArguments;
use crate::output;

/// Show a plugin's pages, or let it draw on this terminal, until Ctrl-C.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus plugin open nexus.status-page\n  nexus plugin open acme.board --terminal\n\nThe address holds a token: give it to nobody."
)]
pub(super) struct Open {
    /// Its id.
    plugin: String,
    /// Use the terminal, though it has pages as well.
    #[arg(long)]
    terminal: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Open {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        // One that is not there, or shows nothing, is told before a server is started for it.
        let plugin = super::installed()?.get(&self.plugin)?;
        if !plugin.manifest.worlds.contains(&World::Frontend) {
            return Err(self.shows_nothing());
        }
        let folder = self.server.directory()?;
        let notices = Notices::default();
        let telling = tokio::spawn(tell_notices(notices.subscribe()));
        let (caller, launch) = launch(&plugin, &folder, notices).await?;
        let connected = self.server.connect().await?;
        let sessions = Sessions::new();
        sessions.attach(connected.client.clone());
        let stage = Stage::new(sessions);
        let handle = PluginHandle::open(stage.launch(caller, launch));
        let shown = self.show(&handle, stage, &plugin.web(), json).await;
        handle.stop(StopReason::Shutdown).await;
        telling.abort();
        connected.close().await?;
        shown.map(|()| ExitCode::SUCCESS)
    }

    async fn show(&self, handle: &PluginHandle, stage: Arc<Stage>, web: &Path, json: bool) -> Result<()> {
        let frontend = Frontend::start(handle, stage, Some(web)).await?;
        let draws = handle.caller().rights.granted().terminal.is_some();
        match frontend.url().filter(|_| !self.terminal) {
            Some(url) => {
                self.tell(url, json);
                wait().await
            }
            None if draws => {
                self.check()?;
                screen::run(frontend.terminal()).await
            }
            None => Err(self.shows_nothing()),
        }
    }

    fn shows_nothing(&self) -> Error {
        let hint = format!("`nexus plugin info {}` shows what it is and may do", self.plugin);
        Error::new(ErrorKind::Unsupported, format!("{} shows nothing here", self.plugin)).with_hint(hint)
    }

    fn tell(&self, url: &str, json: bool) {
        if json {
            output::print_json(&json!({ "plugin": self.plugin, "url": url }));
        } else {
            output::print_line(&format!("{} shows its pages at\n  {url}\nCtrl-C ends it.", self.plugin));
        }
    }

    fn check(&self) -> Result<()> {
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            return Ok(());
        }
        let message = format!("{} needs a terminal for its input and its output", self.plugin);
        Err(Error::new(ErrorKind::Unsupported, message).with_hint("open it without pipes"))
    }
}

/// Shows on standard error what the host tells.
async fn tell_notices(mut told: NoticeFeed) {
    while let Some(notice) = told.next().await {
        eprintln!("{}: {}", notice.source, output::clean(&notice.text));
    }
}

/// Until the person has enough, or the system says so.
async fn wait() -> Result<()> {
    #[cfg(unix)]
    {
        let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed?,
            _ = end.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    Ok(tokio::signal::ctrl_c().await?)
}
