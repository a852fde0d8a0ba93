//! Sessions that were deleted here and may still be on their server: one entry each, so that synchronising leaves them
//! alone. The entry holds when the session had last changed, and nothing of what was said.

use nexus_vault::{Batch, Vault};

use super::now;
use super::record::{SessionRecord, from_bytes, to_bytes};
use crate::error::Result;
use crate::model::Session;

const SHELF: &str = "history.forgotten";

/// Notes that a group is deleted by this batch.
///
/// # Errors
/// Those of encoding.
pub(super) fn note(batch: &mut Batch, vault: &Vault, group: &str) -> Result<()> {
    // Of one that cannot be read nobody knows; what the server has until now counts as deleted.
    let record = vault.group(group).ok().flatten().and_then(|g| SessionRecord::from_bytes(&g.payload).ok());
    let updated = record.map_or_else(now, |record| record.session.updated);
    batch.put_entry(SHELF, group, to_bytes(&updated)?);
    Ok(())
}

/// Whether a session was deleted here and has not changed since, by the clock of its server.
///
/// # Errors
/// Those of reading.
pub(super) fn is_forgotten(vault: &Vault, group: &str, session: &Session) -> Result<bool> {
    let Some(bytes) = vault.entry(SHELF, group)? else { return Ok(false) };
    Ok(session.updated <= from_bytes::<u64>(&bytes)?)
}

/// The session is kept again.
pub(super) fn remember(batch: &mut Batch, group: &str) {
    batch.remove_entry(SHELF, group);
}
