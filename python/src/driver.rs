//! Who drives the runtime: reads from the network, tells the time and runs what was begun.
//!
//! A thread that waits for an answer does it itself. A thread of its own would have to be woken for each question and wake the
//! waiting one for each answer, which costs more than everything else in a call. When nobody waits, a thread that is kept for that
//! drives, so that what was begun goes on. It takes over a moment after the last wait, and not at once: a program that asks one
//! question after the other would hand the runtime to and fro.
//!
//! The runtime is one of tokio's that runs in the thread that blocks on it. When several block on it, one drives and the others
//! are woken by it; whoever stops driving wakes another one (`Runtime::block_on`, tokio 1).

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, TryLockError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

/// So long after the last wait the kept thread takes over, and at most twice as long.
const GRACE: Duration = Duration::from_millis(1);

/// The kept thread drives, unless a thread that waits came a moment before.
const DRIVES: u8 = 0;

/// The kept thread looks after each [`GRACE`] whether it has to drive.
const DOZES: u8 = 1;

/// Somebody waits for long; whoever leaves then wakes the kept thread.
const SLEEPS: u8 = 2;

/// A runtime, and the thread that is kept to drive it.
pub struct Driver {
    shared: Arc<Shared>,
    handle: Handle,
    kept: Thread,
}

struct Shared {
    /// Read by those who drive or would like to. It is taken away at the end.
    runtime: RwLock<Option<Runtime>>,
    /// So many threads wait.
    waiting: AtomicUsize,
    /// So many waits have ended.
    waits: AtomicUsize,
    phase: AtomicU8,
    /// Takes the kept thread from the runtime.
    wanted: Notify,
    is_over: AtomicBool,
}

/// The runtime was ended.
#[derive(Debug)]
pub struct Over;

/// A thread waits for as long as this lives.
struct Wait<'a>(&'a Driver);

impl Driver {
    /// A runtime that goes on from now on.
    ///
    /// # Errors
    /// When the system gives no thread, or nothing to wait for the network with.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let shared = Arc::new(Shared {
            runtime: RwLock::new(Some(runtime)),
            waiting: AtomicUsize::new(0),
            waits: AtomicUsize::new(0),
            phase: AtomicU8::new(DOZES),
            wanted: Notify::new(),
            is_over: AtomicBool::new(false),
        });
        let keeping = shared.clone();
        let thread =
            std::thread::Builder::new().name("opencode-nexus".to_owned()).spawn(move || keeping.keep())?;
        Ok(Self { shared, handle, kept: thread.thread().clone() })
    }

    /// The way to the runtime.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for something, and drives the runtime meanwhile if no other thread does.
    ///
    /// # Errors
    /// When the runtime was ended.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, Over> {
        let _wait = Wait::begin(self);
        self.shared.block_on(future).ok_or(Over)
    }

    /// Whether its end has begun.
    pub fn is_over(&self) -> bool {
        self.shared.is_over.load(Ordering::SeqCst)
    }

    /// Ends it. Threads that drive have so long to come back, work that blocks as long once more; whatever is left then stays
    /// as it is.
    pub fn end(&self, bound: Duration) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.wanted.notify_one();
        self.kept.unpark();
        let began = Instant::now();
        loop {
            let mut place = match self.shared.runtime.try_write() {
                Ok(place) => place,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if began.elapsed() < bound => {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Err(TryLockError::WouldBlock) => return,
            };
            let runtime = place.take();
            drop(place);
            if let Some(runtime) = runtime {
                runtime.shutdown_timeout(bound);
            }
            return;
        }
    }
}

impl Shared {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let runtime = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        runtime.as_ref().map(|runtime| runtime.block_on(future))
    }

    /// What the kept thread does.
    fn keep(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            self.phase.store(DRIVES, Ordering::SeqCst);
            // Whoever begins to wait after this look sees that this thread drives, and sends it away.
            if self.waiting.load(Ordering::SeqCst) == 0 && self.block_on(self.wanted.notified()).is_none() {
                return;
            }
            self.rest();
        }
    }

    /// Lets others drive, until nobody has waited for a while.
    fn rest(&self) {
        self.phase.store(DOZES, Ordering::SeqCst);
        while !self.is_over.load(Ordering::SeqCst) {
            let before = self.waits.load(Ordering::SeqCst);
            std::thread::park_timeout(GRACE);
            if self.waits.load(Ordering::SeqCst) != before {
                continue;
            }
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return;
            }
            self.phase.store(SLEEPS, Ordering::SeqCst);
            // Whoever ends its wait after this look sees that this thread sleeps, and wakes it.
            if self.waiting.load(Ordering::SeqCst) > 0 {
                std::thread::park();
            }
            self.phase.store(DOZES, Ordering::SeqCst);
        }
    }
}

impl<'a> Wait<'a> {
    fn begin(driver: &'a Driver) -> Self {
        driver.shared.waiting.fetch_add(1, Ordering::SeqCst);
        if driver.shared.phase.load(Ordering::SeqCst) == DRIVES {
            driver.shared.wanted.notify_one();
        }
        Self(driver)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let shared = &self.0.shared;
        shared.waits.fetch_add(1, Ordering::SeqCst);
        shared.waiting.fetch_sub(1, Ordering::SeqCst);
        if shared.phase.load(Ordering::SeqCst) == SLEEPS {
            self.0.kept.unpark();
        }
    }
}
