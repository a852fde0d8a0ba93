//! The one runtime of the process, which all threads of JavaScript share. It lives until the process ends.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// More threads than this do not read faster from one server.
const THREADS: usize = 4;

static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// The runtime, made when it is asked for first.
///
/// # Errors
/// When the system gives no threads.
pub fn handle() -> napi::Result<Handle> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(runtime.handle().clone());
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let made = Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("opencode-nexus")
        .enable_all()
        .build()
        .map_err(|error| napi::Error::from_reason(format!("no threads for OpenCode Nexus: {error}")))?;
    Ok(runtime.insert(made).handle().clone())
}
