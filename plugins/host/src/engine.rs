//! The one engine that runs all plugins of a process: its settings, compiling, and the clock that interrupts them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Duration;

use opencode_nexus::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, oneshot};
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, OptLevel};

use crate::cache::Cache;
use crate::foreign;
use crate::imports::{self, HostState};
use crate::inspect::{Inspection, inspect};
use crate::instance::Indices;
use crate::manifest::World;

/// How often a running plugin is asked whether its time is over.
const TICK: Duration = Duration::from_millis(10);

/// So many ticks without anything that runs, and the clock stands still.
const IDLE_TICKS: u32 = 100;

/// A plugin's own stack, and what its fiber has for the host's functions above that. Both are reserved, not used.
const STACK: usize = 512 << 10;
const FIBER: usize = STACK + (1 << 20);

/// A component of 12 MB takes 10 s on two cores. A thread cannot be stopped from outside, so after this it is given up: it ends by
/// itself, because what can be compiled is bounded (see [`inspect`]).
const COMPILE: Duration = Duration::from_secs(120);

/// Runs plugins. Cheap to clone; one for a process is enough.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    engine: wasmtime::Engine,
    linker: Linker<HostState>,
    cache: Option<Cache>,
    ticker: Ticker,
    /// One component is compiled at a time.
    compiling: Arc<Semaphore>,
}

/// A component that is ready to be started. Cheap to clone.
#[derive(Clone)]
pub struct Code {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) indices: Indices,
    inspection: Arc<Inspection>,
    sha256: Arc<str>,
}

impl Code {
    /// What it asks for and offers.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// SHA-256 of the component, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What it takes as machine code, in bytes.
    pub fn compiled_bytes(&self) -> usize {
        let range = self.pre.component().image_range();
        range.end as usize - range.start as usize
    }
}

impl Engine {
    /// An engine that keeps what it has compiled in this folder, which is made when it is not there. It must be the host's own:
    /// what others have written there is found out and not run. Without a folder, everything is compiled each time.
    ///
    /// # Errors
    /// `system.storage` when the folder cannot be used, `system.internal` when this processor or system cannot run plugins.
    pub fn open(cache: Option<&Path>) -> Result<Self> {
        let engine = wasmtime::Engine::new(&config()).map_err(unusable)?;
        let mut linker = Linker::new(&engine);
        imports::add_to_linker(&mut linker).map_err(unusable)?;
        let cache = cache.map(|folder| Cache::open(folder, &engine)).transpose()?;
        let ticker = Ticker::start(&engine)?;
        Ok(Self(Arc::new(Inner { engine, linker, cache, ticker, compiling: Arc::new(Semaphore::new(1)) })))
    }

    /// Makes a component ready: looks at it, then takes it from the cache or compiles it. One is compiled at a time; who drops this
    /// does not stop the compiler, whose work is kept for the next one who asks.
    ///
    /// # Errors
    /// As [`inspect`]; `system.timeout` when the compiler does not come to an end, `user.busy` when it is still at another one.
    pub async fn load(&self, wasm: Vec<u8>, worlds: &[World]) -> Result<Code> {
        let wait = tokio::time::timeout(COMPILE, self.0.compiling.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = wait else {
            return Err(Error::new(ErrorKind::Busy, "the compiler is still busy with another plugin")
                .with_hint("try again later, or remove the plugin that takes so long"));
        };
        let (send, receive) = oneshot::channel();
        let (engine, worlds) = (self.clone(), worlds.to_vec());
        // A thread of its own rather than one of the runtime's: the runtime would wait for it at its end.
        let work = move || {
            let loaded = engine.load_now(&wasm, &worlds);
            drop(permit);
            let _ = send.send(loaded);
        };
        std::thread::Builder::new().name("nexus-compile".to_owned()).spawn(work)?;
        match tokio::time::timeout(COMPILE, receive).await {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(_)) => Err(Error::new(ErrorKind::Plugin, "the compiler has failed at this component")
                .with_hint("tell its author; other plugins are not affected")),
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("compiling took longer than {} s and was given up", COMPILE.as_secs()),
            )
            .with_hint("a plugin should compile in seconds: tell its author")),
        }
    }

    fn load_now(&self, wasm: &[u8], worlds: &[World]) -> Result<Code> {
        let inspection = inspect(wasm, worlds)?;
        let sha256: String = Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect();
        let component = self.component(wasm, &sha256)?;
        let pre = self.0.linker.instantiate_pre(&component).map_err(misfit)?;
        let indices = Indices::new(&pre, worlds).map_err(misfit)?;
        Ok(Code {
            engine: self.clone(),
            pre,
            indices,
            inspection: Arc::new(inspection),
            sha256: sha256.into(),
        })
    }

    /// From the cache, or compiled.
    fn component(&self, wasm: &[u8], sha256: &str) -> Result<Component> {
        let Some(cache) = &self.0.cache else {
            return Component::from_binary(&self.0.engine, wasm).map_err(uncompiled);
        };
        if let Some(component) = cache.find(&self.0.engine, sha256) {
            return Ok(component);
        }
        let compiled = self.0.engine.precompile_component(wasm).map_err(uncompiled)?;
        match cache.store(sha256, &compiled) {
            Ok(()) => {}
            // A full disk is no reason not to run.
            Err(error) => tracing::warn!(%error, "a compiled plugin could not be kept"),
        }
        cache.find(&self.0.engine, sha256).map_or_else(
            // SAFETY: these are the bytes that this engine has just made of the component.
            || unsafe { Component::deserialize(&self.0.engine, &compiled) }.map_err(uncompiled),
            Ok,
        )
    }

    pub(crate) fn raw(&self) -> &wasmtime::Engine {
        &self.0.engine
    }

    /// Lets the clock tick as long as the guard lives.
    pub(crate) fn running(&self) -> Running<'_> {
        self.0.ticker.running()
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // The asynchronous part of the component model is not settled, and costs each call something.
        .concurrency_support(false)
        .wasm_memory64(false)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(STACK)
        .async_stack_size(FIBER);
    config
}

fn unusable(error: wasmtime::Error) -> Error {
    let why = foreign::line(&error.to_string(), 200);
    Error::new(ErrorKind::Internal, format!("plugins cannot run here: {why}"))
        .with_hint("start without plugins, and report this")
}

fn uncompiled(error: wasmtime::Error) -> Error {
    let why = foreign::line(&error.root_cause().to_string(), 200);
    Error::new(ErrorKind::InvalidInput, format!("the component cannot be compiled: {why}"))
        .with_hint("get the plugin again, or build it again with `nexus plugin build`")
}

/// The names fit and the types do not.
fn misfit(error: wasmtime::Error) -> Error {
    let why = foreign::line(&error.to_string(), 200);
    Error::new(ErrorKind::InvalidInput, format!("the component does not fit the plugin interface: {why}"))
        .with_hint("build it with the interface files of this version")
}

/// A thread that counts the engine's epoch up while something runs. It ends with the last [`Engine`].
struct Ticker {
    shared: Arc<Ticking>,
    thread: Thread,
}

#[derive(Default)]
struct Ticking {
    running: AtomicUsize,
    over: AtomicBool,
}

/// Something runs.
pub(crate) struct Running<'a>(&'a Ticking);

impl Ticker {
    fn start(engine: &wasmtime::Engine) -> Result<Self> {
        let shared = Arc::new(Ticking::default());
        let (ticking, engine) = (shared.clone(), engine.weak());
        let work = move || {
            let mut idle = 0;
            while !ticking.over.load(Ordering::Acquire) {
                if ticking.running.load(Ordering::Acquire) > 0 {
                    idle = 0;
                } else if idle < IDLE_TICKS {
                    idle += 1;
                } else {
                    // Woken by the next one who runs; a wake-up that comes before this is not lost.
                    std::thread::park();
                    idle = 0;
                    continue;
                }
                std::thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        };
        let thread = std::thread::Builder::new().name("nexus-ticker".to_owned()).spawn(work)?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    fn running(&self) -> Running<'_> {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Running(&self.shared)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
