//! Something that is to be waited for: by the thread that has it, or by an event loop.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::{gate, runtime};

/// What is waited for.
pub type Job = BoxFuture<'static, Result<Answer, Failure>>;

/// So often a wait looks whether the person has pressed Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// What becomes of a job that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It is dropped where it stands.
    Dropped,
    /// It goes on to its end, and its answer is dropped then: something may have been sent already that has to be taken back.
    Finished,
}

/// Something that was begun to be asked for. It begins when it is waited for.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Pending {
    job: Mutex<Option<Job>>,
    left: Left,
    generation: u32,
}

impl Pending {
    /// A job that is dropped when nobody waits for it.
    pub fn new(job: impl Future<Output = Result<Answer, Failure>> + Send + 'static) -> Self {
        Self::with(job, Left::Dropped)
    }

    /// A job that goes on to its end.
    pub fn lasting(job: impl Future<Output = Result<Answer, Failure>> + Send + 'static) -> Self {
        Self::with(job, Left::Finished)
    }

    fn with(job: impl Future<Output = Result<Answer, Failure>> + Send + 'static, left: Left) -> Self {
        Self { job: Mutex::new(Some(Box::pin(job))), left, generation: runtime::generation() }
    }

    /// The job itself, once.
    pub fn take(&self) -> PyResult<(Job, Left)> {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        match job {
            Some(job) if self.generation == runtime::generation() => Ok((job, self.left)),
            Some(job) => {
                std::mem::forget(job);
                Err(PyRuntimeError::new_err("this was begun in the parent process"))
            }
            None => Err(PyRuntimeError::new_err("this was waited for already")),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let job = self.job.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if self.generation == runtime::generation() {
            let _context = runtime::existing().map(|owned| owned.handle().enter());
            drop(job);
        } else {
            std::mem::forget(job);
        }
    }
}

#[pymethods]
impl Pending {
    /// Waits for it. The interpreter's lock is free meanwhile, and signals are heard within 100 ms.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (job, left) = self.take()?;
        wait(py, job, left)
    }
}

/// Waits for a job.
pub fn wait(py: Python<'_>, job: Job, left: Left) -> PyResult<Py<PyAny>> {
    let runtime = runtime::current()?;
    let mut job = job;
    loop {
        let done =
            gate::detach(py, || runtime.block_on(async { tokio::time::timeout(SLICE, &mut job).await }));
        let Ok(done) = done else {
            let _context = runtime.handle().enter();
            drop(job);
            return Err(PyRuntimeError::new_err("the interpreter is shutting down"));
        };
        if let Ok(done) = done {
            let _context = runtime.handle().enter();
            drop(job);
            return match done {
                Ok(answer) => answer.into_object(py),
                Err(failure) => Err(failure.into_exception(py)),
            };
        }
        if let Err(interrupted) = py.check_signals() {
            let _context = runtime.handle().enter();
            leave(runtime, job, left);
            return Err(interrupted);
        }
    }
}

/// Nobody waits for it any more.
fn leave(runtime: &'static runtime::Owned, job: Job, left: Left) {
    match left {
        Left::Dropped => drop(job),
        Left::Finished => runtime.tail(async move { drop(job.await) }),
    }
}
