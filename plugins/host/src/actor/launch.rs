//! What a plugin is made of.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use opencode_nexus::Result;

use crate::engine::Code;
use crate::imports::{Caller, HostState};
use crate::limits::Limits;
use crate::manifest::World;

/// Makes the host's side of an instance, for each instance anew.
pub(crate) type MakeState = Arc<dyn Fn() -> Result<HostState> + Send + Sync>;

/// Gets the component ready, with the first call.
type Load = Arc<dyn Fn() -> BoxFuture<'static, Result<Code>> + Send + Sync>;

/// What a plugin is made of. Cheap to clone.
#[derive(Clone)]
pub struct Launch {
    pub(super) caller: Arc<Caller>,
    pub(super) worlds: Arc<[World]>,
    pub(super) limits: Limits,
    pub(super) load: Load,
    pub(super) make: MakeState,
}

impl Launch {
    /// A component that is ready, with nothing but what [`Caller`] says: no conversation and no frontend.
    pub fn new(code: Code, worlds: &[World], caller: Arc<Caller>, limits: Limits) -> Self {
        Self::lazy(worlds, caller, limits, move || {
            let code = code.clone();
            Box::pin(async move { Ok(code) })
        })
    }

    /// A component that `load` gets ready when the plugin is called for the first time, by [`Engine::load`](crate::engine::Engine::load).
    pub fn lazy(
        worlds: &[World],
        caller: Arc<Caller>,
        limits: Limits,
        load: impl Fn() -> BoxFuture<'static, Result<Code>> + Send + Sync + 'static,
    ) -> Self {
        let state = caller.clone();
        let make: MakeState = Arc::new(move || Ok(HostState::new(state.clone(), crate::wasi::empty(&state))));
        Self { caller, worlds: worlds.into(), limits, load: Arc::new(load), make }
    }

    /// The same with more on the host's side.
    #[must_use]
    pub(crate) fn with_state(mut self, make: MakeState) -> Self {
        self.make = make;
        self
    }
}
