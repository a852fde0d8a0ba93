//! The calls that a plugin can make, a file for each interface; every one is checked against what was granted.
//!
//! A [`Caller`] is a plugin as its calls see it, and stays while the plugin runs, however often it is started again. A
//! `HostState` belongs to one instance. What is denied is answered with `denied`, written into the [audit log](crate::audit),
//! and told to the person once.

mod call;
mod config;
pub(crate) mod failure;
mod git;
mod http;
mod kv;
mod log;
mod session;
mod ui;
mod workspace;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use opencode_nexus::extension::Notices;
use opencode_nexus::{Error, ErrorKind, Result};
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use self::http::{HttpAccess, Lookup, SystemLookup};
use self::kv::Store;
use self::log::PluginLog;
use self::workspace::WorkspaceAccess;
use crate::audit::{Audit, Share};
use crate::bindings::nexus::plugin as wit;
use crate::journal::Journal;
use crate::limits::{Limits, MemoryLimit};
use crate::permissions::Rights;
use crate::secrets::Secrets;
use crate::stage::Stage;

pub use self::log::log_file;

/// What all plugins of a process stand on.
#[derive(Clone)]
pub struct Ground {
    folder: PathBuf,
    notices: Notices,
    audit: Arc<Audit>,
    journal: Arc<Journal>,
    ca_file: Option<PathBuf>,
    lookup: Arc<dyn Lookup>,
}

impl Ground {
    /// `folder` is that of plugins (`<data>/plugins`), which is made when something is written into it; `ca_file` has certificates
    /// in PEM to be believed beside those of the system.
    ///
    /// # Errors
    /// `system.io` when the system gives no thread.
    pub fn open(folder: impl Into<PathBuf>, notices: Notices, ca_file: Option<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let journal = Journal::start()?;
        let audit = Audit::open(&folder, Arc::clone(&journal));
        Ok(Self { folder, notices, audit, journal, ca_file, lookup: Arc::new(SystemLookup) })
    }

    /// The folder of plugins.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The audit log.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What tells the person.
    pub fn notices(&self) -> &Notices {
        &self.notices
    }
}

/// Who calls: what is fixed for a plugin as long as it runs.
#[derive(Clone)]
pub struct Caller {
    /// `publisher.name`
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// What it may do.
    pub rights: Rights,
    /// The folder that is worked in.
    pub workspace: PathBuf,
    /// `[plugins.ID.settings]`, checked.
    pub settings: Arc<serde_json::Value>,
    access: Arc<Access>,
}

/// What the calls of a plugin need, made of its rights once.
struct Access {
    ground: Ground,
    share: Share,
    /// Denials that were told.
    told: Mutex<HashSet<String>>,
    log: PluginLog,
    secrets: Secrets,
    store: Arc<Store>,
    http: HttpAccess,
    files: Arc<WorkspaceAccess>,
}

impl Caller {
    /// A plugin that may do what `rights` say, in a folder, with settings that were checked.
    ///
    /// # Errors
    /// `user.not_found` when the folder is none; `user.invalid_input` when the plugin's name is none, or a rule of its rights cannot
    /// be used.
    pub fn open(
        plugin: &str,
        version: &str,
        rights: Rights,
        workspace: &Path,
        settings: serde_json::Value,
        ground: &Ground,
    ) -> Result<Self> {
        check_name(plugin)?;
        let granted = rights.granted();
        let own = ground.folder.join(plugin);
        let access = Access {
            share: Share::default(),
            told: Mutex::default(),
            log: PluginLog::new(plugin, log_file(&ground.folder, plugin), Arc::clone(&ground.journal)),
            secrets: Secrets::of(&ground.folder, plugin),
            store: Arc::new(Store::new(own.join("kv.db"), workspace)),
            http: HttpAccess::new(&granted.http, ground.ca_file.clone(), Arc::clone(&ground.lookup))?,
            files: Arc::new(WorkspaceAccess::open(workspace, &granted.workspace_read, &ground.folder)?),
            ground: ground.clone(),
        };
        Ok(Self {
            plugin: plugin.to_owned(),
            version: version.to_owned(),
            workspace: workspace.to_owned(),
            settings: Arc::new(settings),
            access: Arc::new(access),
            rights,
        })
    }

    /// A line of the plugin's standard output goes where its log goes, within the same limits.
    pub(crate) fn output(&self, line: &str) {
        self.access.log.write(wit::log::Level::Info, line);
    }
}

/// The name becomes a folder, and stands before lines of logs.
fn check_name(plugin: &str) -> Result<()> {
    let words: Vec<&str> = plugin.split('.').collect();
    let is_word = |word: &&str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if words.len() == 2 && words.iter().all(is_word) && plugin.len() <= 128 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("\"{}\" is no name of a plugin", plugin.escape_debug()))
        .with_hint("publisher.name, in lower case letters, digits and hyphens"))
}

/// The host's side of one instance.
pub(crate) struct HostState {
    pub caller: Arc<Caller>,
    pub wasi: WasiCtx,
    pub table: ResourceTable,
    /// What its memories and tables take.
    pub memory: MemoryLimit,
    /// Conversations, pages, a terminal; none where a plugin has nobody to show something to.
    pub stage: Option<Arc<Stage>>,
    /// The call of the guest that is under way.
    call: call::Call,
}

impl HostState {
    /// A state with nothing in it yet, for a new instance.
    pub fn new(caller: Arc<Caller>, wasi: WasiCtx) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let memory = MemoryLimit::new(Limits::default());
        Self { caller, wasi, table, memory, stage: None, call: call::Call::default() }
    }
}

/// Handles of WASI that one instance may hold: clocks, streams, what it polls.
const RESOURCES: usize = 4_096;

/// Everything that a component may import. Each call of a plugin is checked when it is made, not here.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wit::types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::config::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::kv::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::http::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::workspace::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::git::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::session::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::ui::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    Ok(())
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl wit::types::Host for HostState {}

#[cfg(test)]
mod tests;
