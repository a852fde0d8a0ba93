//! A plugin as the rest of the host sees it: a handle on which functions are called, one at a time, each within its budget.
//!
//! There is one instance behind all clones of a handle. It is made with the first call, and made anew after a failure, when the
//! [policy](crate::restarts) allows it. Who calls waits in a bounded, fair queue. A call runs on the caller's own thread as long as it
//! is quick, which nearly all are: nothing is handed to another thread and back. One that computes through a tick of the clock
//! (10 ms) goes on in a thread of its own, so that a plugin which spins holds up nothing but itself. One whose caller has gone away
//! goes on in the background until its end or the end of its budget: to give up waiting never costs the plugin its memory.
//!
//! A plugin that waits for itself through the host (its command sends a prompt, which its hook must see) gets an error at once.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use opencode_nexus::{Error, ErrorKind, Result, Retry};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wasmtime::Store;

use crate::bindings::nexus::plugin::types as wit;
use crate::engine::Code;
use crate::foreign;
use crate::imports::{Caller, HostState};
use crate::instance::{Call, Clock, Exports, Failure, Instance};
use crate::limits::{Budget, Limits};
use crate::manifest::World;
use crate::restarts::{MayStart, Restarts};

pub use crate::bindings::exports::nexus::plugin::lifecycle::StopReason;

/// Calls that wait for one plugin.
const MAILBOX: usize = 64;

/// A new build may be compiled meanwhile.
const COMPILE: Duration = Duration::from_secs(120);

/// What a plugin may hand over from one build to the next, in bytes.
const STATE: usize = 1 << 20;

/// Makes the host's side of an instance, for each instance anew.
pub(crate) type MakeState = Arc<dyn Fn() -> Result<HostState> + Send + Sync>;

/// Gets the component ready, with the first call.
type Load = Arc<dyn Fn() -> BoxFuture<'static, Result<Code>> + Send + Sync>;

/// What a plugin is made of. Cheap to clone.
#[derive(Clone)]
pub struct Launch {
    caller: Arc<Caller>,
    worlds: Arc<[World]>,
    limits: Limits,
    load: Load,
    make: MakeState,
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

/// A plugin that runs, or will with its first call. Cheap to clone; all clones are the same plugin.
#[derive(Clone)]
pub struct PluginHandle(Arc<Shared>);

struct Shared {
    number: u64,
    /// What it is; another build may come with [`PluginHandle::reload`].
    launch: Mutex<Launch>,
    waiting: AtomicUsize,
    /// What it does now, for those who wait too long.
    doing: Mutex<&'static str>,
    status: Mutex<PluginStatus>,
    clock: Arc<Clock>,
    slot: Arc<tokio::sync::Mutex<Slot>>,
}

struct Slot {
    launch: Launch,
    code: Option<Code>,
    instance: Option<Instance>,
    restarts: Restarts,
    stopped: bool,
    /// What the build before has handed over.
    state: Option<Vec<u8>>,
}

impl Slot {
    fn new(launch: Launch, state: Option<Vec<u8>>) -> Self {
        Self { launch, code: None, instance: None, restarts: Restarts::default(), stopped: false, state }
    }
}

/// How a plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginStatus {
    /// Nobody has called it yet, or it was stopped by a failure and starts with the next call.
    Idle,
    /// It runs, with so many bytes of memory.
    Running {
        /// All of its memories and tables together.
        memory: usize,
    },
    /// It failed too often and is not started any more; the last reason.
    Disabled(String),
    /// It was stopped.
    Stopped,
}

tokio::task_local! {
    /// The plugins inside of whose calls this task is, by number.
    static INSIDE: Vec<u64>;
}

impl PluginHandle {
    /// A plugin. Nothing happens before its first call.
    pub fn open(launch: Launch) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self(Arc::new(Shared {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            launch: Mutex::new(launch.clone()),
            waiting: AtomicUsize::new(0),
            doing: Mutex::new("start"),
            status: Mutex::new(PluginStatus::Idle),
            clock: Clock::new(),
            slot: Arc::new(tokio::sync::Mutex::new(Slot::new(launch, None))),
        }))
    }

    /// Who it is.
    pub fn caller(&self) -> Arc<Caller> {
        lock(&self.0.launch).caller.clone()
    }

    /// Whether its manifest says that it is one of these.
    pub fn is(&self, world: World) -> bool {
        lock(&self.0.launch).worlds.contains(&world)
    }

    /// How it is now.
    pub fn status(&self) -> PluginStatus {
        lock(&self.0.status).clone()
    }

    /// Starts it, when it does not run.
    ///
    /// # Errors
    /// As every call: see [`stop`](Self::stop) and the module.
    pub async fn start(&self) -> Result<()> {
        self.call("start", Budget::START, |_, _| Box::pin(async { Ok(()) })).await
    }

    /// Stops it: it has half a second to finish. Later calls fail until [`reload`](Self::reload). Waits for the running call.
    pub async fn stop(&self, reason: StopReason) {
        let handle = self.clone();
        let work = async move {
            let mut slot = handle.0.slot.lock().await;
            slot.stopped = true;
            let _ = handle.end(&mut slot, reason).await;
            handle.set_status(PluginStatus::Stopped);
        };
        // Budgets bound what it waits for, so it need not be stopped when nobody waits for it.
        let _ = self.drive(Box::pin(work)).await;
    }

    /// Replaces it by another build, or lets the same start again after it was stopped or disabled. What the old one hands over
    /// is given to the new one.
    ///
    /// # Errors
    /// When the new one does not start.
    pub async fn reload(&self, launch: Launch) -> Result<()> {
        let handle = self.clone();
        let (send, receive) = oneshot::channel();
        let work = async move {
            let mut slot = handle.0.slot.lock().await;
            let state = handle.end(&mut slot, StopReason::Reload).await;
            *lock(&handle.0.launch) = launch.clone();
            *slot = Slot::new(launch, state);
            handle.set_status(PluginStatus::Idle);
            let started = handle.ready(&mut slot, COMPILE).await;
            let _ = send.send(started.map(|instance| slot.instance = Some(instance)));
        };
        self.drive(Box::pin(work)).await;
        receive.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Lets it start again after it was disabled. The failures are forgotten.
    pub async fn enable(&self) {
        let mut slot = self.0.slot.lock().await;
        slot.restarts.forget();
        if matches!(self.status(), PluginStatus::Disabled(_)) {
            self.set_status(PluginStatus::Idle);
        }
    }

    /// Calls a function of the plugin. `name` is for messages.
    ///
    /// It may be dropped at any time: the call then goes on without its caller, within its budget.
    ///
    /// # Errors
    /// `system.timeout` when it takes too long, or the plugin is busy for too long; `user.busy` when too many wait already;
    /// `user.conflict` when the plugin waits for itself; `system.plugin` when it trapped, did not start, is disabled or stopped.
    pub(crate) async fn call<T, F>(&self, name: &'static str, budget: Budget, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store<HostState>, &'a Exports) -> Call<'a, T> + Send + 'static,
    {
        let mut inside = INSIDE.try_with(Clone::clone).unwrap_or_default();
        if inside.contains(&self.0.number) {
            return Err(self
                .error(ErrorKind::Conflict, format!("`{name}` waits for the plugin that waits for it"))
                .with_hint("a plugin cannot do what it must itself take part in"));
        }
        inside.push(self.0.number);
        let _place = self.place(name)?;
        let began = Instant::now();
        let Ok(mut slot) = tokio::time::timeout(budget.wait, self.0.slot.clone().lock_owned()).await else {
            let doing = *lock(&self.0.doing);
            let waited = spoken(budget.wait);
            return Err(self
                .error(ErrorKind::Timeout, format!("`{name}` has waited {waited} for `{doing}`"))
                .with_retry(Retry::Now)
                .with_hint("try again when the plugin is not busy"));
        };
        let rest = budget.wait.saturating_sub(began.elapsed());
        let (send, mut receive) = oneshot::channel();
        let handle = self.clone();
        let work = INSIDE.scope(inside, async move {
            let _ = send.send(handle.run(&mut slot, name, budget, rest, call).await);
        });
        self.drive(Box::pin(work)).await;
        match receive.try_recv() {
            Ok(result) => result,
            Err(_) => receive.await.unwrap_or_else(|_| Err(self.gone())),
        }
    }

    /// A place in the queue; it is left when the guard goes.
    fn place(&self, name: &str) -> Result<Place<'_>> {
        let place = Place(&self.0.waiting);
        if self.0.waiting.fetch_add(1, Ordering::AcqRel) >= MAILBOX {
            return Err(self
                .error(ErrorKind::Busy, format!("{MAILBOX} calls wait already, so `{name}` is not called"))
                .with_retry(Retry::Now)
                .with_hint("try again when the plugin is not busy"));
        }
        Ok(place)
    }

    /// The call itself, alone with the plugin.
    async fn run<T, F>(
        &self,
        slot: &mut Slot,
        name: &'static str,
        budget: Budget,
        wait: Duration,
        call: F,
    ) -> Result<T>
    where
        T: Send,
        F: for<'a> FnOnce(&'a mut Store<HostState>, &'a Exports) -> Call<'a, T> + Send,
    {
        let mut instance = self.ready(slot, wait).await?;
        *lock(&self.0.doing) = name;
        // The instance is not in its slot while it is called: a call that is dropped in the middle leaves none behind.
        match instance.call(budget, call).await {
            Ok(value) => {
                self.note_memory(&instance);
                slot.instance = Some(instance);
                Ok(value)
            }
            Err(failure) => {
                drop(instance);
                Err(self.failed(slot, name, budget, failure))
            }
        }
    }

    /// The instance that is there, or a new one that has started.
    async fn ready(&self, slot: &mut Slot, wait: Duration) -> Result<Instance> {
        if let Some(instance) = slot.instance.take() {
            return Ok(instance);
        }
        if slot.stopped {
            return Err(self
                .error(ErrorKind::Plugin, "the plugin was stopped")
                .with_hint("start it again by loading it again"));
        }
        match slot.restarts.may_start(Instant::now()) {
            MayStart::Now => {}
            MayStart::In(rest) if rest <= wait => tokio::time::sleep(rest).await,
            MayStart::In(rest) => {
                return Err(self
                    .error(
                        ErrorKind::Plugin,
                        format!("the plugin has failed and starts again in {}", spoken(rest)),
                    )
                    .with_retry(Retry::After(rest))
                    .with_hint("try again then"));
            }
            MayStart::Never => return Err(self.disabled()),
        }
        *lock(&self.0.doing) = "start";
        let code = match &slot.code {
            Some(code) => code.clone(),
            None => {
                let loading = tokio::time::timeout(wait, (slot.launch.load)()).await;
                let Ok(code) = loading else {
                    return Err(self
                        .error(ErrorKind::Timeout, "the plugin is still being compiled, which happens once")
                        .with_retry(Retry::Now)
                        .with_hint("try again in a moment"));
                };
                slot.code.insert(code?).clone()
            }
        };
        self.make(slot, &code).await
    }

    async fn make(&self, slot: &mut Slot, code: &Code) -> Result<Instance> {
        let state = (slot.launch.make)()?;
        let made = Instance::make(code, state, slot.launch.limits, self.0.clock.clone()).await;
        let mut instance = match made {
            Ok(instance) => instance,
            Err(failure) => return Err(self.failed(slot, "start", Budget::START, failure)),
        };
        let handed = slot.state.take();
        let started = instance
            .call(Budget::START, move |store, exports| {
                Box::pin(async move { exports.lifecycle.call_start(store, handed.as_deref()).await })
            })
            .await;
        match started {
            Ok(Ok(())) => {
                self.note_memory(&instance);
                Ok(instance)
            }
            Ok(Err(error)) => {
                self.count_failure(slot, "it did not want to start".to_owned());
                Err(self.guest_error("start", error))
            }
            Err(failure) => Err(self.failed(slot, "start", Budget::START, failure)),
        }
    }

    /// Ends the instance, if there is one; gives what it hands over.
    async fn end(&self, slot: &mut Slot, reason: StopReason) -> Option<Vec<u8>> {
        let mut instance = slot.instance.take()?;
        *lock(&self.0.doing) = "stop";
        let stopped = instance
            .call(Budget::STOP, move |store, exports| {
                Box::pin(async move { exports.lifecycle.call_stop(store, reason).await })
            })
            .await;
        match stopped {
            Ok(state) => state.filter(|state| state.len() <= STATE),
            Err(failure) => {
                let why = said("stop", Budget::STOP, failure);
                tracing::warn!(plugin = %self.caller().plugin, "{why}");
                None
            }
        }
    }

    fn note_memory(&self, instance: &Instance) {
        let mut status = lock(&self.0.status);
        let memory = instance.memory();
        if *status != (PluginStatus::Running { memory }) {
            *status = PluginStatus::Running { memory };
        }
    }

    fn set_status(&self, status: PluginStatus) {
        *lock(&self.0.status) = status;
    }

    fn count_failure(&self, slot: &mut Slot, why: String) {
        slot.restarts.failed(Instant::now());
        self.set_status(if slot.restarts.is_disabled() {
            PluginStatus::Disabled(why)
        } else {
            PluginStatus::Idle
        });
    }

    /// Counts a failure, and puts it into words.
    fn failed(&self, slot: &mut Slot, name: &str, budget: Budget, failure: Failure) -> Error {
        let kind = match failure {
            Failure::Time => ErrorKind::Timeout,
            Failure::Trap(_) | Failure::Host => ErrorKind::Plugin,
        };
        let why = said(name, budget, failure);
        tracing::warn!(plugin = %self.caller().plugin, "{why}");
        self.count_failure(slot, why.clone());
        let error = self.error(kind, why);
        if slot.restarts.is_disabled() {
            error.with_hint(format!("it failed too often and is disabled; {}", self.way_back()))
        } else {
            error.with_hint("it starts again with the next call; tell its author")
        }
    }

    fn disabled(&self) -> Error {
        let why = match self.status() {
            PluginStatus::Disabled(why) => why,
            _ => "it failed too often".to_owned(),
        };
        self.error(
            ErrorKind::Plugin,
            format!("the plugin is disabled, because it failed three times in five minutes: {why}"),
        )
        .with_hint(self.way_back())
    }

    fn way_back(&self) -> String {
        let id = &self.caller().plugin;
        format!("see `nexus plugin logs {id}`, then start it again with `nexus plugin enable {id}`")
    }

    /// The runtime ends, or has no thread left.
    fn gone(&self) -> Error {
        self.error(ErrorKind::Aborted, "the call was given up, because the program ends")
    }

    /// An error that names plugin and version.
    pub(crate) fn error(&self, kind: ErrorKind, message: impl std::fmt::Display) -> Error {
        let caller = self.caller();
        Error::new(kind, format!("{} {}: {message}", caller.plugin, caller.version))
            .with_context("plugin", caller.plugin.clone())
            .with_context("version", caller.version.clone())
    }

    /// What the plugin itself says has gone wrong, in words that are fit to be shown.
    pub(crate) fn guest_error(&self, name: &str, error: wit::Error) -> Error {
        let kind = match error.code {
            wit::ErrorCode::Denied => ErrorKind::Forbidden,
            wit::ErrorCode::Invalid => ErrorKind::InvalidInput,
            wit::ErrorCode::NotFound => ErrorKind::NotFound,
            wit::ErrorCode::Timeout => ErrorKind::Timeout,
            wit::ErrorCode::Quota => ErrorKind::TooLarge,
            wit::ErrorCode::Unavailable => ErrorKind::Unreachable,
            wit::ErrorCode::Conflict => ErrorKind::Conflict,
            wit::ErrorCode::Cancelled => ErrorKind::Aborted,
            wit::ErrorCode::Internal => ErrorKind::Plugin,
        };
        let message = foreign::line(&error.message, MESSAGE);
        let message =
            if message.is_empty() { format!("`{name}` failed and does not say why") } else { message };
        let new = self.error(kind, message);
        match error.hint.map(|hint| foreign::line(&hint, MESSAGE)).filter(|hint| !hint.is_empty()) {
            Some(hint) => new.with_hint(hint),
            None => new,
        }
    }

    /// Polls work here while it is quick, in a thread when it computes, in the background when its caller goes away. Returns when
    /// it is done, or has gone to a thread.
    async fn drive(&self, work: BoxFuture<'static, ()>) {
        let mut lane = Lane { work: Some(work), clock: self.0.clock.clone(), is_orphan: false };
        poll_fn(|context| lane.poll(context)).await;
    }
}

/// Characters of a plugin's own message that are shown: a plugin's texts have 2 KiB at most.
const MESSAGE: usize = 500;

/// A failure in words.
fn said(name: &str, budget: Budget, failure: Failure) -> String {
    match failure {
        Failure::Time => format!("`{name}` took longer than {} and was stopped", spoken(budget.run)),
        Failure::Trap(why) => format!("`{name}` trapped: {why}"),
        Failure::Host => format!("`{name}` was ended by a defect in the host"),
    }
}

/// `300 ms`, `2 s`.
fn spoken(time: Duration) -> String {
    match time.as_millis() {
        ms if ms >= 1_000 && ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in a plugin's queue.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Work that outlives who waits for it.
struct Lane {
    work: Option<BoxFuture<'static, ()>>,
    clock: Arc<Clock>,
    /// Nobody waits for it any more.
    is_orphan: bool,
}

impl Lane {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.work else { return Poll::Ready(()) };
        if work.as_mut().poll(context).is_ready() {
            self.work = None;
            return Poll::Ready(());
        }
        if self.clock.has_ticked()
            && let Some(work) = self.work.take()
        {
            move_to_thread(work);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // A runtime that ends drops what was spawned: then it is over.
        let (Some(work), false, Ok(runtime)) = (self.work.take(), self.is_orphan, Handle::try_current())
        else {
            return;
        };
        let mut lane = Self { work: Some(work), clock: self.clock.clone(), is_orphan: true };
        runtime.spawn(async move { poll_fn(|context| lane.poll(context)).await });
    }
}

/// Lets work go on in a thread of its own. When there is none to be had, the work is dropped, and with it the instance.
fn move_to_thread(work: BoxFuture<'static, ()>) {
    let Ok(runtime) = Handle::try_current() else { return };
    let run = move || runtime.block_on(work);
    if let Err(error) = std::thread::Builder::new().name("nexus-plugin".to_owned()).spawn(run) {
        tracing::warn!(%error, "a plugin that computes got no thread and was ended");
    }
}
