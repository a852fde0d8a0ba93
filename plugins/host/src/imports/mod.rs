//! The calls that a plugin can make, a file for each interface; every one is checked against what was granted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::nexus::plugin as wit;
use crate::limits::{Limits, MemoryLimit};
use crate::permissions::Rights;

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
}

/// The host's side of one instance.
pub(crate) struct HostState {
    pub caller: Arc<Caller>,
    pub wasi: WasiCtx,
    pub table: ResourceTable,
    /// What its memories and tables take.
    pub memory: MemoryLimit,
}

impl HostState {
    /// A state with nothing in it yet, for a new instance.
    pub fn new(caller: Arc<Caller>, wasi: WasiCtx) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self { caller, wasi, table, memory: MemoryLimit::new(Limits::default()) }
    }

    /// A function of the plugin is called, which may take so long.
    pub fn call_begins(&mut self, _budget: Duration) {}

    /// It has returned, or was ended.
    pub async fn call_ends(&mut self, _has_returned: bool) -> opencode_nexus::Result<()> {
        Ok(())
    }
}

/// Handles of WASI that one instance may hold: clocks, streams, what it polls.
const RESOURCES: usize = 4_096;

/// Everything that a component may import. Each call of a plugin is checked when it is made, not here.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wit::types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    Ok(())
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl wit::types::Host for HostState {}
