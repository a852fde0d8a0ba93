//! Keeps a server of ours running: starts it again when it ends or hangs, and gives it up when that does not help.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::health::{Health, HealthEvent};
use super::policy::WatchPolicy;
use super::watcher::{Ours, Prober, Watched, Watcher};
use crate::server::background::orphans::{HOME_PREFIX, sign};
use crate::server::run::ready;
use crate::server::run::start::{Home, LocalServer, ServerOptions};
use crate::server::versions::{FoundBinary, RolledBack, Started, Versions, start_found};
use crate::{Error, ErrorKind, Result};

/// What is to be kept running, and how.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// A name for people; it stands in reports. Default `server`.
    pub name: String,
    /// How the server is started; every time with the same port and the same home, also when they were not named.
    pub server: ServerOptions,
    /// How it is watched.
    pub policy: WatchPolicy,
    /// The folder for reports of crashes. Default: none are written.
    pub crashes: Option<PathBuf>,
}

impl SupervisorOptions {
    /// The defaults for this server.
    pub fn new(server: ServerOptions) -> Self {
        Self { name: "server".to_owned(), server, policy: WatchPolicy::default(), crashes: None }
    }
}

/// A server that is kept running. Dropping this ends it: at once, but without waiting for it; [`stop`](Self::stop) waits.
#[derive(Debug)]
pub struct Supervisor {
    state: watch::Receiver<Watched>,
    events: broadcast::Sender<HealthEvent>,
    home: Option<PathBuf>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _end: DropGuard,
}

impl Supervisor {
    /// Starts the server and waits until it answers. The first start is tried once: whoever waits for it is told at once
    /// why it failed. Must be called inside a tokio runtime. When this future is dropped, the server is ended.
    ///
    /// # Errors
    /// Those of [`LocalServer::start`]; `system.incompatible` when its version is another than the
    /// [wanted](WatchPolicy::version) one, or none that this SDK can speak to.
    ///
    /// ```no_run
    /// use opencode_nexus::server::{Health, ServerOptions, Supervisor, SupervisorOptions};
    ///
    /// # async fn story() -> opencode_nexus::Result<()> {
    /// let server = ServerOptions::new("/usr/bin/opencode", "/home/me/project");
    /// let supervisor = Supervisor::start(SupervisorOptions::new(server)).await?;
    /// let mut state = supervisor.state();
    /// while state.changed().await.is_ok() {
    ///     println!("{}", state.borrow_and_update().health);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(options: SupervisorOptions) -> Result<Self> {
        let mut options = options;
        let fresh_home = lasting_home(&mut options.server)?;
        let started = LocalServer::start(options.server.clone()).await?;
        Self::keep(options, started, fresh_home).await
    }

    /// [`start`](Self::start) for a binary that [`find`](crate::server::find) or [`ensure`](crate::server::ensure) gave; the
    /// first start is that of [`start_found`], which can go back to the version before an update. What is started again
    /// later is the version that became healthy. Also gives what was tried and is not used any more, which a person should
    /// be told.
    ///
    /// # Errors
    /// Those of [`start_found`] and of [`start`](Self::start).
    pub async fn start_found(
        found: &FoundBinary,
        options: SupervisorOptions,
        versions: &Versions,
    ) -> Result<(Self, Option<RolledBack>)> {
        let mut options = options;
        let fresh_home = lasting_home(&mut options.server)?;
        let Started { server, rolled_back } = start_found(found, options.server.clone(), versions).await?;
        let older = rolled_back.as_ref().and_then(|back| back.from.as_deref());
        options.server.binary = older.map_or_else(|| found.path.clone(), |version| versions.binary(version));
        Ok((Self::keep(options, server, fresh_home).await?, rolled_back))
    }

    /// Watches a server that was started with these options.
    async fn keep(
        options: SupervisorOptions,
        started: LocalServer,
        fresh_home: Option<tempfile::TempDir>,
    ) -> Result<Self> {
        let SupervisorOptions { name, mut server, policy, crashes } = options;
        server.port = Some(started.port());
        let home = started.home().map(PathBuf::from);
        let (host, url) = (format!("127.0.0.1:{}", started.port()), started.url().to_owned());
        let authorization = server.password.as_deref().map(|password| ready::basic("opencode", password));
        let prober: Prober = Arc::new(move || {
            let (host, authorization) = (host.clone(), authorization.clone());
            Box::pin(async move { ready::probe(&host, authorization.as_deref()).await })
        });
        let pid = started.pid();
        let ours = Ours { name, options: server, crashes, _fresh_home: fresh_home };
        let watcher = Watcher::new(policy, prober, url, pid, Some((ours, started)));
        let (state, events, stop) = (watcher.state(), watcher.events(), CancellationToken::new());
        let task = tokio::spawn(watcher.run(stop.clone()));
        let supervisor = Self { state, events, home, stop: stop.clone(), task, _end: stop.drop_guard() };
        match supervisor.health() {
            Health::Incompatible { found, wanted } => {
                supervisor.stop().await?;
                let message = format!("the server is OpenCode {found}, wanted is {wanted}");
                Err(Error::new(ErrorKind::Incompatible, message)
                    .with_operation("server.start")
                    .with_hint("install the wanted version: nexus server install VERSION"))
            }
            _ => Ok(supervisor),
        }
    }

    /// How the server is, now and from now on.
    pub fn state(&self) -> watch::Receiver<Watched> {
        self.state.clone()
    }

    /// How it is now.
    pub fn health(&self) -> Health {
        self.state.borrow().health.clone()
    }

    /// What happens from now on. A listener that is more than 256 events behind loses the oldest.
    pub fn events(&self) -> broadcast::Receiver<HealthEvent> {
        self.events.subscribe()
    }

    /// The home of the server; `None` when it is the home of the person.
    pub fn home(&self) -> Option<&std::path::Path> {
        self.home.as_deref()
    }

    /// Ends the server and waits until it is gone, with everything that it has started. When this future is dropped, it
    /// ends as well, but nobody waits.
    ///
    /// # Errors
    /// `system.internal` when the supervisor itself has failed.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await.map_err(|error| {
            Error::new(ErrorKind::Internal, "the supervisor of a local server has failed").with_source(error)
        })
    }
}

/// A fresh home would be another one after every start, and the sessions in it lost: it gets a place that outlives them.
fn lasting_home(server: &mut ServerOptions) -> Result<Option<tempfile::TempDir>> {
    if !matches!(server.home, Home::Fresh) {
        return Ok(None);
    }
    let home = tempfile::Builder::new().prefix(HOME_PREFIX).tempdir()?;
    sign(home.path())?;
    let temporary = home.path().join("tmp");
    std::fs::create_dir(&temporary)?;
    for key in ["TMPDIR", "TEMP", "TMP"] {
        server.environment.push((key.to_owned(), temporary.display().to_string()));
    }
    server.home = Home::At(home.path().to_owned());
    Ok(Some(home))
}
