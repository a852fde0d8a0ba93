//! The encrypted history: every conversation that passes through a client with a history is kept on this machine, can be
//! searched and read without the server, and is gone for good when it is deleted.
//!
//! It is stored in the neutral model, so both lines of OpenCode share it. `mirror` writes what conversations tell, `sync`
//! fetches what happened elsewhere, `stored` reads, `query` searches, `outbox` keeps prompts for later, `delete` and
//! `retention` remove, `export` and `import` carry it elsewhere, `redaction` hides well-known secrets. How bytes are
//! encrypted and where they lie is the business of `nexus_vault`.

mod chunk;
mod delete;
mod export;
mod forgotten;
mod import;
mod indexer;
mod mirror;
mod outbox;
mod query;
mod record;
mod redaction;
mod retention;
#[cfg(test)]
mod sample;
mod server_entry;
mod stored;
mod stored_state;
mod sync;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use nexus_vault::{CheckReport, Snippet, StoreUsage};
use nexus_vault::{Indexer, Vault};

pub use delete::Deleted;
pub use export::{ExportFormat, ExportOptions, Exported, markdown};
#[cfg(fuzzing)]
pub(crate) use import::refused;
pub use import::{ImportOptions, Imported};
pub use mirror::{Mirror, MirrorState};
pub use outbox::{Outbox, OutboxItem, Sent};
pub use query::{Found, FoundMessage, HistoryOrder, HistoryQuery};
pub use redaction::Redactor;
pub use retention::Retention;
pub use stored::{SessionQuery, StoredConversation, StoredSession};
pub use sync::{SyncOptions, SyncProgress, SyncReport};

use crate::error::{Error, ErrorKind, Result};

/// Runs bounded work that blocks beside the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(ErrorKind::Internal, "a task of the history has failed").with_source(error))
        }
    }
}

/// Unix milliseconds, for people: nothing is decided by it.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The conversations of one account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct History {
    vault: Vault,
}

/// How the history stands.
#[derive(Clone, Debug, serde::Serialize)]
pub struct HistoryStatus {
    /// How much is stored.
    pub usage: StoreUsage,
    /// Servers from which something is stored, and when each was last synchronised whole (Unix milliseconds).
    pub servers: Vec<(String, Option<u64>)>,
    /// Prompts that wait to be sent.
    pub outbox: usize,
}

#[allow(unused_variables)]
impl History {
    /// The history in a vault that was opened with [`History::indexer`].
    pub fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// What a vault must be opened with to hold a history.
    pub fn indexer() -> Arc<dyn Indexer> {
        Arc::new(indexer::MessageIndexer)
    }

    /// How it stands.
    ///
    /// # Errors
    /// `security.locked`, `recovery.damaged`.
    pub async fn status(&self) -> Result<HistoryStatus> {
        let vault = self.vault.clone();
        blocking(move || {
            let servers = server_entry::all(&vault)?.into_iter().map(|(name, entry)| (name, entry.synced));
            Ok(HistoryStatus {
                usage: vault.usage()?,
                servers: servers.collect(),
                outbox: outbox::waiting(&vault)?,
            })
        })
        .await
    }

    /// Opens everything and checks it; see `Vault::check`.
    ///
    /// # Errors
    /// `security.locked`.
    pub async fn check(&self, mut progress: impl FnMut(u64, u64) + Send + 'static) -> Result<CheckReport> {
        let vault = self.vault.clone();
        blocking(move || Ok(vault.check(&mut progress)?)).await
    }
}
