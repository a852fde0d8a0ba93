//! Leaving the interpreter to wait, and coming back.
//!
//! An interpreter that ends takes every thread that asks for its lock out of the middle of whatever it does (`pthread_exit` up to
//! Python 3.13), which no frame of Rust survives. So no thread asks for the lock any more once the interpreter is about to end:
//! it sleeps here until the process is gone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Waits look whether it is closed at least ten times a second.
const COMING: Duration = Duration::from_secs(1);

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// So many threads are on the other side.
static OUTSIDE: AtomicUsize = AtomicUsize::new(0);

/// So many threads have passed the gate and do not hold the lock yet.
static PASSING: AtomicUsize = AtomicUsize::new(0);

/// Works without the interpreter's lock.
pub fn detach<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
    OUTSIDE.fetch_add(1, Ordering::SeqCst);
    let done = py.detach(|| {
        let done = work();
        OUTSIDE.fetch_sub(1, Ordering::SeqCst);
        pass();
        done
    });
    PASSING.fetch_sub(1, Ordering::SeqCst);
    done
}

fn pass() {
    PASSING.fetch_add(1, Ordering::SeqCst);
    if IS_CLOSED.load(Ordering::SeqCst) {
        PASSING.fetch_sub(1, Ordering::SeqCst);
        loop {
            std::thread::park();
        }
    }
}

/// Closes it for every thread but this one, and waits until those that have passed hold the lock and those that wait have come
/// to it. `work` is done then, without the lock.
pub fn close(py: Python<'_>, work: impl FnOnce() + Send) {
    py.detach(|| {
        IS_CLOSED.store(true, Ordering::SeqCst);
        while PASSING.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let began = Instant::now();
        while OUTSIDE.load(Ordering::SeqCst) > 0 && began.elapsed() < COMING {
            std::thread::sleep(Duration::from_millis(1));
        }
        work();
    });
}

/// Whether it is closed; whoever waits for long looks now and then.
pub fn is_closed() -> bool {
    IS_CLOSED.load(Ordering::SeqCst)
}

/// In a child: threads of the parent are not here.
pub fn forget_others() {
    PASSING.store(0, Ordering::SeqCst);
    OUTSIDE.store(0, Ordering::SeqCst);
}
