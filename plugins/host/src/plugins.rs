//! The installed plugins of a person, running for one folder: what a program opens to have them.
//!
//! Opening reads which plugins there are and what they may do, and returns. Hooks count from then on; what else a plugin gives is
//! asked in the background, and provided when it is known ([`Extensions::settled`] waits for it). Where none is installed, nothing
//! is started and nothing is kept.
//!
//! `options` has what is needed, `standing` tells how each stands, `absent` stands for a hook without which nothing may be sent,
//! `companion` are those of a `Nexus`.

mod absent;
mod companion;
mod options;
mod standing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use opencode_nexus::config::PluginSettings;
use opencode_nexus::extension::{Extensions, Notice, PromptHook, Provided};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use tokio::task::AbortHandle;

use self::absent::Absent;
pub use self::options::Options;
pub use self::standing::{Standing, Word};
use crate::actor::{Launch, PluginHandle, StopReason};
use crate::command::commands;
use crate::engine::Engine;
use crate::frontend::Frontend;
use crate::grants::{Grants, UNSIGNED};
use crate::hook::hook;
use crate::imports::{Caller, Ground};
use crate::installed::{Installed, InstalledPlugin};
use crate::limits::Limits;
use crate::manifest::World;
use crate::provider::providers;
use crate::sessions::Sessions;
use crate::stage::Stage;
use crate::terminal::Terminal;
use crate::voice::Voice;

/// How long ending all of them may take. Each has half a second to finish, after the call that runs.
const CLOSE: Duration = Duration::from_secs(4);

/// The plugins of one folder. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Plugins(Arc<Inner>);

struct Inner {
    options: Options,
    ground: Ground,
    /// Of the server that was attached last.
    sessions: Arc<Sessions>,
    running: Mutex<BTreeMap<String, Running>>,
}

/// A plugin that is used.
struct Running {
    version: String,
    /// `None` when it cannot be started.
    handle: Option<PluginHandle>,
    /// What is wrong with it.
    problem: Option<String>,
    /// Asks what it gives.
    asking: Option<AbortHandle>,
    /// Shows conversations, if it is a frontend. Ends when it is dropped.
    frontend: Option<Frontend>,
}

/// What a plugin gives, and what it shows.
type Given = (Provided, Option<Frontend>);

impl Plugins {
    /// Those that are installed and enabled; `None` when there are none. What is wrong with a single one is told as a notice, and
    /// the others are there.
    ///
    /// Must be called inside a tokio runtime. Reads a few small files, and compiles nothing.
    ///
    /// # Errors
    /// `system.io` when the folder of plugins cannot be read.
    pub fn open(options: Options) -> Result<Option<Self>> {
        if !options.enabled {
            return Ok(None);
        }
        let listing = Installed::at(&options.folder).list()?;
        let wanted: Vec<InstalledPlugin> =
            listing.plugins.into_iter().filter(|plugin| options.wants(&plugin.id, plugin.enabled)).collect();
        for (id, error) in &listing.broken {
            options.tell(id, error);
        }
        options.miss(&wanted);
        if wanted.is_empty() {
            return Ok(None);
        }
        let notices = options.extensions.notices().clone();
        let ground = Ground::open(&options.folder, notices, options.ca_file.clone())?;
        let plugins =
            Self(Arc::new(Inner { options, ground, sessions: Sessions::new(), running: Mutex::default() }));
        for plugin in wanted {
            plugins.begin(plugin);
        }
        Ok(Some(plugins))
    }

    /// What they add is provided here.
    pub fn extensions(&self) -> &Extensions {
        &self.0.options.extensions
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a plugin known, and asks what it gives in the background.
    fn begin(&self, plugin: InstalledPlugin) {
        let (id, version, web) = (plugin.id.clone(), plugin.version.clone(), plugin.web());
        let must_agree = self.0.options.of(&id).must_agree;
        let mut running = Running { version, handle: None, problem: None, asking: None, frontend: None };
        let launched = self.launch(plugin);
        // What is asked may be known before this is done, and waits for it.
        let mut all = self.lock();
        match launched {
            Ok((launch, stage)) => {
                let handle = PluginHandle::open(launch);
                self.extensions().provide(&id, self.hooks(&id, &handle, must_agree));
                running.asking = Some(self.ask(&id, &handle, stage, web));
                running.handle = Some(handle);
            }
            Err(error) => {
                self.0.options.tell(&id, &error);
                self.extensions().provide(&id, missing(&id, must_agree, &error));
                running.problem = Some(error.to_string());
            }
        }
        all.insert(id, running);
    }

    /// What a plugin is made of: its rights, its settings, and how it is compiled when it is needed.
    fn launch(&self, plugin: InstalledPlugin) -> Result<(Launch, Arc<Stage>)> {
        let options = &self.0.options;
        let said = options.of(&plugin.id);
        let publisher = plugin.publisher.as_ref().map_or_else(|| UNSIGNED.to_owned(), ToString::to_string);
        let configured = said.grant.unwrap_or_default();
        let rights = Grants::open(&options.folder).effective(&plugin.manifest, &publisher, &configured)?;
        let settings = serde_json::Value::Object(said.settings);
        plugin.manifest.settings.check(&settings)?;
        let caller =
            Caller::open(&plugin.id, &plugin.version, rights, &options.workspace, settings, &self.0.ground)?;
        let limits = Limits::requested(&plugin.manifest.limits, None);
        let (worlds, cache) = (plugin.manifest.worlds.clone(), options.cache.clone());
        let plugin = Arc::new(plugin);
        let sessions = self.0.sessions.clone();
        let stage = match plugin.manifest.frontend.once {
            true => Stage::once(sessions, Voice::new(options.folder.join("speaking"), &plugin.id)),
            false => Stage::new(sessions),
        };
        let caller = Arc::new(caller);
        let launch = Launch::lazy(&worlds.clone(), caller.clone(), limits, move || {
            let (plugin, worlds, cache) = (plugin.clone(), worlds.clone(), cache.clone());
            Box::pin(async move {
                let read = move || -> Result<_> { Ok((engine(cache.as_deref())?, plugin.component()?)) };
                let (engine, wasm) = tokio::task::spawn_blocking(read).await.map_err(|error| {
                    Error::new(ErrorKind::Internal, "reading a plugin has failed").with_source(error)
                })??;
                engine.load(wasm, &worlds).await
            })
        });
        Ok((stage.launch(caller, launch), stage))
    }

    /// The hook of a plugin. One that must agree and may not see prompts stops them all, and says so.
    fn hooks(&self, id: &str, handle: &PluginHandle, must_agree: bool) -> Provided {
        match hook(handle, must_agree) {
            Some(hook) => Provided { hooks: vec![hook], ..Provided::default() },
            None if must_agree => {
                let error = Error::new(ErrorKind::Forbidden, "it is no hook that may see prompts")
                    .with_hint(format!("grant it: nexus plugin grant {id} prompts"));
                missing(id, true, &error)
            }
            None => Provided::default(),
        }
    }

    /// Asks a plugin what it gives, and provides it.
    fn ask(&self, id: &str, handle: &PluginHandle, stage: Arc<Stage>, web: PathBuf) -> AbortHandle {
        let opening = self.extensions().opening();
        let (plugins, id, handle) = (self.clone(), id.to_owned(), handle.clone());
        let task = tokio::spawn(async move {
            let given = plugins.given(&id, &handle, stage, &web).await;
            plugins.take(&id, &handle, given);
            drop(opening);
        });
        task.abort_handle()
    }

    async fn given(&self, id: &str, handle: &PluginHandle, stage: Arc<Stage>, web: &Path) -> Result<Given> {
        let must_agree = self.0.options.of(id).must_agree;
        let mut provided = self.hooks(id, handle, must_agree);
        if handle.is(World::ContextProvider) {
            provided.context = providers(handle).await?;
        }
        if handle.is(World::Command) {
            provided.commands = commands(handle).await?.into_iter().collect();
        }
        let frontend = match handle.is(World::Frontend) {
            true => Some(Frontend::start(handle, stage, Some(web)).await?),
            false => None,
        };
        Ok((provided, frontend))
    }

    /// Provides what a plugin gives, unless it has been replaced meanwhile.
    fn take(&self, id: &str, handle: &PluginHandle, given: Result<Given>) {
        let mut running = self.lock();
        let Some(known) = running.get_mut(id) else { return };
        if !known.handle.as_ref().is_some_and(|known| known.is_same(handle)) {
            return;
        }
        known.asking = None;
        match given {
            Ok((provided, frontend)) => {
                (known.problem, known.frontend) = (None, frontend);
                drop(running);
                self.extensions().provide(id, provided);
            }
            Err(error) => {
                known.problem = Some(error.to_string());
                drop(running);
                self.0.options.tell(id, &error);
            }
        }
    }

    /// Lets commands and frontends see the sessions of a server, in place of one that was given before.
    pub fn attach(&self, client: Client) {
        self.0.sessions.attach(client);
    }

    /// The terminal of a plugin that shows itself in one; `None` when it is no frontend, or not ready.
    pub fn terminal(&self, id: &str) -> Option<Terminal> {
        self.lock().get(id)?.frontend.as_ref().map(Frontend::terminal)
    }

    /// How each stands, by identifier.
    pub fn standing(&self) -> Vec<Standing> {
        self.lock().iter().map(|(id, one)| one.standing(id)).collect()
    }

    /// Takes up what is installed of a plugin by now: another version, other rights, other settings than before are those of the
    /// person's files; or that it is gone. What it has handed over is given to the new one.
    ///
    /// # Errors
    /// Those of reading it; when the new one does not start.
    pub async fn reload(&self, id: &str) -> Result<()> {
        let found = Installed::at(&self.0.options.folder)
            .find(id)?
            .filter(|plugin| self.0.options.wants(id, plugin.enabled));
        let Some(plugin) = found else {
            self.end(id, StopReason::Disabled).await;
            return Ok(());
        };
        if plugin.manifest.frontend.once {
            // Before its turn it must not start, as the new build of another would.
            self.end(id, StopReason::Reload).await;
            self.begin(plugin);
            return Ok(());
        }
        let (version, web) = (plugin.version.clone(), plugin.web());
        let before = {
            let mut running = self.lock();
            let known = running.get_mut(id);
            known.and_then(|known| {
                if let Some(asking) = known.asking.take() {
                    asking.abort();
                }
                known.frontend = None;
                known.handle.clone()
            })
        };
        let Some(handle) = before else {
            self.begin(plugin);
            return Ok(());
        };
        let (launch, stage) = self.launch(plugin)?;
        handle.reload(launch).await?;
        let given = self.given(id, &handle, stage, &web).await;
        if let Some(known) = self.lock().get_mut(id) {
            known.version = version;
        }
        let result = given.as_ref().map(|_| ()).map_err(Error::duplicate);
        self.take(id, &handle, given);
        result
    }

    /// Ends one.
    async fn end(&self, id: &str, reason: StopReason) {
        let known = self.lock().remove(id);
        self.extensions().withdraw(id);
        if let Some(Running { handle, asking, frontend, .. }) = known {
            drop(frontend);
            if let Some(asking) = asking {
                asking.abort();
            }
            if let Some(handle) = handle {
                handle.stop(reason).await;
            }
        }
    }

    /// Ends all of them, at most 4 s: what does not end by then ends with the process.
    pub async fn close(&self) {
        let all: Vec<String> = self.lock().keys().cloned().collect();
        let ending = join_all(all.iter().map(|id| self.end(id, StopReason::Shutdown)));
        if tokio::time::timeout(CLOSE, ending).await.is_err() {
            tracing::warn!("not all plugins have ended in time");
        }
        // A client holds the extensions, and these the plugins.
        self.0.sessions.detach();
    }
}

impl Options {
    fn of(&self, id: &str) -> PluginSettings {
        self.plugins.get(id).cloned().unwrap_or_default()
    }

    /// Whether a plugin is used; what the configuration says wins.
    fn wants(&self, id: &str, enabled: bool) -> bool {
        match &self.only {
            Some(only) => only == id,
            None => self.of(id).enabled.unwrap_or(enabled),
        }
    }

    fn tell(&self, id: &str, error: &Error) {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        self.extensions.notices().tell(Notice::warning(id, format!("{}{hint}", error.message())));
    }

    /// Hooks that must agree and are not there stop every prompt.
    fn miss(&self, wanted: &[InstalledPlugin]) {
        for (id, said) in self.plugins.iter().filter(|(_, said)| said.must_agree) {
            let is_there = wanted.iter().any(|plugin| plugin.id == *id);
            if !is_there && said.enabled != Some(false) {
                let error = Error::new(ErrorKind::NotFound, "it is not installed, or not enabled").with_hint(
                    format!(
                        "`nexus plugin list` shows what is; or take must_agree out of [plugins.\"{id}\"]"
                    ),
                );
                self.extensions.provide(id, missing(id, true, &error));
            }
        }
    }
}

/// What is left of a plugin that cannot be used.
fn missing(id: &str, must_agree: bool, why: &Error) -> Provided {
    if !must_agree {
        return Provided::default();
    }
    let hook: Arc<dyn PromptHook> = Arc::new(Absent { name: id.to_owned(), why: why.duplicate() });
    Provided { hooks: vec![hook], ..Provided::default() }
}

/// The engine of this process, for a place of compiled components: one for all folders that are worked in. It is made with the
/// first plugin that is called, and stays.
fn engine(cache: Option<&Path>) -> Result<Engine> {
    type Known = Mutex<Vec<(Option<PathBuf>, Engine)>>;
    static ENGINES: LazyLock<Known> = LazyLock::new(Mutex::default);
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, engine)) = engines.iter().find(|(known, _)| known.as_deref() == cache) {
        return Ok(engine.clone());
    }
    let engine = Engine::open(cache)?;
    engines.push((cache.map(Path::to_owned), engine.clone()));
    Ok(engine)
}
