//! The servers from which something is stored, and when each was last synchronised: one entry each.

use nexus_vault::{Batch, Vault};
use serde::{Deserialize, Serialize};

use super::record::{VERSION, from_bytes, known, to_bytes};
use crate::error::Result;

const SHELF: &str = "history.servers";

/// What is kept of a server.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct ServerEntry {
    v: u32,
    /// When everything of it was last fetched, Unix milliseconds.
    pub(super) synced: Option<u64>,
}

pub(super) fn put(batch: &mut Batch, server: &str, synced: Option<u64>) -> Result<()> {
    batch.put_entry(SHELF, server, to_bytes(&ServerEntry { v: VERSION, synced })?);
    Ok(())
}

/// Something to write when nothing else waits: a write for good makes all those before it sure.
pub(super) fn touch(batch: &mut Batch, now: u64) -> Result<()> {
    batch.put_entry("history.flushed", "last", to_bytes(&now)?);
    Ok(())
}

/// Whether anything is stored of a server.
///
/// # Errors
/// Those of reading.
pub(super) fn exists(vault: &Vault, server: &str) -> Result<bool> {
    Ok(vault.entry(SHELF, server)?.is_some())
}

/// All servers.
///
/// # Errors
/// Those of reading.
pub(super) fn all(vault: &Vault) -> Result<Vec<(String, ServerEntry)>> {
    let entries = vault.entries(SHELF)?.into_iter();
    entries
        .map(|(name, bytes)| {
            let entry: ServerEntry = from_bytes(&bytes)?;
            known(entry.v)?;
            Ok((name, entry))
        })
        .collect()
}
