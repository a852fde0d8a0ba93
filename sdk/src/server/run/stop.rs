//! Ending a server: politely, by force, and when nobody asked.

use std::time::Duration;

use super::guard::Guarded;
use super::start::LocalServer;
use crate::{Error, ErrorKind, Result};

/// The guardian gives SIGTERM 2 s; the rest is for its own work on a busy machine.
const STOP_BOUND: Duration = Duration::from_secs(5);
const KILL_BOUND: Duration = Duration::from_secs(5);

impl LocalServer {
    /// Ends the server: SIGTERM, after 2 s SIGKILL, then SIGKILL for everything that it left running. Returns when
    /// all of it is gone and a fresh home is removed. Dropping this future waits for the same on the dropping thread.
    ///
    /// # Errors
    /// `system.timeout` when something could not be killed within 10 s.
    pub async fn stop(self) -> Result<()> {
        self.guarded.release(false);
        self.gone().await
    }

    /// Ends the server at once, with everything that it has started: for one that does not listen any more. Otherwise as
    /// [`stop`](Self::stop).
    ///
    /// # Errors
    /// `system.timeout` when something could not be killed within 10 s.
    pub async fn kill(self) -> Result<()> {
        self.guarded.release(true);
        self.gone().await
    }

    async fn gone(self) -> Result<()> {
        if tokio::time::timeout(STOP_BOUND, self.guarded.exited()).await.is_err() {
            self.guarded.kill();
        }
        let ended = tokio::time::timeout(KILL_BOUND, self.guarded.exited()).await;
        // A guardian that was killed has ended nobody.
        crate::server::background::orphans::end_marked(self.mark()).await;
        ended.map_err(|_| {
            Error::new(ErrorKind::Timeout, "the local server could not be ended")
                .with_operation("server.stop")
                .with_context("group", self.group().to_string())
        })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.exit_status().is_some() {
            return;
        }
        self.release(true);
        if !self.wait_blocking(STOP_BOUND) {
            tracing::warn!(group = self.group, "the guardian of a local server hangs; killing its group");
            self.kill();
        }
    }
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded").field("group", &self.group).finish_non_exhaustive()
    }
}
