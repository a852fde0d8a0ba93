//! What is written into the vault: the bytes of a session and of a message, versioned.
//!
//! A session is a group named `SERVER\nSESSION`, so the same session of two servers is stored twice. A message is a record
//! of it, named by its identifier. The record says everything that a search needs, because the index sees nothing else;
//! the title of a session stands in the record of its first message, so it is found with that.

use nexus_vault::{Group, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoredSession;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Message, Session, SessionId};

/// The version that is written. What has a higher one was written by a newer program.
pub(super) const VERSION: u32 = 1;

/// The largest payload that is written as it is, in bytes; the vault takes a little more.
const LIMIT: usize = 15 * 1024 * 1024;

/// The payload of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct MessageRecord {
    /// [`VERSION`].
    pub(super) v: u32,
    /// As in [`StoredSession::server`].
    pub(super) server: String,
    /// The session's.
    pub(super) directory: String,
    /// The session's title; only of its first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    /// The message with its parts.
    pub(super) message: Message,
}

/// The payload of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    /// [`VERSION`].
    pub(super) v: u32,
    /// As in [`StoredSession::server`].
    pub(super) server: String,
    /// As it was last seen.
    pub(super) session: Session,
    /// When it was last written, Unix milliseconds.
    pub(super) stored: u64,
    /// The [`Session::updated`] up to which all messages are here; `None` while some may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) complete: Option<u64>,
}

/// The name of a session's group. Neither part holds a line break: servers are origins or plain words.
pub(super) fn group_name(server: &str, session: &SessionId) -> String {
    format!("{server}\n{session}")
}

/// The server and the session of a group's name.
pub(super) fn split_group_name(name: &str) -> Option<(&str, &str)> {
    name.split_once('\n')
}

impl MessageRecord {
    pub(super) fn new(server: &str, session: &Session, title: bool, message: Message) -> Self {
        Self {
            v: VERSION,
            server: server.to_owned(),
            directory: session.directory.clone(),
            title: title.then(|| session.title.clone()),
            message,
        }
    }

    /// What is put into the vault.
    pub(super) fn to_record(&self) -> Result<Record> {
        Ok(Record {
            group: group_name(&self.server, &self.message.session_id),
            name: self.message.id.to_string(),
            time: time(self.message.created),
            amount: self.message.usage.map_or(0.0, |u| u.cost),
            payload: to_bounded_bytes(self)?,
        })
    }

    /// # Errors
    /// `system.newer_format`, `recovery.damaged`.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read: Self = from_bytes(bytes)?;
        known(read.v).map(|()| read)
    }
}

impl SessionRecord {
    pub(super) fn new(server: &str, session: Session, stored: u64) -> Self {
        Self { v: VERSION, server: server.to_owned(), session, stored, complete: None }
    }

    /// What is put into the vault.
    pub(super) fn to_group(&self) -> Result<Group> {
        Ok(Group {
            name: group_name(&self.server, &self.session.id),
            time: time(self.session.updated),
            payload: to_bytes(self)?,
        })
    }

    /// # Errors
    /// `system.newer_format`, `recovery.damaged`.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read: Self = from_bytes(bytes)?;
        known(read.v).map(|()| read)
    }

    pub(super) fn into_stored(self) -> StoredSession {
        StoredSession { server: self.server, session: self.session, stored: self.stored }
    }
}

/// A time of the model as the vault has it. A message whose header was not seen yet has the latest of all.
pub(super) fn time(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}

/// # Errors
/// `system.internal`: none of our types refuses to be written.
pub(super) fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| {
        Error::new(ErrorKind::Internal, "a record of the history could not be made").with_source(e)
    })
}

/// [`to_bytes`] of something that holds what servers send. The vault takes 16 MiB; of what is larger (a file inside a message)
/// the longest texts are cut, and say so.
///
/// # Errors
/// As [`to_bytes`].
pub(super) fn to_bounded_bytes(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = to_bytes(value)?;
    if bytes.len() <= LIMIT {
        return Ok(bytes);
    }
    let mut json: Value = from_bytes(&bytes)?;
    let mut longest = LIMIT / 4;
    while bytes.len() > LIMIT && longest > 64 {
        shorten(&mut json, longest);
        bytes = to_bytes(&json)?;
        longest /= 2;
    }
    Ok(bytes)
}

/// Cuts every text that is longer than `longest` bytes.
fn shorten(json: &mut Value, longest: usize) {
    match json {
        Value::String(text) if text.len() > longest => {
            let all = text.len();
            let cut = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            text.truncate(cut);
            text.push_str(&format!("… [{} bytes are not in the history]", all - text.len()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, longest)),
        Value::Object(fields) => fields.values_mut().for_each(|value| shorten(value, longest)),
        _ => {}
    }
}

/// Reads what [`to_bytes`] wrote. What servers send may be nested as deeply as their JSON is read (127 levels); in a record
/// it lies a few levels deeper, so the limit does not count here. The vault has proved that the bytes are ours.
///
/// # Errors
/// `system.newer_format`, `recovery.damaged`.
pub(super) fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        v: u32,
    }
    let read = || {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        json.disable_recursion_limit();
        T::deserialize(&mut json)
    };
    read().map_err(|cause| match serde_json::from_slice::<Head>(bytes) {
        Ok(head) if head.v > VERSION => newer(head.v),
        // The cause may quote what is stored.
        _ => {
            let message = format!("a record of the history cannot be read ({:?} error)", cause.classify());
            Error::new(ErrorKind::Damaged, message).with_hint("run `nexus history status --check`")
        }
    })
}

pub(super) fn known(version: u32) -> Result<()> {
    if version > VERSION { Err(newer(version)) } else { Ok(()) }
}

fn newer(version: u32) -> Error {
    let message = format!("the history holds records of format {version}, and this program knows {VERSION}");
    Error::new(ErrorKind::NewerFormat, message).with_hint("use a newer `nexus`")
}
