//! What an event loop waits for: answers are put into a queue by the runtime, and a byte in a pipe wakes the loop. The threads of
//! the runtime touch neither the loop nor the interpreter.

use std::collections::HashMap;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;
use tokio::task::AbortHandle;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::gate;
use crate::pending::{Left, Pending};
use crate::runtime::{self, Ours};

/// The answers for one event loop.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Completions {
    shared: Ours<Arc<Shared>>,
    reader: PipeReader,
    next: AtomicU64,
}

struct Shared {
    state: Mutex<State>,
    writer: PipeWriter,
    is_signalled: AtomicBool,
}

#[derive(Default)]
struct State {
    done: Vec<(u64, Result<Answer, Failure>)>,
    running: HashMap<u64, (Option<AbortHandle>, Left)>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, ticket: u64, answer: Result<Answer, Failure>) {
        let mut state = self.lock();
        // Nobody waits for it any more when it is not there; the answer is dropped here.
        if state.running.remove(&ticket).is_none() {
            return;
        }
        state.done.push((ticket, answer));
        drop(state);
        if !self.is_signalled.swap(true, Ordering::AcqRel) {
            // One byte at a time fits into every pipe; without a reader there is no loop any more.
            let _gone = (&self.writer).write(&[1]);
        }
    }
}

#[pymethods]
impl Completions {
    /// An empty queue.
    #[new]
    fn new() -> PyResult<Self> {
        let (reader, writer) = std::io::pipe()?;
        let shared =
            Arc::new(Shared { state: Mutex::default(), writer, is_signalled: AtomicBool::new(false) });
        Ok(Self { shared: Ours::new(shared), reader, next: AtomicU64::new(1) })
    }

    /// What the loop shall watch: it can be read when an answer is there.
    #[cfg(unix)]
    fn fileno(&self) -> i32 {
        std::os::fd::AsRawFd::as_raw_fd(&self.reader)
    }

    /// Begins something; gives the ticket of its answer.
    fn start(&self, pending: &Pending) -> PyResult<u64> {
        let shared = self.shared.get()?.clone();
        let runtime = runtime::current()?;
        let (job, left) = pending.take()?;
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        shared.lock().running.insert(ticket, (None, left));
        let queue = shared.clone();
        let work = async move {
            let answer = job.await;
            queue.finish(ticket, answer);
        };
        let abort = match left {
            Left::Dropped => runtime.handle().spawn(work).abort_handle(),
            Left::Finished => runtime.tails.spawn_on(work, runtime.handle()).abort_handle(),
        };
        if let Some(running) = shared.lock().running.get_mut(&ticket) {
            running.0 = Some(abort);
        }
        Ok(ticket)
    }

    /// Nobody waits for it any more.
    fn cancel(&self, ticket: u64) -> PyResult<()> {
        let mut state = self.shared.get()?.lock();
        let running = state.running.remove(&ticket);
        let done = state.done.iter().position(|(known, _)| *known == ticket).map(|at| state.done.remove(at));
        drop(state);
        let _context = runtime::existing().map(|owned| owned.handle().enter());
        drop(done);
        if let Some((Some(abort), Left::Dropped)) = running {
            abort.abort();
        }
        Ok(())
    }

    /// The answers that are there: tickets, whether each went well, and what it gave (or the exception).
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        let shared = self.shared.get()?;
        if shared.is_signalled.load(Ordering::Acquire) {
            let mut byte = [0];
            // The byte was written before, or is about to be.
            let _read = (&self.reader).read(&mut byte)?;
            shared.is_signalled.store(false, Ordering::Release);
        }
        let done = std::mem::take(&mut shared.lock().done);
        let list = PyList::empty(py);
        for (ticket, answer) in done {
            let (is_good, value) = match answer.map(|answer| answer.into_object(py)) {
                Ok(Ok(object)) => (true, object),
                Ok(Err(error)) => (false, error.into_value(py).into_any()),
                Err(failure) => (false, failure.into_exception(py).into_value(py).into_any()),
            };
            list.append((ticket, is_good, value))?;
        }
        Ok(list.unbind())
    }

    /// Waits until an answer is there, for loops that cannot watch a pipe.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        let shared = self.shared.get()?.clone();
        gate::detach(py, || {
            while !shared.is_signalled.load(Ordering::Acquire) && !gate::is_closed() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        Ok(())
    }
}
