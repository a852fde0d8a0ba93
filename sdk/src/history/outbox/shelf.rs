//! The outbox on disk: one entry per prompt, changed under a lock that all programs share.

use std::fs::{File, OpenOptions, TryLockError};
use std::time::{Duration, Instant};

use nexus_vault::{Batch, Durability, Vault};
use serde::{Deserialize, Serialize};

use super::OutboxItem;
use crate::error::{Error, ErrorKind, Result};
use crate::history::record::{VERSION, from_bytes, known, to_bytes};

const SHELF: &str = "history.outbox";

/// Where the last number stands that was given.
const COUNT: (&str, &str) = ("history.outbox.count", "last");

/// How long changing the outbox may wait for another program that does the same.
const LOCKED_WITHIN: Duration = Duration::from_secs(10);

/// A prompt with what is known of its sending.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    v: u32,
    #[serde(flatten)]
    pub(super) item: OutboxItem,
    /// The mark of the session that is made for it.
    #[serde(default)]
    pub(super) mark: Option<String>,
}

/// Numbers sort as texts.
fn name(number: u64) -> String {
    format!("{number:020}")
}

/// How many wait.
pub(in crate::history) fn waiting(vault: &Vault) -> Result<usize> {
    Ok(vault.entries(SHELF)?.len())
}

pub(super) fn entries(vault: &Vault) -> Result<Vec<Entry>> {
    vault.entries(SHELF)?.iter().map(|(_, bytes)| read(bytes)).collect()
}

fn read(bytes: &[u8]) -> Result<Entry> {
    let entry: Entry = from_bytes(bytes)?;
    known(entry.v).map(|()| entry)
}

pub(super) fn add(vault: &Vault, mut item: OutboxItem) -> Result<OutboxItem> {
    let _lock = lock(vault)?;
    let last = match vault.entry(COUNT.0, COUNT.1)? {
        Some(bytes) => from_bytes(&bytes)?,
        None => 0_u64,
    };
    item.number = last + 1;
    let mut batch = Batch::new();
    batch.put_entry(COUNT.0, COUNT.1, to_bytes(&item.number)?);
    let entry = Entry { v: VERSION, item, mark: None };
    batch.put_entry(SHELF, name(entry.item.number), to_bytes(&entry)?);
    vault.write(batch, Durability::Power)?;
    Ok(entry.item)
}

pub(super) fn remove(vault: &Vault, number: u64) -> Result<bool> {
    let _lock = lock(vault)?;
    if vault.entry(SHELF, &name(number))?.is_none() {
        return Ok(false);
    }
    let mut batch = Batch::new();
    batch.remove_entry(SHELF, name(number));
    vault.write(batch, Durability::Power)?;
    Ok(true)
}

/// Notes how far the sending of a prompt is; `false` when it was taken back.
pub(super) fn note(vault: &Vault, entry: &Entry) -> Result<bool> {
    let _lock = lock(vault)?;
    let name = name(entry.item.number);
    if vault.entry(SHELF, &name)?.is_none() {
        return Ok(false);
    }
    let mut batch = Batch::new();
    batch.put_entry(SHELF, name, to_bytes(entry)?);
    vault.write(batch, Durability::Power)?;
    Ok(true)
}

/// Held while the outbox is changed.
fn lock(vault: &Vault) -> Result<File> {
    let file = lock_file(vault, "outbox.lock")?;
    let until = Instant::now() + LOCKED_WITHIN;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(busy("another program changes the outbox")),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Held while prompts are sent. The system gives it back when its holder dies.
pub(super) fn lock_sending(vault: &Vault) -> Result<File> {
    let file = lock_file(vault, "outbox-send.lock")?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(busy("another program sends the outbox")),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn lock_file(vault: &Vault, name: &str) -> Result<File> {
    let path = vault.folder().join(name);
    Ok(OpenOptions::new().create(true).truncate(false).write(true).open(path)?)
}

fn busy(message: &str) -> Error {
    Error::new(ErrorKind::Busy, message).with_hint("wait until it is done")
}
