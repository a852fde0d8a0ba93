//! One running instance of a plugin: its memory, its exports, and its time.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use wasmtime::component::InstancePre;
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::exports::nexus::plugin as guest;
use crate::engine::{Code, Running};
use crate::imports::HostState;
use crate::limits::{Budget, CROSSING, Limits, MemoryLimit};
use crate::manifest::World;

/// Where the exports stand in a component: each interface by itself, because a component has those of its worlds.
#[derive(Clone)]
pub(crate) struct Indices {
    lifecycle: guest::lifecycle::GuestIndices,
    context: Option<guest::context_guest::GuestIndices>,
    command: Option<guest::command_guest::GuestIndices>,
    hook: Option<guest::hook_guest::GuestIndices>,
    frontend: Option<guest::frontend_guest::GuestIndices>,
}

impl Indices {
    pub fn new(pre: &InstancePre<HostState>, worlds: &[World]) -> wasmtime::Result<Self> {
        let has = |world| worlds.contains(&world);
        Ok(Self {
            lifecycle: guest::lifecycle::GuestIndices::new(pre)?,
            context: has(World::ContextProvider)
                .then(|| guest::context_guest::GuestIndices::new(pre))
                .transpose()?,
            command: has(World::Command).then(|| guest::command_guest::GuestIndices::new(pre)).transpose()?,
            hook: has(World::Hook).then(|| guest::hook_guest::GuestIndices::new(pre)).transpose()?,
            frontend: has(World::Frontend)
                .then(|| guest::frontend_guest::GuestIndices::new(pre))
                .transpose()?,
        })
    }
}

/// The exports of an instance.
pub(crate) struct Exports {
    pub lifecycle: guest::lifecycle::Guest,
    context: Option<guest::context_guest::Guest>,
    command: Option<guest::command_guest::Guest>,
    hook: Option<guest::hook_guest::Guest>,
    frontend: Option<guest::frontend_guest::Guest>,
}

/// The plugin is not what it is called for.
#[derive(Debug, thiserror::Error)]
#[error("it is no {0:?}")]
pub(crate) struct NotOfWorld(World);

impl Exports {
    pub fn context(&self) -> wasmtime::Result<&guest::context_guest::Guest> {
        self.context.as_ref().ok_or_else(|| NotOfWorld(World::ContextProvider).into())
    }

    pub fn command(&self) -> wasmtime::Result<&guest::command_guest::Guest> {
        self.command.as_ref().ok_or_else(|| NotOfWorld(World::Command).into())
    }

    pub fn hook(&self) -> wasmtime::Result<&guest::hook_guest::Guest> {
        self.hook.as_ref().ok_or_else(|| NotOfWorld(World::Hook).into())
    }

    pub fn frontend(&self) -> wasmtime::Result<&guest::frontend_guest::Guest> {
        self.frontend.as_ref().ok_or_else(|| NotOfWorld(World::Frontend).into())
    }
}

/// A call into an instance.
pub(crate) type Call<'a, T> = BoxFuture<'a, wasmtime::Result<T>>;

/// Until when the running call may take, and whether it has taken a tick already.
pub(crate) struct Clock {
    until: Mutex<Instant>,
    ticked: AtomicBool,
}

impl Clock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { until: Mutex::new(Instant::now()), ticked: AtomicBool::new(false) })
    }

    fn begin(&self, until: Instant) {
        *self.until.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = until;
        self.ticked.store(false, Ordering::Release);
    }

    fn is_over(&self) -> bool {
        Instant::now() >= *self.until.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether the call has computed through a tick since this was asked last: it is none of the quick ones.
    pub fn has_ticked(&self) -> bool {
        self.ticked.swap(false, Ordering::AcqRel)
    }
}

/// The plugin has used up its time.
#[derive(Debug, thiserror::Error)]
#[error("its time is over")]
struct TimeOver;

/// Why a call has ended an instance.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It took too long, computing or waiting.
    Time,
    /// It trapped, or gave what cannot be read; the reason, for people.
    Trap(String),
    /// A function of the host has panicked.
    Host,
}

/// An instance. After a failure it cannot be used any more: drop it.
pub(crate) struct Instance {
    store: Store<HostState>,
    exports: Exports,
    clock: Arc<Clock>,
    code: Code,
}

impl Instance {
    /// Makes an instance, within the budget of `start`; what its modules do when they are made counts as well.
    pub async fn make(
        code: &Code,
        mut state: HostState,
        limits: Limits,
        clock: Arc<Clock>,
    ) -> Result<Self, Failure> {
        state.memory = MemoryLimit::new(limits);
        let mut store = Store::new(code.engine.raw(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(CROSSING);
        let ticking = clock.clone();
        store.epoch_deadline_callback(move |_| {
            if ticking.is_over() {
                return Err(TimeOver.into());
            }
            ticking.ticked.store(true, Ordering::Release);
            Ok(UpdateDeadline::Yield(1))
        });
        let _running = begin(&mut store, &clock, code, Budget::START);
        let ended = {
            let store = &mut store;
            bounded(Budget::START, async move {
                let instance = code.pre.instantiate_async(&mut *store).await?;
                code.indices.load(store, &instance)
            })
            .await
        };
        let exports = end(&mut store, ended).await?;
        Ok(Self { store, exports, clock, code: code.clone() })
    }

    /// Calls a function of the plugin.
    pub async fn call<T: Send>(
        &mut self,
        budget: Budget,
        call: impl for<'a> FnOnce(&'a mut Store<HostState>, &'a Exports) -> Call<'a, T> + Send,
    ) -> Result<T, Failure> {
        let _running = begin(&mut self.store, &self.clock, &self.code, budget);
        let ended = bounded(budget, call(&mut self.store, &self.exports)).await;
        end(&mut self.store, ended).await
    }

    /// All of its memories and tables together, in bytes.
    pub fn memory(&self) -> usize {
        self.store.data().memory.taken()
    }
}

impl Indices {
    fn load(
        &self,
        mut store: impl wasmtime::AsContextMut,
        instance: &wasmtime::component::Instance,
    ) -> wasmtime::Result<Exports> {
        let store = &mut store;
        Ok(Exports {
            lifecycle: self.lifecycle.load(&mut *store, instance)?,
            context: self.context.as_ref().map(|i| i.load(&mut *store, instance)).transpose()?,
            command: self.command.as_ref().map(|i| i.load(&mut *store, instance)).transpose()?,
            hook: self.hook.as_ref().map(|i| i.load(&mut *store, instance)).transpose()?,
            frontend: self.frontend.as_ref().map(|i| i.load(&mut *store, instance)).transpose()?,
        })
    }
}

/// How a call has come to its end.
enum Ended<T> {
    Returned(T),
    Failed(wasmtime::Error),
    TimeOver,
    Panicked,
}

/// Sets the clock; it ticks as long as the guard lives.
fn begin<'a>(store: &mut Store<HostState>, clock: &Clock, code: &'a Code, budget: Budget) -> Running<'a> {
    clock.begin(Instant::now() + budget.run);
    store.set_epoch_deadline(1);
    store.data_mut().call_begins(budget.run);
    code.engine.running()
}

/// The epoch ends what computes, the timeout what waits for the host.
async fn bounded<T>(budget: Budget, call: impl Future<Output = wasmtime::Result<T>>) -> Ended<T> {
    // A panic in a function of the host shall end this call and nothing else.
    match tokio::time::timeout(budget.run, AssertUnwindSafe(call).catch_unwind()).await {
        Err(_) => Ended::TimeOver,
        Ok(Err(_)) => Ended::Panicked,
        Ok(Ok(Ok(value))) => Ended::Returned(value),
        Ok(Ok(Err(error))) if error.downcast_ref::<TimeOver>().is_some() => Ended::TimeOver,
        Ok(Ok(Err(error))) => Ended::Failed(error),
    }
}

/// What the call has stored counts only when it has returned.
async fn end<T>(store: &mut Store<HostState>, ended: Ended<T>) -> Result<T, Failure> {
    let kept = store.data_mut().call_ends(matches!(ended, Ended::Returned(_))).await;
    match (ended, kept) {
        (Ended::Returned(value), Ok(())) => Ok(value),
        (Ended::Returned(_), Err(error)) => Err(Failure::Trap(error.message().to_owned())),
        (Ended::Failed(error), _) => Err(Failure::Trap(reason(&error, store))),
        (Ended::TimeOver, _) => Err(Failure::Time),
        (Ended::Panicked, _) => Err(Failure::Host),
    }
}

/// Why it trapped, in a line.
fn reason(error: &wasmtime::Error, store: &Store<HostState>) -> String {
    let why = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => error.root_cause().to_string(),
    };
    let why = crate::foreign::line(&why, 200);
    if store.data().memory.was_refused() {
        return format!("{why} (it was refused more memory than it may have)");
    }
    why
}
