//! What the vault has of one session, as those who write need to know it: a sum per message instead of the messages.

use std::collections::HashMap;

use nexus_vault::Vault;
use sha2::{Digest as _, Sha256};

use super::chunk;
use super::record::{SessionRecord, group_name, to_bounded_bytes};
use crate::error::{ErrorKind, Result};
use crate::model::{Message, MessageId, Session, SessionId};

/// Tells whether a record says something else than the one before.
pub(super) type Sum = [u8; 16];

pub(super) fn sum(payload: &[u8]) -> Sum {
    let mut sum = Sum::default();
    sum.copy_from_slice(&Sha256::digest(payload)[..16]);
    sum
}

/// A session as it lies in the vault.
#[derive(Debug, Default)]
pub(super) struct StoredState {
    /// Its group.
    pub(super) record: Option<SessionRecord>,
    /// Its complete messages.
    pub(super) sums: HashMap<MessageId, Sum>,
    /// Messages of which there are pieces, and the sum of what the pieces are together ([`piece_sum`]).
    pub(super) unfinished: HashMap<MessageId, Option<Sum>>,
}

/// Only the session. One that cannot be read counts as not there, so that it is written anew.
///
/// # Errors
/// `security.locked` and what else is not about this session.
pub(super) fn session(vault: &Vault, server: &str, id: &SessionId) -> Result<Option<SessionRecord>> {
    let group = match vault.group(&group_name(server, id)) {
        Ok(group) => group,
        Err(error) => return anew(error.into(), id),
    };
    match group.map(|g| SessionRecord::from_bytes(&g.payload)).transpose() {
        Ok(record) => Ok(record),
        Err(error) => anew(error, id),
    }
}

/// The session and the sums of its messages; blocks while all of it is opened.
///
/// # Errors
/// As [`session`].
pub(super) fn read(vault: &Vault, server: &str, id: &SessionId) -> Result<StoredState> {
    let content = match vault.read_group(&group_name(server, id)) {
        Ok(content) => content,
        Err(error) => return anew(error.into(), id),
    };
    let Some(content) = content else { return Ok(StoredState::default()) };
    let record = match SessionRecord::from_bytes(&content.group.payload) {
        Ok(record) => Some(record),
        Err(error) => anew(error, id)?,
    };
    Ok(StoredState {
        record,
        sums: content.records.iter().map(|r| (r.name.as_str().into(), sum(&r.payload))).collect(),
        unfinished: content
            .unfinished
            .iter()
            .map(|(name, chunks)| (name.as_str().into(), folded(chunks)))
            .collect(),
    })
}

/// The sum of a message that is not complete.
pub(super) fn piece_sum(message: &Message) -> Option<Sum> {
    Some(sum(&to_bounded_bytes(message).ok()?))
}

fn folded(chunks: &[Vec<u8>]) -> Option<Sum> {
    piece_sum(&chunk::fold(None, chunks).ok()??)
}

fn anew<T: Default>(error: crate::Error, id: &SessionId) -> Result<T> {
    if error.kind() != ErrorKind::Damaged {
        return Err(error);
    }
    tracing::warn!(session = %id, %error, "a stored session is damaged and is written anew");
    Ok(T::default())
}

/// Whether everything that the server has of a session is here.
pub(super) fn is_complete(record: Option<&SessionRecord>, session: &Session) -> bool {
    // Not every change of a session counts as one for the server: a new title leaves `updated` as it is (1.18.33, seen).
    record.is_some_and(|r| r.complete == Some(session.updated) && r.session == *session)
}
