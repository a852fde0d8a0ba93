//! Context that is written in Python. The core asks by a queue; a thread of Python takes the calls and answers them, so that the
//! threads of the runtime need not wait for the interpreter.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use opencode_nexus::context::{
    ContextItem, ContextProvider, ItemKind, ProviderInfo, Scope, Suggestion, Trust,
};
use opencode_nexus::extension::{Extensions, Provided};
use opencode_nexus::{Error, ErrorKind};
use pyo3::prelude::*;
use serde::Deserialize;

use tokio::sync::{mpsc, oneshot};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::pending::Pending;
use crate::runtime::Ours;

/// The providers of one connection.
#[pyclass(frozen, module = "opencode_nexus._native", from_py_object)]
#[derive(Clone)]
pub struct Providers {
    held: Arc<Ours<Held>>,
}

struct Held {
    extensions: Extensions,
    calls: Arc<Calls>,
    /// Taken by the one who waits for calls.
    waiting: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>>,
}

/// What is asked and not answered yet. Each call has a bound of the core's own, so there are never many.
struct Calls {
    asked: Mutex<Option<mpsc::UnboundedSender<String>>>,
    open: Mutex<HashMap<u64, oneshot::Sender<Result<String, String>>>>,
    next: AtomicU64,
}

struct Provider {
    info: ProviderInfo,
    calls: Arc<Calls>,
}

/// One piece of context, as Python gives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    title: Option<String>,
    text: String,
    #[serde(default)]
    language: String,
    /// Whether anybody may have written it.
    #[serde(default = "yes")]
    foreign: bool,
    #[serde(default = "half")]
    weight: f64,
}

fn yes() -> bool {
    true
}

fn half() -> f64 {
    0.5
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a call back when nobody waits for its answer any more.
struct Asking<'a>(&'a Calls, u64);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(&self.0.open).remove(&self.1);
    }
}

impl Calls {
    async fn ask(
        &self,
        provider: &str,
        what: &str,
        argument: Option<&str>,
    ) -> opencode_nexus::Result<String> {
        let (answer, answered) = oneshot::channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.open).insert(number, answer);
        let _asking = Asking(self, number);
        let call =
            serde_json::json!({"number": number, "provider": provider, "what": what, "argument": argument});
        let sent = lock(&self.asked).as_ref().is_some_and(|asked| asked.send(call.to_string()).is_ok());
        let gone = || Error::new(ErrorKind::Aborted, format!("nobody answers for @{provider} any more"));
        if !sent {
            return Err(gone());
        }
        match answered.await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(why)) => Err(Error::new(ErrorKind::Plugin, why)),
            Err(_) => Err(gone()),
        }
    }
}

#[async_trait]
impl ContextProvider for Provider {
    fn info(&self) -> ProviderInfo {
        self.info.clone()
    }

    async fn suggest(
        &self,
        _: &Scope<'_>,
        typed: &str,
        limit: usize,
    ) -> opencode_nexus::Result<Vec<Suggestion>> {
        let answer = self.calls.ask(&self.info.name, "suggest", Some(typed)).await?;
        let labels: Vec<String> = serde_json::from_str(&answer).unwrap_or_default();
        let name = &self.info.name;
        let shown = labels.into_iter().take(limit).filter_map(|label| {
            let mention = opencode_nexus::context::Mention::written(Some(name), &label)?;
            Some(Suggestion { label, detail: None, mention })
        });
        Ok(shown.collect())
    }

    async fn provide(
        &self,
        _: &Scope<'_>,
        argument: Option<&str>,
    ) -> opencode_nexus::Result<Vec<ContextItem>> {
        let name = &self.info.name;
        let answer = self.calls.ask(name, "provide", argument).await?;
        let items: Vec<Item> = serde_json::from_str(&answer).map_err(|error| {
            Error::new(ErrorKind::Plugin, format!("@{name} gave something else than context: {error}"))
        })?;
        let usual = match argument {
            Some(argument) => format!("{name}:{argument}"),
            None => name.clone(),
        };
        let made = items.into_iter().map(|item| ContextItem {
            title: item.title.unwrap_or_else(|| usual.clone()),
            kind: ItemKind::Text { text: item.text, language: item.language },
            provider: name.clone(),
            trust: if item.foreign { Trust::Foreign } else { Trust::Project },
            weight: item.weight,
        });
        Ok(made.collect())
    }
}

impl Providers {
    /// What a client is given.
    pub fn extensions(&self) -> PyResult<Extensions> {
        Ok(self.held.get()?.extensions.clone())
    }
}

#[pymethods]
impl Providers {
    /// None yet.
    #[new]
    fn new() -> Self {
        let (asked, waiting) = mpsc::unbounded_channel();
        let calls = Calls { asked: Mutex::new(Some(asked)), open: Mutex::default(), next: AtomicU64::new(1) };
        let held = Held {
            extensions: Extensions::default(),
            calls: Arc::new(calls),
            waiting: Arc::new(tokio::sync::Mutex::new(waiting)),
        };
        Self { held: Arc::new(Ours::new(held)) }
    }

    /// Adds one, or puts it in the place of one of that name.
    fn provide(
        &self,
        name: String,
        summary: String,
        argument: Option<String>,
        needs_argument: bool,
    ) -> PyResult<()> {
        let held = self.held.get()?;
        let info = ProviderInfo { name: name.clone(), summary, argument, needs_argument };
        let provider = Provider { info, calls: held.calls.clone() };
        let provided = Provided { context: vec![Arc::new(provider)], ..Provided::default() };
        held.extensions.provide(&name, provided);
        Ok(())
    }

    /// Takes one away.
    fn withdraw(&self, name: &str) -> PyResult<()> {
        self.held.get()?.extensions.withdraw(name);
        Ok(())
    }

    /// Waits for a call, as JSON; `None` when there will be none any more.
    fn next_call(&self) -> PyResult<Pending> {
        let waiting = self.held.get()?.waiting.clone();
        Ok(Pending::new(async move {
            Ok(match waiting.lock().await.recv().await {
                Some(call) => Answer::Text(call),
                None => Answer::Nothing,
            })
        }))
    }

    /// Answers a call with JSON.
    fn answer(&self, py: Python<'_>, number: u64, answer: String) -> PyResult<()> {
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&answer) {
            return Err(Failure::Value(format!("answer: {error}")).into_exception(py));
        }
        self.settle(number, Ok(answer))
    }

    /// Says why a call cannot be answered.
    fn refuse(&self, number: u64, why: String) -> PyResult<()> {
        self.settle(number, Err(why))
    }

    /// Nobody answers any more.
    fn close(&self) -> PyResult<()> {
        let held = self.held.get()?;
        lock(&held.calls.asked).take();
        lock(&held.calls.open).clear();
        Ok(())
    }
}

impl Providers {
    fn settle(&self, number: u64, answer: Result<String, String>) -> PyResult<()> {
        let waiting = lock(&self.held.get()?.calls.open).remove(&number);
        if let Some(waiting) = waiting {
            // Whoever asked may have gone meanwhile.
            let _gone = waiting.send(answer);
        }
        Ok(())
    }
}
