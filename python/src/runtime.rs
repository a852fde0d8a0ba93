//! The tokio runtime of the process, and what belongs to it.
//!
//! A fork copies one thread and every lock as it stood, so nothing of a runtime can be used or even dropped in a child. The child
//! makes a runtime of its own when it first needs one; objects of the parent say that they are no longer of use there, and are
//! forgotten rather than dropped, because dropping them would end servers that the parent still uses.

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, Weak};
use std::time::Duration;

use pyo3::PyResult;
use pyo3::exceptions::PyRuntimeError;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::driver::{Driver, Over};
use crate::{gate, turn};

/// Counts the forks that lead to this process.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Never freed: somebody may look at it at any time.
static CURRENT: AtomicPtr<Owned> = AtomicPtr::new(std::ptr::null_mut());

/// The runtime of one process.
pub struct Owned {
    generation: u32,
    driver: Driver,
    /// What goes on although nobody waits for it any more, such as stopping a turn.
    pub tails: TaskTracker,
    /// Turns that run, by number, so that they can be stopped when the interpreter ends.
    pub turns: Mutex<HashMap<u64, Weak<turn::Inner>>>,
    /// Connections that are open, so that they can be closed then.
    pub open: Mutex<Vec<Weak<opencode_nexus::Nexus>>>,
}

/// Sees to it that a child knows that it is one.
pub fn watch_forks() {
    #[cfg(unix)]
    {
        use std::sync::Once;
        extern "C" fn in_child() {
            GENERATION.fetch_add(1, Ordering::SeqCst);
            gate::forget_others();
        }
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handler only changes numbers, which is allowed after a fork of any process.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
    }
}

/// The number of this process among those that were made by forking.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// The runtime of this process, made when it is first wanted.
///
/// # Errors
/// When the interpreter is ending, or the system gives no threads.
pub fn current() -> PyResult<&'static Owned> {
    match existing() {
        Some(owned) if owned.driver.is_over() => {
            Err(PyRuntimeError::new_err("the interpreter is shutting down"))
        }
        Some(owned) => Ok(owned),
        None => make(),
    }
}

/// The runtime of this process, if there is one.
pub fn existing() -> Option<&'static Owned> {
    let pointer = CURRENT.load(Ordering::Acquire);
    // SAFETY: what the pointer names was leaked by `make` and is never freed.
    let owned = unsafe { pointer.as_ref() };
    owned.filter(|owned| owned.generation == generation())
}

fn make() -> PyResult<&'static Owned> {
    let before = CURRENT.load(Ordering::Acquire);
    let driver = Driver::start()
        .map_err(|error| PyRuntimeError::new_err(format!("no runtime could be started: {error}")))?;
    let owned = Box::new(Owned {
        generation: generation(),
        driver,
        tails: TaskTracker::new(),
        turns: Mutex::default(),
        open: Mutex::default(),
    });
    let owned = Box::into_raw(owned);
    if CURRENT.compare_exchange(before, owned, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // Another thread was faster: ours ends, theirs is used.
        // SAFETY: nobody else has seen this pointer.
        let ours = unsafe { Box::from_raw(owned) };
        ours.end(Duration::from_secs(1));
    }
    existing().ok_or_else(|| {
        PyRuntimeError::new_err("the runtime could not be made: the process was forked meanwhile")
    })
}

impl Owned {
    /// The way to the runtime.
    pub fn handle(&self) -> &Handle {
        self.driver.handle()
    }

    /// Waits for something in this thread; nothing of Python may be held meanwhile.
    ///
    /// # Errors
    /// When it was ended.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, Over> {
        self.driver.block_on(future)
    }

    /// Lets something go on to its end, also when nobody waits for it.
    pub fn tail(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tails.spawn_on(work, self.handle());
    }

    /// Ends it; threads that wait have so long, and so has work that blocks.
    pub fn end(&self, bound: Duration) {
        self.driver.end(bound);
    }
}

/// Something that belongs to the runtime of the process that made it.
pub struct Ours<T> {
    generation: u32,
    value: ManuallyDrop<T>,
}

impl<T> Ours<T> {
    /// Of this process.
    pub fn new(value: T) -> Self {
        Self { generation: generation(), value: ManuallyDrop::new(value) }
    }

    /// The thing.
    ///
    /// # Errors
    /// In a child of the process that made it.
    pub fn get(&self) -> PyResult<&T> {
        if self.generation == generation() {
            return Ok(&self.value);
        }
        Err(PyRuntimeError::new_err(
            "this object was made before os.fork() and belongs to the parent process; open a new Nexus in the child",
        ))
    }
}

impl<T> Drop for Ours<T> {
    fn drop(&mut self) {
        if self.generation != generation() {
            return;
        }
        // What is dropped may want to say something to the server.
        let _context = existing().map(|owned| owned.handle().enter());
        // SAFETY: it is dropped here and nowhere else, and `self` is not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.value) };
    }
}
