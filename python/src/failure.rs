//! What can go wrong in a wait, and the exception that it becomes.

use opencode_nexus::{Error, Retry};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyAny;

/// Why something could not be done.
#[derive(Debug)]
pub enum Failure {
    /// The core says so.
    Core(Error),
    /// An argument has a value that it cannot have; the text names it.
    Value(String),
    /// An argument is of a type that it cannot be of.
    Type(String),
    /// It was closed or used up.
    State(&'static str),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl Failure {
    /// The exception.
    pub fn into_exception(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Core(error) => exception(py, &error),
            Self::Value(text) => PyValueError::new_err(text),
            Self::Type(text) => PyTypeError::new_err(text),
            Self::State(text) => PyRuntimeError::new_err(text),
        }
    }
}

/// `opencode_nexus.errors.from_core`, which knows the classes.
fn exception(py: Python<'_>, error: &Error) -> PyErr {
    static FROM_CORE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = FROM_CORE
        .get_or_try_init(py, || py.import("opencode_nexus.errors")?.getattr("from_core").map(Bound::unbind));
    let after = match error.retry() {
        Retry::Never => None,
        Retry::Now => Some(0.0),
        Retry::After(wait) => Some(wait.as_secs_f64()),
    };
    let made = make.and_then(|make| {
        let facts =
            (error.code(), error.message(), error.hint(), error.operation(), after, format!("{error:?}"));
        make.call1(py, facts)
    });
    match made {
        Ok(made) => PyErr::from_value(made.into_bound(py)),
        Err(why) => why,
    }
}
