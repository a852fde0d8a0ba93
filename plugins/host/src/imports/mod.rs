//! The calls that a plugin can make, a file for each interface; every one is checked against what was granted.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::nexus::plugin as wit;
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
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl wit::types::Host for HostState {}
