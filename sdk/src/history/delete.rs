//! Removing for good: a session's key is destroyed with it.
//!
//! What sub-agents did for a session is a part of it, and goes with it.

use std::collections::{BTreeSet, HashMap};

use nexus_vault::{Batch, Durability, Vault};

use super::record::{SessionRecord, group_name, split_group_name};
use super::{History, blocking, forgotten, server_entry, stored};
use crate::error::Result;
use crate::model::SessionId;

/// So many groups are read at once.
const PAGE: usize = 256;

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Deleted {
    /// The sessions, with those of their sub-agents.
    pub sessions: Vec<SessionId>,
    /// How many messages they had.
    pub messages: u64,
}

impl History {
    /// Removes sessions with those of their sub-agents from the history for good. They stay on their server, where a later
    /// [`sync`](Self::sync) leaves them alone until they change there or everything is asked for. A session that two servers
    /// have is removed of both. What is damaged can be removed as well.
    ///
    /// # Errors
    /// `user.not_found` when one does not exist, and nothing is removed then; those of writing.
    pub async fn delete(&self, sessions: &[SessionId]) -> Result<Deleted> {
        let (vault, sessions) = (self.vault.clone(), sessions.to_vec());
        blocking(move || {
            let mut groups = BTreeSet::new();
            for session in &sessions {
                let found = groups_of(&vault, session)?;
                if found.is_empty() {
                    return Err(stored::not_found(session));
                }
                groups.extend(found);
            }
            let below = Family::read(&vault)?.below(&groups);
            groups.extend(below);
            remove(&vault, &groups)
        })
        .await
    }
}

/// The groups of a session, of every server.
pub(super) fn groups_of(vault: &Vault, session: &SessionId) -> Result<Vec<String>> {
    let servers = server_entry::all(vault)?.into_iter();
    let mut names: Vec<String> = servers.map(|(server, _)| group_name(&server, session)).collect();
    // One that cannot be opened is there.
    names.retain(|name| !matches!(vault.group(name), Ok(None)));
    Ok(names)
}

/// Removes groups in one step.
pub(super) fn remove(vault: &Vault, groups: &BTreeSet<String>) -> Result<Deleted> {
    let deleted = count(vault, groups);
    let mut batch = Batch::new();
    for group in groups {
        forgotten::note(&mut batch, vault, group)?;
        batch.remove_group(group.as_str());
    }
    if !batch.is_empty() {
        vault.write(batch, Durability::Power)?;
    }
    Ok(deleted)
}

/// What groups hold. Of a damaged one nobody knows how many messages it has.
pub(super) fn count(vault: &Vault, groups: &BTreeSet<String>) -> Deleted {
    let mut deleted = Deleted::default();
    for group in groups {
        if let Some((_, session)) = split_group_name(group) {
            deleted.sessions.push(session.into());
        }
        if let Ok(Some(content)) = vault.read_group(group) {
            let complete: BTreeSet<&str> =
                content.records.iter().map(|record| record.name.as_str()).collect();
            let only =
                content.unfinished.iter().filter(|(name, _)| !complete.contains(name.as_str())).count();
            deleted.messages += (content.records.len() + only) as u64;
        }
    }
    deleted.sessions.sort();
    deleted.sessions.dedup();
    deleted
}

/// All sessions, and which of them were started by the agent of which.
pub(super) struct Family {
    members: HashMap<String, Member>,
}

struct Member {
    parent: Option<String>,
    updated: u64,
}

/// A session that nobody started, with all that came of it.
pub(super) struct Conversation {
    /// The groups.
    pub(super) groups: BTreeSet<String>,
    /// When any of it last changed, Unix milliseconds.
    pub(super) changed: u64,
}

impl Family {
    pub(super) fn read(vault: &Vault) -> Result<Self> {
        let mut members = HashMap::new();
        let mut offset = 0;
        loop {
            let page = vault.groups(offset, PAGE)?;
            offset += page.len();
            let last = page.len() < PAGE;
            for group in page {
                let Some((server, _)) = split_group_name(&group.name) else { continue };
                // One of a newer program belongs to itself.
                let record = SessionRecord::from_bytes(&group.payload).ok();
                let parent = record.as_ref().and_then(|r| r.session.parent_id.as_ref());
                let member = Member {
                    parent: parent.map(|parent| group_name(server, parent)),
                    updated: record.as_ref().map_or_else(|| group.time.unsigned_abs(), |r| r.session.updated),
                };
                members.insert(group.name, member);
            }
            if last {
                return Ok(Self { members });
            }
        }
    }

    /// The one that stands at the beginning. Of sessions that name each other as parents, which no server makes, each
    /// stands alone.
    fn root<'a>(&'a self, name: &'a str) -> &'a str {
        let mut seen = BTreeSet::from([name]);
        let mut at = name;
        while let Some(parent) = self.members.get(at).and_then(|m| m.parent.as_deref()) {
            if !self.members.contains_key(parent) {
                break;
            }
            if !seen.insert(parent) {
                return name;
            }
            at = parent;
        }
        at
    }

    /// Everything that came of some sessions.
    fn below(&self, of: &BTreeSet<String>) -> BTreeSet<String> {
        let comes_of = |name: &String| {
            let mut seen = BTreeSet::from([name]);
            let mut at = name;
            while let Some(parent) = self.members.get(at).and_then(|m| m.parent.as_ref()) {
                if of.contains(parent) {
                    return true;
                }
                if !seen.insert(parent) {
                    return false;
                }
                at = parent;
            }
            false
        };
        self.members.keys().filter(|name| comes_of(name)).cloned().collect()
    }

    /// The one that changed last first.
    pub(super) fn conversations(&self) -> Vec<Conversation> {
        let mut by_root: HashMap<&str, Conversation> = HashMap::new();
        for (name, member) in &self.members {
            let conversation = by_root
                .entry(self.root(name))
                .or_insert_with(|| Conversation { groups: BTreeSet::new(), changed: 0 });
            conversation.groups.insert(name.clone());
            conversation.changed = conversation.changed.max(member.updated);
        }
        let mut all: Vec<Conversation> = by_root.into_values().collect();
        all.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.groups.cmp(&b.groups)));
        all
    }
}
