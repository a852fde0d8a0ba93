//! The one thread that writes: takes batches from a bounded queue and commits several in one transaction.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection::{Explain, run};
use super::types::{Batch, Durability, Written};
use super::work::{Work, roll_back};
use super::{Indexer, Opened};
use crate::error::{Error, ErrorKind, Result};

/// So many batches may wait.
const MOST_BATCHES: usize = 1024;
/// So many bytes of them.
const MOST_BYTES: usize = 64 << 20;
/// So many batches share one transaction at most, and so many bytes.
const TOGETHER: usize = 256;
const TOGETHER_BYTES: usize = 8 << 20;
/// So long a checkpoint that clears the log may wait for readers.
const TRUNCATE_BOUND: Duration = Duration::from_millis(50);

/// What is called with the result.
type Then = Box<dyn FnOnce(Result<Written>) + Send>;
/// What runs on the thread between batches.
type Task = Box<dyn FnOnce(&mut Context) + Send>;

struct Pending {
    batch: Batch,
    durability: Durability,
    weight: usize,
    then: Then,
}

enum Job {
    Batch(Pending),
    Task(Task),
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    batches: usize,
    bytes: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    emptied: Condvar,
}

/// The handle of the thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    id: std::thread::ThreadId,
    bound: Duration,
}

/// What the thread works with.
pub(super) struct Context {
    pub connection: Connection,
    pub opened: Arc<Opened>,
    pub indexer: Arc<dyn Indexer>,
    bound: Duration,
    synchronous: Option<Durability>,
    /// Something was removed, and may still be in the write-ahead log.
    truncate: bool,
}

impl Context {
    pub(super) fn new(
        connection: Connection,
        opened: Arc<Opened>,
        indexer: Arc<dyn Indexer>,
        bound: Duration,
    ) -> Self {
        Self { connection, opened, indexer, bound, synchronous: None, truncate: false }
    }

    /// Runs `work` in a transaction of its own.
    pub(super) fn transact<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&mut Work<'_>) -> Result<T>,
    ) -> Result<T> {
        self.be_as_sure_as(durability)?;
        let opened = Arc::clone(&self.opened);
        let indexer = Arc::clone(&self.indexer);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut open = Work::begin(&self.connection, &opened.secrets, indexer.as_ref())?;
            let result = work(&mut open)?;
            let removed = open.removed;
            open.commit()?;
            Ok((result, removed))
        }));
        let result = result.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "writing has panicked")));
        match result {
            Ok((result, removed)) => {
                self.truncate |= removed;
                Ok(result)
            }
            Err(error) => {
                roll_back(&self.connection);
                Err(error)
            }
        }
    }

    /// `synchronous` can only be changed between transactions.
    fn be_as_sure_as(&mut self, durability: Durability) -> Result<()> {
        if self.synchronous != Some(durability) {
            run(
                &self.connection,
                match durability {
                    Durability::Process => "PRAGMA synchronous = NORMAL",
                    Durability::Power => "PRAGMA synchronous = FULL",
                },
            )?;
            self.synchronous = Some(durability);
        }
        Ok(())
    }

    /// Writes batches in one transaction, or, if that fails, each in its own: one that cannot be written must not take
    /// others with it.
    fn write(&mut self, batches: &[(&Batch, Durability)]) -> Vec<Result<Written>> {
        let surest = if batches.iter().any(|(_, durability)| *durability == Durability::Power) {
            Durability::Power
        } else {
            Durability::Process
        };
        let together = self.transact(surest, |work| {
            batches
                .iter()
                .map(|(batch, _)| match work.precheck(batch) {
                    Ok(()) => Ok(Ok(Written { changed: work.apply(batch)? })),
                    Err(error) => Ok(Err(error)),
                })
                .collect::<Result<Vec<_>>>()
        });
        match together {
            Ok(results) => results,
            Err(error) if batches.len() == 1 => vec![Err(error)],
            Err(error) if error.kind() == ErrorKind::Busy => {
                batches.iter().map(|_| Err(again(&error))).collect()
            }
            Err(_) => batches.iter().flat_map(|one| self.write(std::slice::from_ref(one))).collect(),
        }
    }

    /// The same as after batches: what is said to be removed is gone then.
    pub(super) fn clear_log_if_needed(&mut self) {
        if self.truncate {
            self.clear_log();
        }
    }

    /// Clears the write-ahead log, so that what was removed is not in it any more. As far as readers let it.
    fn clear_log(&mut self) {
        let cleared = self.connection.busy_timeout(TRUNCATE_BOUND).and_then(|()| {
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        });
        self.truncate = !matches!(cleared, Ok(0));
        if let Err(error) = self.connection.busy_timeout(self.bound).explain(&self.connection) {
            tracing::warn!(%error, "the bound for waiting could not be set again");
        }
    }
}

/// The same error once more, for another caller.
fn again(error: &Error) -> Error {
    let new = Error::new(error.kind(), error.message());
    match error.hint() {
        Some(hint) => new.with_hint(hint),
        None => new,
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(context: Context) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let bound = context.bound;
        let thread = std::thread::Builder::new().name("vault-writer".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.work(context)
        })?;
        let id = thread.thread().id();
        Ok(Self { shared, thread: Mutex::new(Some(thread)), id, bound })
    }

    /// Queues a batch.
    pub(super) fn submit(&self, batch: Batch, durability: Durability, then: Then) -> Result<()> {
        let pending = Pending { weight: batch.weight(), batch, durability, then };
        let mut queue = self.shared.queue();
        if queue.closed {
            return Err(locked());
        }
        if !queue.has_room(pending.weight) {
            return Err(Error::new(ErrorKind::Busy, "too much waits to be written")
                .with_hint("try again in a moment"));
        }
        queue.push(pending);
        self.shared.filled.notify_one();
        Ok(())
    }

    /// Queues a batch as soon as there is room, and waits for its result.
    pub(super) fn write(&self, batch: Batch, durability: Durability) -> Result<Written> {
        self.not_from_within()?;
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        let then: Then = Box::new(move |result| {
            // Whoever waited is gone: nobody wants the result.
            let _ = send.send(result);
        });
        let pending = Pending { weight: batch.weight(), batch, durability, then };
        let until = Instant::now() + self.bound;
        let mut queue = self.shared.queue();
        while !queue.closed && !queue.has_room(pending.weight) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(
                    Error::new(ErrorKind::Busy, "too much waits to be written").with_hint("try again")
                );
            }
            queue = self.shared.emptied.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if queue.closed {
            return Err(locked());
        }
        queue.push(pending);
        drop(queue);
        self.shared.filled.notify_one();
        receive.recv().unwrap_or_else(|_| Err(locked()))
    }

    /// Runs something on the thread, behind what is queued, and waits for it.
    pub(super) fn task<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Context) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.not_from_within()?;
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        let task: Task = Box::new(move |context| {
            let _ = send.send(task(context));
        });
        let mut queue = self.shared.queue();
        if queue.closed {
            return Err(locked());
        }
        queue.jobs.push_back(Job::Task(task));
        drop(queue);
        self.shared.filled.notify_one();
        receive.recv().unwrap_or_else(|_| Err(locked()))
    }

    /// Writes what is queued and ends the thread. From within the thread it is only told to end.
    pub(super) fn close(&self) {
        self.shared.queue().closed = true;
        self.shared.filled.notify_all();
        self.shared.emptied.notify_all();
        if std::thread::current().id() == self.id {
            return;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer of a vault has panicked");
        }
    }

    /// The thread cannot wait for itself.
    fn not_from_within(&self) -> Result<()> {
        if std::thread::current().id() == self.id {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a writer's callback cannot wait for the writer",
            ));
        }
        Ok(())
    }
}

pub(super) fn locked() -> Error {
    Error::new(ErrorKind::Locked, "the vault is locked").with_hint("unlock it")
}

impl Queue {
    /// One batch always has room, however large.
    fn has_room(&self, weight: usize) -> bool {
        self.batches == 0 || (self.batches < MOST_BATCHES && self.bytes + weight <= MOST_BYTES)
    }

    fn push(&mut self, pending: Pending) {
        self.batches += 1;
        self.bytes += pending.weight;
        self.jobs.push_back(Job::Batch(pending));
    }

    /// The batches at the front that share the next transaction; none when a task is next.
    fn take_together(&mut self) -> Vec<Pending> {
        let mut taken: Vec<Pending> = Vec::new();
        let mut bytes = 0;
        while taken.len() < TOGETHER
            && let Some(Job::Batch(next)) = self.jobs.front()
            && (taken.is_empty() || bytes + next.weight <= TOGETHER_BYTES)
        {
            let Some(Job::Batch(next)) = self.jobs.pop_front() else { break };
            bytes += next.weight;
            taken.push(next);
        }
        self.batches -= taken.len();
        self.bytes -= bytes;
        taken
    }
}

enum Next {
    Batches(Vec<Pending>),
    Task(Task),
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do next; nothing when the store was closed and all is done.
    fn next(&self) -> Option<Next> {
        let mut queue = self.queue();
        loop {
            let batches = queue.take_together();
            if !batches.is_empty() {
                self.emptied.notify_all();
                return Some(Next::Batches(batches));
            }
            if let Some(Job::Task(task)) = queue.jobs.pop_front() {
                return Some(Next::Task(task));
            }
            if queue.closed {
                return None;
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_idle(&self) -> bool {
        self.queue().jobs.is_empty()
    }

    fn work(&self, mut context: Context) {
        while let Some(next) = self.next() {
            match next {
                Next::Task(task) => quietly(|| task(&mut context)),
                Next::Batches(pending) => self.write(&mut context, pending),
            }
        }
        if context.truncate {
            context.clear_log();
        }
    }

    fn write(&self, context: &mut Context, pending: Vec<Pending>) {
        let batches: Vec<_> = pending.iter().map(|pending| (&pending.batch, pending.durability)).collect();
        let results = context.write(&batches);
        // Before anybody hears of it: what is said to be removed is gone then. While more waits, a little later.
        if context.truncate && self.is_idle() {
            context.clear_log();
        }
        for (pending, result) in pending.into_iter().zip(results) {
            quietly(|| (pending.then)(result));
        }
    }
}

/// Calls what others wrote: their panic is not the end of this thread.
fn quietly(call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        tracing::error!("what was to be called after a write has panicked");
    }
}
