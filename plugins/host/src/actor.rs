//! A plugin as the rest of the host sees it: a handle on which functions are called, one at a time, each within its budget.
//!
//! There is one instance behind all clones of a handle. It is made with the first call, and made anew after a failure, when the
//! policy (`restarts`) allows it. Who calls waits in a bounded, fair queue. A call runs on the caller's own thread as long as it
//! is quick, which nearly all are: nothing is handed to another thread and back. One that computes through a tick of the clock
//! (10 ms) goes on in a thread of its own, so that a plugin which spins holds up nothing but itself. One whose caller has gone away
//! goes on in the background until its end or the end of its budget: to give up waiting never costs the plugin its memory.
//!
//! A plugin that waits for itself through the host (its command sends a prompt, which its hook must see) gets an error at once.

mod lane;
mod launch;
#[cfg(test)]
mod tests;
mod words;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opencode_nexus::{ErrorKind, Result, Retry};
use tokio::sync::oneshot;
use wasmtime::Store;

use self::lane::drive;
use self::words::{said, spoken};
use crate::engine::Code;
use crate::imports::{Caller, HostState};
use crate::instance::{Call, Clock, Exports, Instance};
use crate::limits::Budget;
use crate::manifest::World;
use crate::restarts::{MayStart, Restarts};

pub use self::launch::Launch;
pub use crate::bindings::exports::nexus::plugin::lifecycle::StopReason;

/// Calls that wait for one plugin.
const MAILBOX: usize = 64;

/// A new build may be compiled meanwhile.
const COMPILE: Duration = Duration::from_secs(120);

/// What a plugin may hand over from one build to the next, in bytes.
const STATE: usize = 1 << 20;

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

    /// Whether both are the same plugin.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
        self.finish(reason, PluginStatus::Stopped).await;
    }

    /// Stops it like [`stop`](Self::stop), but lets its next call start it again.
    pub(crate) async fn rest(&self) {
        self.finish(StopReason::Shutdown, PluginStatus::Idle).await;
    }

    async fn finish(&self, reason: StopReason, then: PluginStatus) {
        let handle = self.clone();
        let (send, receive) = oneshot::channel();
        let work = async move {
            let mut slot = handle.0.slot.lock().await;
            slot.stopped = then == PluginStatus::Stopped;
            let _ = handle.end(&mut slot, reason).await;
            handle.set_status(then);
            let _ = send.send(());
        };
        // Budgets bound what it waits for, so it need not be stopped when nobody waits for it.
        drive(Box::pin(work), &self.0.clock).await;
        let _ = receive.await;
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
        drive(Box::pin(work), &self.0.clock).await;
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
        drive(Box::pin(work), &self.0.clock).await;
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
