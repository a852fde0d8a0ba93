//! The one runtime of the process, which all threads of JavaScript share. It lives until the process ends. Its one thread reads from
//! the network, and all else waits for it or blocks elsewhere; a second costs more in waking it than it does.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

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
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("opencode-nexus")
        .enable_all()
        .build()
        .map_err(|error| napi::Error::from_reason(format!("no threads for OpenCode Nexus: {error}")))?;
    Ok(runtime.insert(made).handle().clone())
}
