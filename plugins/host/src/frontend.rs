//! A plugin that shows conversations: what happens is brought to it, and what it does to pages and to a terminal.
//!
//! Four tasks call it: with events in batches, with what people do (in order), with timers, and for pages. A fifth starts
//! one that runs once when it is its turn here. An instance that
//! failed is started again from here, because nobody else may ever call a frontend again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus::{Error, Result, Retry};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::actor::{PluginHandle, PluginStatus};
use crate::bindings::exports::nexus::plugin::frontend_guest as guest;
use crate::bindings::nexus::plugin::session::Event;
use crate::limits::Budget;
use crate::stage::Stage;
use crate::terminal::{Input, Terminal};
use crate::voice::Voice;
use crate::web::{Assets, WebGuest, WebRequest, WebResponse, WebServer};

/// What people have done and the plugin was not told yet.
const INPUTS: usize = 256;

/// How long a plugin that does not start is let alone when it does not say.
const AGAIN: Duration = Duration::from_secs(5);

/// A frontend that runs. It ends when it is dropped; the plugin itself is stopped by its handle.
pub struct Frontend {
    stage: Arc<Stage>,
    server: Option<WebServer>,
    inputs: mpsc::Sender<Input>,
    _stop: DropGuard,
}

impl std::fmt::Debug for Frontend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frontend").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Frontend {
    /// Starts the plugin, and its pages where it may have some (`web`: the folder with their files). `stage` is the one that the
    /// plugin was [launched](Stage::launch) with. One that runs once is started in the background, when it is its turn here.
    ///
    /// # Errors
    /// When the plugin does not start, or there is no port for its pages.
    pub async fn start(plugin: &PluginHandle, stage: Arc<Stage>, web: Option<&Path>) -> Result<Self> {
        if stage.voice.is_none() {
            plugin.start().await?;
        }
        let (inputs, done) = mpsc::channel(INPUTS);
        let server = match web {
            Some(folder) if plugin.caller().rights.granted().web.is_some() => {
                let folder = folder.to_owned();
                let assets = tokio::task::spawn_blocking(move || Assets::from_folder(&folder)).await;
                let assets = assets.map_err(|error| {
                    Error::new(opencode_nexus::ErrorKind::Internal, "the web folder could not be read")
                        .with_source(error)
                })??;
                let guest = Arc::new(Guest { plugin: plugin.clone(), inputs: inputs.clone() });
                Some(WebServer::start(assets, stage.pages.clone(), guest).await?)
            }
            _ => None,
        };
        let stop = CancellationToken::new();
        for task in [Task::Events, Task::Inputs(done), Task::Timers, Task::Voice] {
            let (plugin, stage, stop) = (plugin.clone(), stage.clone(), stop.clone());
            tokio::spawn(async move { stop.run_until_cancelled(task.run(&plugin, &stage)).await });
        }
        Ok(Self { stage, server, inputs, _stop: stop.drop_guard() })
    }

    /// The address of its pages with the token: for the person, and for nobody else. None when it has no pages.
    pub fn url(&self) -> Option<&str> {
        self.server.as_ref().map(WebServer::address)
    }

    /// How it keeps up with what happens.
    pub fn progress(&self) -> Progress {
        let queue = self.stage.inbox.lock();
        let (told, left_out) = queue.counts();
        Progress { told, left_out, waiting: queue.len() }
    }

    /// Shows it in a terminal.
    pub fn terminal(&self) -> Terminal {
        self.stage.screen.terminal(self.inputs.clone())
    }
}

/// How a plugin keeps up with what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Events that it was told since its first start.
    pub told: u64,
    /// Events that were left out, because it was too slow.
    pub left_out: u64,
    /// Events that wait now.
    pub waiting: usize,
}

enum Task {
    Events,
    Inputs(mpsc::Receiver<Input>),
    Timers,
    Voice,
}

impl Task {
    async fn run(self, plugin: &PluginHandle, stage: &Stage) {
        match self {
            Self::Events => loop {
                let batch: Arc<[Event]> = stage.inbox.next().await.into();
                let given = batch.clone();
                let told = plugin.call("on-events", Budget::ON_EVENTS, move |store, exports| {
                    Box::pin(async move { exports.frontend()?.call_on_events(store, &given).await })
                });
                let told = told.await;
                if told.is_err() {
                    stage.inbox.lock().lost(&batch);
                }
                goes_on(plugin, told).await;
            },
            Self::Inputs(mut done) => {
                while let Some(input) = done.recv().await {
                    let input = input.into();
                    let told = plugin.call("on-input", Budget::ON_INPUT, move |store, exports| {
                        Box::pin(async move { exports.frontend()?.call_on_input(store, &input).await })
                    });
                    goes_on(plugin, told.await).await;
                }
            }
            Self::Timers => loop {
                let token = stage.timers.next().await;
                let told = plugin.call("on-timer", Budget::ON_TIMER, move |store, exports| {
                    Box::pin(async move { exports.frontend()?.call_on_timer(store, token).await })
                });
                goes_on(plugin, told.await).await;
            },
            Self::Voice => {
                if let Some(voice) = &stage.voice {
                    take_turns(plugin, stage, voice).await;
                }
            }
        }
    }
}

/// Runs a plugin whenever it is its turn at the place where its sessions are. Never ends.
async fn take_turns(plugin: &PluginHandle, stage: &Stage, voice: &Voice) {
    let mut moved = stage.sessions.moved();
    loop {
        moved.borrow_and_update();
        let turn = async {
            match stage.sessions.place() {
                Some(place) => voice.turn(&place).await,
                None => std::future::pending().await,
            }
        };
        // Its sender is in the sessions.
        let turn = tokio::select! {
            turn = turn => turn,
            _ = moved.changed() => continue,
        };
        stage.keep(turn);
        tokio::select! {
            () = async { goes_on(plugin, plugin.start().await).await; std::future::pending().await } => {}
            _ = moved.changed() => {}
        }
        stage.begin();
        plugin.rest().await;
        stage.keep(None);
    }
}

/// After a call: a plugin that is gone by it is started again, as often as the policy of restarts allows.
async fn goes_on(plugin: &PluginHandle, told: Result<()>) {
    let Err(mut error) = told else { return };
    loop {
        tracing::warn!(%error, "a frontend could not be told something");
        if matches!(plugin.status(), PluginStatus::Disabled(_) | PluginStatus::Stopped) {
            // Whoever lets it start again makes a call of its own.
            return tokio::time::sleep(AGAIN).await;
        }
        if let Retry::After(wait) = error.retry() {
            tokio::time::sleep(wait).await;
        }
        match plugin.start().await {
            Ok(()) => return,
            Err(again) => {
                if again.retry() == Retry::Never {
                    tokio::time::sleep(AGAIN).await;
                }
                error = again;
            }
        }
    }
}

impl From<Input> for guest::Input {
    fn from(input: Input) -> Self {
        match input {
            Input::Key(key) => {
                Self::Key(guest::Key { code: key.code, ctrl: key.ctrl, alt: key.alt, shift: key.shift })
            }
            Input::Paste(text) => Self::Paste(text),
            Input::Resize(columns, rows) => Self::Resize((columns, rows)),
            Input::ClientOpen(client) => Self::ClientOpen(client),
            Input::ClientClose(client) => Self::ClientClose(client),
        }
    }
}

/// The plugin, as its web server sees it.
struct Guest {
    plugin: PluginHandle,
    inputs: mpsc::Sender<Input>,
}

#[async_trait]
impl WebGuest for Guest {
    async fn on_web(&self, request: WebRequest) -> Result<WebResponse> {
        let WebRequest { client, method, path, query, content_type, body } = request;
        let request = guest::WebRequest { client, method, path, query, content_type, body };
        let answered = self.plugin.call("on-web", Budget::ON_WEB, move |store, exports| {
            Box::pin(async move { exports.frontend()?.call_on_web(store, &request).await })
        });
        let guest::WebResponse { status, content_type, body } = answered.await?;
        Ok(WebResponse { status, content_type, body })
    }

    async fn client_open(&self, client: u32) {
        // When it ends meanwhile, nobody needs to be told.
        let _ = self.inputs.send(Input::ClientOpen(client)).await;
    }

    async fn client_close(&self, client: u32) {
        let _ = self.inputs.send(Input::ClientClose(client)).await;
    }
}
