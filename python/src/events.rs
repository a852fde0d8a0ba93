//! The events of a server in its own words. They cross the border by batches; each is decoded when somebody looks into it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use opencode_nexus::dialect::Line;
use opencode_nexus::stream::{RawBatch, RawEvents, RawItem};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyString};
use tokio::sync::Mutex as AsyncMutex;

use crate::answer::Answer;
use crate::pending::Pending;
use crate::runtime::Ours;

/// More types than any server has; a server that makes them up costs no more memory than this.
const KINDS: usize = 1024;

/// A stream of raw events.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Events {
    reading: Ours<Arc<AsyncMutex<Reading>>>,
    kinds: Arc<Kinds>,
}

/// What an operation takes, by its names.
pub type Arguments = serde_json::Map<String, serde_json::Value>;

/// A stream that is named by its operation.
pub struct Named {
    pub line: Line,
    pub id: String,
    pub arguments: Arguments,
}

struct Reading {
    nexus: Arc<opencode_nexus::Nexus>,
    directory: Option<PathBuf>,
    /// Where it is not the stream of everything that happens in the folder; taken when it is opened.
    named: Option<Named>,
    stream: Option<RawEvents>,
}

/// The types that were met, each made an object of Python once.
#[derive(Default)]
pub struct Kinds(Mutex<HashMap<Box<[u8]>, Py<PyString>>>);

/// Events on their way to Python.
pub struct Batch {
    events: RawBatch,
    kinds: Arc<Kinds>,
}

impl Kinds {
    fn get(&self, py: Python<'_>, kind: &[u8]) -> Py<PyString> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(object) = known.get(kind) {
            return object.clone_ref(py);
        }
        // A type is a plain word; a quote or backslash in it would be escaped, and stays so.
        let object = PyString::intern(py, &String::from_utf8_lossy(kind)).unbind();
        if known.len() < KINDS {
            known.insert(kind.into(), object.clone_ref(py));
        }
        object
    }
}

impl Events {
    /// The events of a folder, or those of an operation, from the first `next` on.
    pub fn new(nexus: Arc<opencode_nexus::Nexus>, directory: Option<PathBuf>, named: Option<Named>) -> Self {
        let reading = Reading { nexus, directory, named, stream: None };
        Self { reading: Ours::new(Arc::new(AsyncMutex::new(reading))), kinds: Arc::default() }
    }
}

#[pymethods]
impl Events {
    /// Waits for events: a list of them, `None` after the end. An empty list says that the stream stands now; text, that it was
    /// lost and why, and that it is being made again.
    fn next(&self) -> PyResult<Pending> {
        let (reading, kinds) = (self.reading.get()?.clone(), self.kinds.clone());
        Ok(Pending::new(async move {
            let mut reading = reading.lock().await;
            if reading.stream.is_none() {
                reading.nexus.check_open()?;
                let client = match &reading.directory {
                    Some(directory) => reading.nexus.client_in(directory).await?,
                    None => reading.nexus.client().clone(),
                };
                reading.stream = Some(match reading.named.take() {
                    None => client.raw_events(),
                    Some(named) => client.stream_by_id(named.line, &named.id, named.arguments)?,
                });
            }
            let Some(stream) = &mut reading.stream else { return Ok(Answer::Nothing) };
            match stream.next().await {
                None => Ok(Answer::Nothing),
                Some(Ok(RawItem::Events(events))) => Ok(Answer::Events(Batch { events, kinds })),
                Some(Ok(RawItem::Opened)) => Ok(Answer::Events(Batch { events: RawBatch::default(), kinds })),
                Some(Ok(RawItem::Closed(error))) => Ok(Answer::Text(error.to_string())),
                Some(Err(error)) => Err(error.into()),
            }
        }))
    }
}

impl Batch {
    /// A list of [`Event`]s.
    pub fn into_object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let list = PyList::empty(py);
        for place in &self.events.events {
            let (text, kind) = self.events.get(place);
            let event = Event { kind: self.kinds.get(py, kind), text: text.into(), data: PyOnceLock::new() };
            list.append(Py::new(py, event)?)?;
        }
        Ok(list.into_any().unbind())
    }
}

/// One event of a server, as it was sent.
#[pyclass(frozen, module = "opencode_nexus._native")]
pub struct Event {
    kind: Py<PyString>,
    text: Box<[u8]>,
    data: PyOnceLock<Py<PyAny>>,
}

#[pymethods]
impl Event {
    /// An event of a JSON text, for tests of what handles them.
    #[new]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        let event = Self {
            kind: PyString::new(py, "").unbind(),
            text: text.as_bytes().into(),
            data: PyOnceLock::new(),
        };
        let kind = event.data(py)?.bind(py).get_item("type")?.cast_into::<PyString>()?.unbind();
        Ok(Self { kind, ..event })
    }

    /// Its type, for example `message.part.updated`.
    #[getter]
    fn r#type(&self, py: Python<'_>) -> Py<PyString> {
        self.kind.clone_ref(py)
    }

    /// The text as the server sent it.
    #[getter]
    fn json(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// All of it, decoded when it is first looked at.
    #[getter]
    fn data(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let data = self.data.get_or_try_init(py, || {
            let loads =
                LOADS.get_or_try_init(py, || py.import("json")?.getattr("loads").map(Bound::unbind))?;
            loads.call1(py, (self.json(),))
        })?;
        Ok(data.clone_ref(py))
    }

    /// What it says: `properties` of OpenCode 1.x, `data` of OpenCode 2.
    #[getter]
    fn properties(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let data = self.data(py)?;
        for name in ["properties", "data"] {
            if let Ok(found) = data.bind(py).get_item(name) {
                return Ok(found.unbind());
            }
        }
        Ok(pyo3::types::PyDict::new(py).into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let short: String = text.chars().take(120).collect();
        let more = if short.len() < text.len() { "…" } else { "" };
        format!("<Event {}: {short}{more}>", self.kind.bind(py))
    }
}
