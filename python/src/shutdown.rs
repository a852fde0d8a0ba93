//! The end of the interpreter: what runs is stopped, servers of ours are ended, and no thread comes back.

use std::time::Duration;

use pyo3::prelude::*;

use crate::{gate, logs, nexus, runtime, turn};

/// What is stopped has so long to say good-bye.
const STOPPING: Duration = Duration::from_secs(5);

/// A server has so long to end; the guardian ends it otherwise.
const CLOSING: Duration = Duration::from_secs(10);

/// Called by `atexit`, when threads of the program have ended and the interpreter still runs.
#[pyfunction]
pub fn shutdown(py: Python<'_>) {
    logs::close();
    gate::close(py, || {
        let Some(runtime) = runtime::existing() else { return };
        let _over = runtime.block_on(async {
            let _late = tokio::time::timeout(STOPPING, async {
                turn::stop_all().await;
                runtime.tails.close();
                runtime.tails.wait().await;
            })
            .await;
            let _late = tokio::time::timeout(CLOSING, nexus::close_all(runtime)).await;
        });
        runtime.end(Duration::from_secs(1));
    });
}
