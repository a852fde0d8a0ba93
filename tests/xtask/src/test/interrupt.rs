//! Ctrl-C, and the signal that asks a program to end: what was started is ended as well, whole process groups of it.

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The process group that runs now.
static RUNNING: Mutex<Option<u32>> = Mutex::new(None);

/// Which group to end when a signal comes; `None` when nothing runs.
pub fn remember(group: Option<u32>) {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = group;
}

/// From now on a signal ends what runs, then this program, with exit code 130.
pub fn listen() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot listen for signals: {error}"))?;
    std::thread::spawn(move || {
        runtime.block_on(signal());
        if let Some(group) = *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) {
            end(group);
        }
        eprintln!("interrupted");
        std::process::exit(130);
    });
    Ok(())
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Asks a process group to end, and makes it end when it does not.
pub fn end(group: u32) {
    let group = format!("-{group}");
    for (signal, wait) in [("-TERM", Duration::from_secs(3)), ("-KILL", Duration::ZERO)] {
        // It fails when nobody is left: then all is well.
        if !Command::new("kill")
            .args([signal, "--", &group])
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
        {
            return;
        }
        std::thread::sleep(wait);
    }
}
