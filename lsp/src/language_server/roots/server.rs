//! One OpenCode that serves all folders: how it is found or started, and how it is followed while it is used.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opencode_nexus::extension::Extensions;
use opencode_nexus::nexus::{Kept, Launch, Target, gone_back};
use opencode_nexus::server::{Health, Supervisor, SupervisorOptions, Versions};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use tokio::time::Instant;

use super::Roots;
use crate::connect::{ServerArguments, keeping_quietly};
use crate::language_server::editor::Editor;
use crate::settings::settings;

/// How long a server of ours may take to end.
const END: Duration = Duration::from_secs(5);

/// How often it is looked whether a server that does not answer does again, here or elsewhere.
const LOOK: Duration = Duration::from_millis(500);

/// A server that was found and is gone for this long is given up: the next request looks for another one.
const GONE: Duration = Duration::from_secs(20);

/// A server that is used.
pub(super) struct Running {
    target: Target,
    kept: Kept,
    /// Keeps it running, if it is ours.
    supervisor: Mutex<Option<Supervisor>>,
    ours: bool,
}

impl Running {
    /// The server that is named, one that runs, or a new one.
    pub(super) async fn find_or_start(editor: &Arc<Editor>, folder: &Path) -> Result<Self> {
        let (settings, kept) = (settings()?, keeping_quietly().await?);
        if let Some(target) = ServerArguments::default().locate(&settings, &kept).await? {
            return Ok(Self { target, kept, supervisor: Mutex::new(None), ours: false });
        }
        let progress = super::super::installing::shown_in(editor);
        let launch = Launch::prepare(&settings, folder, progress).await?;
        let mut options = SupervisorOptions::new(launch.options.clone());
        options.name = "language server".to_owned();
        let (supervisor, back) = Supervisor::start_found(&launch.found, options, &Versions::open()?).await?;
        if let Some(back) = back {
            let editor = editor.clone();
            tokio::spawn(async move { editor.show(&gone_back(&back)).await });
        }
        let target = launch.target(&supervisor.state().borrow().url);
        Ok(Self { target, kept, supervisor: Mutex::new(Some(supervisor)), ours: true })
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn is_ours(&self) -> bool {
        self.ours
    }

    pub(super) async fn client(&self, folder: &Path, extensions: &Extensions) -> Result<Client> {
        self.target.client(folder, &self.kept, Some(extensions), &*settings()?).await
    }

    /// Whether it answers.
    async fn answers(&self) -> bool {
        let Ok(settings) = settings() else { return false };
        self.target.client(Path::new("/"), &self.kept, None, &settings).await.is_ok()
    }

    /// Ends it if it is ours.
    pub(super) async fn end(&self) {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(supervisor) = supervisor else { return };
        match tokio::time::timeout(END, supervisor.stop()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the server could not be ended"),
            Err(_) => tracing::warn!("the server did not end in time"),
        }
    }
}

impl Roots {
    /// Follows a server for as long as it is the one that is used.
    pub(super) async fn follow(self, running: Arc<Running>) {
        let state =
            running.supervisor.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Supervisor::state);
        match state {
            Some(mut state) => {
                while state.changed().await.is_ok() {
                    let health = state.borrow_and_update().health.clone();
                    if !self.on_health(&running, &health).await {
                        return;
                    }
                }
            }
            None => self.look_after(&running).await,
        }
    }

    /// `false` when it is not used any more.
    async fn on_health(&self, running: &Arc<Running>, health: &Health) -> bool {
        if health.is_final() {
            let why = health.reason().unwrap_or_else(|| "it was ended".to_owned());
            self.give_up(running, &format!("the OpenCode server has failed: {why}"));
            running.end().await;
            return false;
        }
        self.is_used(running, health.is_usable())
    }

    /// Notes whether it is well; `false` when it is not used any more.
    fn is_used(&self, running: &Arc<Running>, is_well: bool) -> bool {
        let mut state = self.lock();
        let used = state.running.as_ref().is_some_and(|now| Arc::ptr_eq(now, running));
        let new = used && state.is_well != is_well;
        if new {
            state.is_well = is_well;
        }
        drop(state);
        if new {
            self.changed();
        }
        used
    }

    fn give_up(&self, running: &Arc<Running>, why: &str) {
        let error = Error::new(ErrorKind::Unreachable, why)
            .with_hint("send again to start another one; `nexus doctor` says what is wrong");
        let mut state = self.lock();
        if !state.running.as_ref().is_some_and(|now| Arc::ptr_eq(now, running)) {
            return;
        }
        state.running = None;
        state.clients.clear();
        drop(state);
        self.failed(&error);
    }

    /// Waits until somebody doubts that the server answers, and looks then until it does: a server that runs in the
    /// background may be started again elsewhere, with another password.
    async fn look_after(&self, running: &Arc<Running>) {
        loop {
            self.0.doubt.notified().await;
            if !self.is_used(running, false) {
                return;
            }
            let since = Instant::now();
            loop {
                if running.answers().await {
                    break;
                }
                match self.where_now(running).await {
                    Some(target) if target != running.target => return self.moved(running, target),
                    None if since.elapsed() > GONE => {
                        return self.give_up(running, "the OpenCode server that was used is gone");
                    }
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
            if !self.is_used(running, true) {
                return;
            }
        }
    }

    /// Where the server is by now; one that a person named stands where they said.
    async fn where_now(&self, running: &Arc<Running>) -> Option<Target> {
        if running.target.is_named() {
            return Some(running.target.clone());
        }
        let settings = settings().ok()?;
        ServerArguments::default().locate(&settings, &running.kept).await.ok()?
    }

    /// The same server at another place: conversations are opened there anew.
    fn moved(&self, running: &Arc<Running>, target: Target) {
        let kept = running.kept.clone();
        let new = Arc::new(Running { target, kept, supervisor: Mutex::new(None), ours: false });
        let mut state = self.lock();
        if !state.running.as_ref().is_some_and(|now| Arc::ptr_eq(now, running)) {
            return;
        }
        tracing::info!("the server has moved");
        (state.running, state.is_well) = (Some(new.clone()), true);
        state.clients.clear();
        self.0.generation.send_modify(|generation| *generation += 1);
        tokio::spawn(self.clone().follow(new));
        drop(state);
        self.changed();
    }
}
