//! What comes out of a wait, before it is made an object of Python: the threads of the runtime make these.

use opencode_nexus::Called;
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::conversation::Conversation;
use crate::events::Batch;
use crate::history::History;
use crate::nexus::Nexus;
use crate::turn::Turn;

/// What was waited for.
pub enum Answer {
    /// `None`.
    Nothing,
    /// A `bool`.
    Flag(bool),
    /// A `str`.
    Text(String),
    /// A JSON text, as `str`.
    Json(String),
    /// A connection.
    Nexus(Box<Nexus>),
    /// A conversation.
    Conversation(Box<Conversation>),
    /// A history.
    History(Box<History>),
    /// A turn.
    Turn(Box<Turn>),
    /// The answer of an operation: a pair of whether it is JSON, and it.
    Called(Called),
    /// Raw events; see [`Batch`].
    Events(Batch),
}

impl Answer {
    /// As an object of Python.
    pub fn into_object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Nothing => Ok(py.None()),
            Self::Flag(flag) => flag.into_py_any(py),
            Self::Text(text) | Self::Json(text) => Ok(PyString::new(py, &text).into_any().unbind()),
            Self::Nexus(nexus) => nexus.into_py_any(py),
            Self::Conversation(conversation) => conversation.into_py_any(py),
            Self::History(history) => history.into_py_any(py),
            Self::Turn(turn) => turn.into_py_any(py),
            Self::Called(called) => match called {
                Called::Json(json) => (true, String::from_utf8_lossy(&json)).into_py_any(py),
                Called::Text(text) => (false, text).into_py_any(py),
                Called::Bytes(bytes) => (false, PyBytes::new(py, &bytes)).into_py_any(py),
                Called::Empty => (false, py.None()).into_py_any(py),
            },
            Self::Events(batch) => batch.into_object(py),
        }
    }
}
