//! The native half of the Python package `opencode_nexus`: conversion between Python and the SDK, and nothing else.
#![deny(missing_docs)]

use pyo3::prelude::*;

/// The module `opencode_nexus._native`.
#[pymodule]
#[pyo3(name = "_native")]
fn native(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
