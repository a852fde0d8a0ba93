//! The native half of the Python package `opencode_nexus`: conversion between Python and the SDK, and nothing else.
//!
//! Every method that waits gives a `pending::Pending`: the synchronous classes of the package wait for it without the
//! interpreter's lock, the asynchronous ones hand it to the event loop by `completions`. The threads of the runtime never touch the
//! interpreter, so it can fork, stop and be interrupted at any moment: `runtime` and `gate` say how. `nexus`, `conversation`,
//! `turn`, `events`, `history` and `accounts` hold what their names say, `answer` and `failure` what comes out of a wait, `providers` brings
//! context that is written in Python, and `logs` what the core says about itself.
#![deny(missing_docs)]

mod accounts;
mod answer;
mod completions;
mod conversation;
mod driver;
mod events;
mod failure;
mod gate;
mod history;
mod json;
mod logs;
mod nexus;
mod pending;
mod providers;
mod runtime;
mod shutdown;
mod turn;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The module `opencode_nexus._native`.
#[pymodule]
#[pyo3(name = "_native")]
fn native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // SAFETY: a thread that initialises a module holds the lock of its interpreter.
    let interpreter = unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) };
    if interpreter != 0 {
        // Types and exceptions are made once for the process; another interpreter must not see them.
        return Err(PyImportError::new_err(
            "opencode_nexus works in the main interpreter and in no subinterpreter; use a thread or a process",
        ));
    }
    runtime::watch_forks();
    logs::install();
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<pending::Pending>()?;
    module.add_class::<completions::Completions>()?;
    module.add_class::<nexus::Nexus>()?;
    module.add_class::<conversation::Conversation>()?;
    module.add_class::<conversation::Feed>()?;
    module.add_class::<turn::Turn>()?;
    module.add_class::<events::Events>()?;
    module.add_class::<events::Event>()?;
    module.add_class::<history::History>()?;
    module.add_class::<providers::Providers>()?;
    module.add_function(wrap_pyfunction!(shutdown::shutdown, module)?)?;
    module.add_function(wrap_pyfunction!(logs::log_level, module)?)?;
    module.add_function(wrap_pyfunction!(logs::take_logs, module)?)?;
    module.add_function(wrap_pyfunction!(accounts::create_account, module)?)?;
    module.add_function(wrap_pyfunction!(accounts::list_accounts, module)?)?;
    module.add_function(wrap_pyfunction!(accounts::open_history, module)?)?;
    Ok(())
}
