//! The folders of the workspace, and the server of each. There is one OpenCode for all of them (which knows folders), found or
//! started when it is first needed, followed when it moves, and ended with us if it is ours.
//!
//! `folder` has addresses and paths, `server` the server from being looked for to its end, `added` the plugins of each folder.

mod added;
mod folder;
mod server;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use tokio::sync::{Notify, watch};
use tower_lsp_server::gen_lsp_types::{Uri, WorkspaceFolder};

pub(crate) use self::folder::{Root, path_of, uri_of};
use self::server::Running;
use super::convert::error_info;
use super::editor::Editor;
use super::ext::{self, ErrorInfo, RootState, RootStatus, ServerStatus};
use crate::plugins::Plugins;

/// How long a server is not looked for because the editor has not told its settings yet.
const CONFIGURED: Duration = Duration::from_secs(3);

/// How long a server of ours may take to be there again after it has died.
const STARTED_AGAIN: Duration = Duration::from_secs(20);

/// After this time it is known here that a server of ours has died.
const NOTICED: Duration = Duration::from_millis(300);

/// The folders of the workspace. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Roots(Arc<Inner>);

struct Inner {
    editor: Arc<Editor>,
    state: Mutex<State>,
    /// Counts what could be told by `nexus/status`.
    changes: watch::Sender<u64>,
    /// Counts the servers that were used one after the other: conversations of an older one must be opened anew.
    generation: watch::Sender<u64>,
    /// Somebody has seen that the server does not answer.
    doubt: Notify,
    /// Whether the settings of the editor are known.
    configured: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    folders: Vec<Root>,
    running: Option<Arc<Running>>,
    /// Whether the running one answers.
    is_well: bool,
    starting: Option<Starting>,
    /// Connections to the running server.
    clients: HashMap<Root, Client>,
    plugins: HashMap<Root, Plugins>,
    error: Option<ErrorInfo>,
    is_closed: bool,
}

/// A server that is being looked for; all who wait get the same.
type Starting = Shared<BoxFuture<'static, std::result::Result<Arc<Running>, Arc<Error>>>>;

impl Roots {
    pub(crate) fn new(editor: Arc<Editor>) -> Self {
        Self(Arc::new(Inner {
            editor,
            state: Mutex::default(),
            changes: watch::channel(0).0,
            generation: watch::channel(0).0,
            doubt: Notify::new(),
            configured: watch::channel(false).0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the folders. Those that are none (of another scheme, or gone) are left out.
    pub(crate) fn change_folders(&self, added: &[WorkspaceFolder], removed: &[WorkspaceFolder]) {
        let mut state = self.lock();
        let gone: Vec<Uri> = removed.iter().map(|folder| folder.uri.clone()).collect();
        state.folders.retain(|root| !gone.contains(&root.uri));
        state.clients.retain(|root, _| !gone.contains(&root.uri));
        for folder in added {
            match Root::open(&folder.uri) {
                Ok(root) if !state.folders.iter().any(|known| known.path == root.path) => {
                    state.folders.push(root);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a folder of the workspace cannot be used"),
            }
        }
        let forgotten = state.plugins.extract_if(|root, _| gone.contains(&root.uri));
        let forgotten: Vec<Plugins> = forgotten.map(|(_, plugins)| plugins).collect();
        drop(state);
        added::close(forgotten);
        self.changed();
    }

    /// The root that is meant: the one that is named (also one that is no folder of the workspace), else the only one.
    ///
    /// # Errors
    /// `user.invalid_input` when none is named and there are several or none; when it is no folder.
    pub(crate) fn resolve(&self, named: &ext::Root) -> Result<Root> {
        let Some(uri) = named else { return self.only() };
        let root = Root::open(uri)?;
        // The editor knows its folders by its own spelling.
        Ok(self.lock().folders.iter().find(|known| known.path == root.path).cloned().unwrap_or(root))
    }

    fn only(&self) -> Result<Root> {
        let state = self.lock();
        match state.folders.as_slice() {
            [root] => Ok(root.clone()),
            [] => Err(Error::new(ErrorKind::InvalidInput, "no folder is open")
                .with_hint("open a folder in the editor, or name one as `root`")),
            several => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("{} folders are open, and none is named", several.len()),
            )
            .with_hint("say which one is meant: name it as `root`")),
        }
    }

    /// The root of a document: the deepest folder that holds it.
    pub(crate) fn of(&self, document: &Uri) -> Option<Root> {
        let path = path_of(document).ok()?;
        let path = folder::resolved(&path);
        let state = self.lock();
        let holding = state.folders.iter().filter(|root| path.starts_with(&root.path));
        holding.max_by_key(|root| root.path.components().count()).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Root> {
        self.lock().folders.clone()
    }

    /// The folders of the workspace, and others that are used.
    pub(crate) fn known(&self) -> Vec<Root> {
        let state = self.lock();
        let others = state.clients.keys().filter(|root| !state.folders.contains(root));
        state.folders.iter().chain(others).cloned().collect()
    }

    /// A client for the root. Finds or starts the server; those who come meanwhile wait for the same. A failure is told to
    /// the person once, and the next call tries again.
    ///
    /// # Errors
    /// Those of finding, installing, starting and connecting.
    pub(crate) async fn client(&self, root: &Root) -> Result<Client> {
        self.wait_while_it_starts_again().await;
        let known = {
            let state = self.lock();
            state.clients.get(root).filter(|_| state.running.is_some()).cloned()
        };
        if let Some(client) = known {
            return Ok(client);
        }
        let result = self.connect(root).await;
        if let Err(error) = &result {
            self.failed(error);
        }
        result
    }

    /// A server of ours that has died is started again: who needs it waits for that, within a bound.
    async fn wait_while_it_starts_again(&self) {
        let mut changes = self.changes();
        let waiting = async {
            loop {
                {
                    let state = self.lock();
                    let ours = state.running.as_ref().is_some_and(|running| running.is_ours());
                    if !ours || state.is_well {
                        return;
                    }
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(STARTED_AGAIN, waiting).await.is_err() {
            tracing::warn!("the server takes long to start again");
        }
    }

    /// Whether a question is worth asking once more after this error: our server has died under it, and is there again.
    pub(crate) async fn comes_back(&self, error: &Error) -> bool {
        let ours = self.lock().running.as_ref().is_some_and(|running| running.is_ours());
        if !ours || error.kind() != ErrorKind::Unreachable {
            return false;
        }
        tokio::time::sleep(NOTICED).await;
        self.wait_while_it_starts_again().await;
        true
    }

    async fn connect(&self, root: &Root) -> Result<Client> {
        let running = self.server(&root.path).await?;
        let plugins = self.plugins(root);
        let client = running.client(&root.path, plugins.extensions()).await?;
        plugins.attach(&client);
        let mut state = self.lock();
        let still = state.running.as_ref().is_some_and(|now| Arc::ptr_eq(now, &running));
        if still {
            state.error = None;
            let client = state.clients.entry(root.clone()).or_insert(client).clone();
            drop(state);
            self.changed();
            return Ok(client);
        }
        Ok(client)
    }

    /// The running server, or one that is looked for now.
    async fn server(&self, folder: &Arc<Path>) -> Result<Arc<Running>> {
        let starting = {
            let mut state = self.lock();
            if state.is_closed {
                return Err(Error::new(ErrorKind::Aborted, "the language server is ending"));
            }
            if let Some(running) = &state.running {
                return Ok(running.clone());
            }
            let starting = state.starting.get_or_insert_with(|| self.begin(folder.clone()));
            starting.clone()
        };
        self.changed();
        starting.await.map_err(|error| error.duplicate())
    }

    /// The settings of the editor are known, or there are none.
    pub(crate) fn configured(&self) {
        self.0.configured.send_replace(true);
    }

    async fn wait_for_settings(&self) {
        let mut configured = self.0.configured.subscribe();
        if tokio::time::timeout(CONFIGURED, configured.wait_for(|known| *known)).await.is_err() {
            tracing::warn!("the editor does not tell its settings; going on without them");
        }
    }

    /// Lets the server go, because another one is meant. The next request looks for it.
    pub(crate) async fn let_go(&self) {
        let running = {
            let mut state = self.lock();
            state.clients.clear();
            state.running.take()
        };
        if let Some(running) = running {
            running.end().await;
        }
        self.changed();
    }

    /// Looks for a server in a task of its own: who waits may go.
    fn begin(&self, folder: Arc<Path>) -> Starting {
        let roots = self.clone();
        let task = tokio::spawn(async move {
            roots.wait_for_settings().await;
            let found = Running::find_or_start(&roots.0.editor, &folder).await;
            roots.begun(found).await
        });
        async move {
            task.await.unwrap_or_else(|error| {
                let error =
                    Error::new(ErrorKind::Internal, "looking for a server has failed").with_source(error);
                Err(Arc::new(error))
            })
        }
        .boxed()
        .shared()
    }

    async fn begun(&self, found: Result<Running>) -> std::result::Result<Arc<Running>, Arc<Error>> {
        let result = {
            let mut state = self.lock();
            state.starting = None;
            match found {
                Ok(running) if state.is_closed => Ok(Arc::new(running)),
                Ok(running) => {
                    let running = Arc::new(running);
                    (state.running, state.is_well, state.error) = (Some(running.clone()), true, None);
                    state.clients.clear();
                    self.0.generation.send_modify(|generation| *generation += 1);
                    tokio::spawn(self.clone().follow(running.clone()));
                    Ok(running)
                }
                Err(error) => Err(Arc::new(error)),
            }
        };
        let is_closed = self.lock().is_closed;
        if let (Ok(running), true) = (&result, is_closed) {
            running.end().await;
        }
        self.changed();
        result
    }

    fn failed(&self, error: &Error) {
        {
            let mut state = self.lock();
            if state.is_closed {
                // The editor goes; nobody is left to be told.
                return;
            }
            state.error = Some(error_info(error));
        }
        self.changed();
        let (editor, error) = (self.0.editor.clone(), error.duplicate());
        tokio::spawn(async move { editor.show_error(&error).await });
    }

    /// How a root stands, with `turns` that run in it.
    pub(crate) fn status(&self, root: &Root, turns: usize) -> RootStatus {
        let plugins = self.plugin_infos(root);
        let state = self.lock();
        let client = state.clients.get(root);
        let word = match (&state.running, client) {
            (Some(_), Some(_)) if state.is_well => RootState::Ready,
            (Some(_), _) if !state.is_well => RootState::Reconnecting,
            _ if state.starting.is_some() => RootState::Starting,
            _ if state.error.is_some() => RootState::Failed,
            _ => RootState::Idle,
        };
        RootStatus {
            root: root.uri.clone(),
            state: word,
            server: client.zip(state.running.as_ref()).map(|(client, running)| ServerStatus {
                address: client.address(),
                version: client.server().version,
                ours: running.is_ours(),
            }),
            error: state.error.clone(),
            history: state.running.as_ref().map_or("off", |running| running.kept().word()).to_owned(),
            turns,
            plugins,
        }
    }

    /// Is notified when something changes that [`status`](Self::status) tells.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Says that something has changed.
    pub(crate) fn changed(&self) {
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// Says that the server does not answer; it is looked for then.
    pub(crate) fn doubt(&self) {
        self.0.doubt.notify_one();
    }

    /// Is notified when another server is used than before.
    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        self.0.generation.subscribe()
    }

    /// Ends the server if it is ours, and starts none any more.
    pub(crate) async fn close(&self) {
        let running = {
            let mut state = self.lock();
            state.is_closed = true;
            state.clients.clear();
            state.running.take()
        };
        let plugins = self.close_plugins();
        let server = async {
            if let Some(running) = running {
                running.end().await;
            }
        };
        tokio::join!(plugins, server);
    }
}
