//! How long and how much is kept.
//!
//! What counts is a conversation: a session with those of its sub-agents. It changed when any of them did.

use std::collections::BTreeSet;

use nexus_vault::{Batch, Durability, Vault};
use serde::{Deserialize, Serialize};

use super::delete::{Conversation, Deleted, Family, count, remove};
use super::record::{VERSION, from_bytes, known, to_bytes};
use super::{History, blocking, now};
use crate::error::Result;

const SHELF: &str = "history.settings";
const NAME: &str = "retention";
/// In milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Rules; those that are `None` keep everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Retention {
    /// Conversations that have not changed for so many days go.
    pub days: Option<u32>,
    /// When there are more conversations than this, those that changed longest ago go.
    pub sessions: Option<u64>,
    /// When conversations have more bytes than this, those that changed longest ago go until the rest fits. Their content
    /// is counted; on disk its index comes on top, and space that became free is used again before the file grows.
    pub bytes: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    v: u32,
    #[serde(flatten)]
    rules: Retention,
}

impl History {
    /// The rules that are stored; none in the beginning.
    ///
    /// # Errors
    /// `security.locked`, `recovery.damaged`, `system.newer_format`.
    pub async fn retention(&self) -> Result<Retention> {
        let vault = self.vault.clone();
        blocking(move || {
            let Some(bytes) = vault.entry(SHELF, NAME)? else { return Ok(Retention::default()) };
            let entry: Entry = from_bytes(&bytes)?;
            known(entry.v)?;
            Ok(entry.rules)
        })
        .await
    }

    /// Stores rules. They are applied by [`apply_retention`](Self::apply_retention).
    ///
    /// # Errors
    /// Those of writing.
    pub async fn set_retention(&self, rules: &Retention) -> Result<()> {
        let (vault, rules) = (self.vault.clone(), rules.clone());
        blocking(move || {
            let mut batch = Batch::new();
            batch.put_entry(SHELF, NAME, to_bytes(&Entry { v: VERSION, rules })?);
            vault.write(batch, Durability::Power)?;
            Ok(())
        })
        .await
    }

    /// Removes what the rules do not keep; with `dry_run` only says what that would be.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub async fn apply_retention(&self, rules: &Retention, dry_run: bool) -> Result<Deleted> {
        self.apply_retention_at(rules, dry_run, now()).await
    }

    /// The same at a certain time.
    pub(super) async fn apply_retention_at(
        &self,
        rules: &Retention,
        dry_run: bool,
        now: u64,
    ) -> Result<Deleted> {
        let (vault, rules) = (self.vault.clone(), rules.clone());
        blocking(move || {
            let groups = chosen(&vault, &rules, now)?;
            if dry_run { Ok(count(&vault, &groups)) } else { remove(&vault, &groups) }
        })
        .await
    }
}

/// The groups that go.
fn chosen(vault: &Vault, rules: &Retention, now: u64) -> Result<BTreeSet<String>> {
    if *rules == Retention::default() {
        return Ok(BTreeSet::new());
    }
    let mut kept = Family::read(vault)?.conversations();
    let mut gone: Vec<Conversation> = Vec::new();
    if let Some(days) = rules.days {
        let oldest = now.saturating_sub(u64::from(days).saturating_mul(DAY));
        gone.extend(kept.extract_if(.., |conversation| conversation.changed < oldest));
    }
    if let Some(most) = rules.sessions.and_then(|most| usize::try_from(most).ok())
        && kept.len() > most
    {
        gone.extend(kept.drain(most..));
    }
    // Content never has more bytes than the file that holds it, and that is known without reading it.
    if let Some(most) = rules.bytes.filter(|most| vault.usage().map_or(true, |usage| usage.bytes > *most)) {
        let fits = fitting(vault, &kept, most)?;
        gone.extend(kept.drain(fits..));
    }
    Ok(gone.into_iter().flat_map(|conversation| conversation.groups).collect())
}

/// How many conversations from the beginning have at most so many bytes together.
fn fitting(vault: &Vault, conversations: &[Conversation], most: u64) -> Result<usize> {
    let mut sum = 0_u64;
    for (index, conversation) in conversations.iter().enumerate() {
        for group in &conversation.groups {
            sum = sum.saturating_add(bytes_of(vault, group)?);
        }
        if sum > most {
            return Ok(index);
        }
    }
    Ok(conversations.len())
}

fn bytes_of(vault: &Vault, group: &str) -> Result<u64> {
    let Some(content) = vault.read_group(group)? else { return Ok(0) };
    let records = content.records.iter().map(|record| record.payload.len());
    let chunks = content.unfinished.iter().flat_map(|(_, chunks)| chunks.iter().map(Vec::len));
    Ok((content.group.payload.len() + records.chain(chunks).sum::<usize>()) as u64)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
