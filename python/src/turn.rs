//! A running turn: its events by batches, as JSON, and the ways to end it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};

use opencode_nexus::chat::{ChatEvent, TurnHandle};
use opencode_nexus::stream::Batches;
use pyo3::prelude::*;
use tokio::sync::Mutex as AsyncMutex;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::pending::Pending;
use crate::runtime::{self, Ours};
use crate::{gate, json};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A running turn.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Turn {
    inner: Ours<Arc<Inner>>,
    message_id: String,
}

/// What a turn of Python holds.
pub struct Inner {
    number: u64,
    reading: Arc<AsyncMutex<Reading>>,
    handle: TurnHandle,
    /// It has ended, or may go on alone: nothing is to be stopped.
    is_over: AtomicBool,
}

struct Reading {
    batches: Option<Batches<opencode_nexus::chat::Turn>>,
    /// What ends the stream, once what came before was handed on.
    failure: Option<opencode_nexus::Error>,
}

impl Turn {
    /// A turn that was begun.
    pub fn new(turn: opencode_nexus::chat::Turn) -> Self {
        let (handle, message_id) = (turn.handle(), turn.message_id().to_string());
        let reading = Reading { batches: Some(Batches::new(turn)), failure: None };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let inner = Arc::new(Inner {
            number,
            reading: Arc::new(AsyncMutex::new(reading)),
            handle,
            is_over: AtomicBool::new(false),
        });
        with_running(|turns| turns.insert(number, Arc::downgrade(&inner)));
        Self { inner: Ours::new(inner), message_id }
    }
}

fn with_running<R>(change: impl FnOnce(&mut HashMap<u64, Weak<Inner>>) -> R) -> Option<R> {
    let runtime = runtime::existing()?;
    Some(change(&mut runtime.turns.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Stops every turn that runs, all at the same time.
pub async fn stop_all() {
    let all = with_running(|turns| turns.values().filter_map(Weak::upgrade).collect::<Vec<_>>());
    let all = all.unwrap_or_default();
    let stopping = all.iter().filter(|turn| !turn.is_over.swap(true, Ordering::AcqRel));
    futures_util::future::join_all(stopping.map(|turn| turn.handle.stop())).await;
}

impl Reading {
    async fn next(&mut self, most: usize) -> Result<Option<Vec<ChatEvent>>, opencode_nexus::Error> {
        if let Some(error) = self.failure.take() {
            self.batches = None;
            return Err(error);
        }
        let Some(batches) = &mut self.batches else { return Ok(None) };
        let Some(batch) = batches.next(most).await else {
            self.batches = None;
            return Ok(None);
        };
        let mut events = Vec::with_capacity(batch.len());
        for item in batch {
            match item {
                Ok(event) => events.push(event),
                Err(error) if events.is_empty() => {
                    self.batches = None;
                    return Err(error);
                }
                Err(error) => self.failure = Some(error),
            }
        }
        Ok(Some(events))
    }
}

#[pymethods]
impl Turn {
    /// The prompt's message.
    #[getter]
    fn message_id(&self) -> &str {
        &self.message_id
    }

    /// What the agent has answered by now.
    fn answer(&self, py: Python<'_>) -> PyResult<String> {
        let handle = &self.inner.get()?.handle;
        Ok(gate::detach(py, || handle.answer()))
    }

    /// Waits for an event and gives it with those that are there already, as a JSON list; `None` after the end.
    fn next(&self, most: usize) -> PyResult<Pending> {
        let inner = Arc::downgrade(self.inner.get()?);
        let reading = self.inner.get()?.reading.clone();
        Ok(Pending::new(async move {
            let batch = reading.lock().await.next(most).await;
            let over = |is_over: bool| {
                if let Some(inner) = inner.upgrade().filter(|_| is_over) {
                    inner.is_over.store(true, Ordering::Release);
                }
            };
            match batch {
                Ok(Some(events)) => json::answer(&events),
                Ok(None) => {
                    over(true);
                    Ok(Answer::Nothing)
                }
                Err(error) => {
                    over(true);
                    Err(Failure::Core(error))
                }
            }
        }))
    }

    /// Asks the server to stop it. Its last events still come.
    fn abort(&self) -> PyResult<Pending> {
        let handle = self.inner.get()?.handle.clone();
        Ok(Pending::new(async move {
            handle.stop().await?;
            Ok(Answer::Nothing)
        }))
    }

    /// Lets it go on without being watched.
    fn detach(&self) -> PyResult<()> {
        let inner = self.inner.get()?;
        inner.is_over.store(true, Ordering::Release);
        let reading = inner.reading.clone();
        runtime::current()?.tail(async move {
            if let Some(batches) = reading.lock().await.batches.take() {
                batches.into_inner().detach();
            }
        });
        Ok(())
    }

    /// Stops it without waiting: nobody wants to know how it ends.
    fn leave(&self) -> PyResult<()> {
        self.inner.get()?.leave();
        Ok(())
    }
}

impl Inner {
    fn leave(&self) {
        if self.is_over.swap(true, Ordering::AcqRel) {
            return;
        }
        let (handle, reading) = (self.handle.clone(), self.reading.clone());
        let Some(runtime) = runtime::existing() else { return };
        runtime.tail(async move {
            let stopped = handle.stop().await;
            if let Err(error) = &stopped {
                tracing::warn!(%error, "a turn that nobody waits for could not be stopped");
            }
            // Whoever reads it at this moment has it until it ends.
            if let Ok(mut reading) = reading.try_lock()
                && let Some(batches) = reading.batches.take()
            {
                batches.into_inner().detach();
            }
        });
    }
}

impl Drop for Inner {
    /// `Ours` drops it in the process that made it only.
    fn drop(&mut self) {
        with_running(|turns| turns.remove(&self.number));
        self.leave();
    }
}
