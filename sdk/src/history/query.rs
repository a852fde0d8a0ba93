//! Searching: words, phrases and prefixes, with filters.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use nexus_vault::{Order, Search, TextQuery, Vault};

use super::record::{self, MessageRecord, SessionRecord};
use super::{History, Snippet, StoredSession, blocking, indexer};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Message;

/// What to look for. Filters that are `None` or empty let everything through.
/// In JSON names are `snake_case` or `camelCase`.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryQuery {
    /// Words (all of them), `"phrases"`, `prefix*`, `-without`.
    pub text: String,
    /// Of this server.
    pub server: Option<String>,
    /// Of this folder and those below.
    pub directory: Option<String>,
    /// Of this session.
    pub session: Option<crate::model::SessionId>,
    /// `user` or `assistant`. Roles, models, agents and tools are compared without regard to case.
    pub role: Option<String>,
    /// `provider/model`, or the model alone.
    pub model: Option<String>,
    /// By this agent.
    pub agent: Option<String>,
    /// With a call of this tool.
    pub tool: Option<String>,
    /// At least this cost, in dollars.
    #[serde(alias = "costAtLeast")]
    pub cost_at_least: Option<f64>,
    /// At most this cost, in dollars.
    #[serde(alias = "costAtMost")]
    pub cost_at_most: Option<f64>,
    /// Not before, Unix milliseconds.
    pub since: Option<u64>,
    /// Before, Unix milliseconds.
    pub until: Option<u64>,
    /// With an error, or without.
    #[serde(alias = "hasError")]
    pub has_error: Option<bool>,
    /// With a file, or without.
    #[serde(alias = "hasFile")]
    pub has_file: Option<bool>,
    /// The order.
    pub order: HistoryOrder,
    /// At most so many; 0 means 20.
    pub limit: usize,
    /// So many are passed over first.
    pub offset: usize,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryOrder {
    /// The best first.
    #[default]
    Relevance,
    /// The newest first.
    Newest,
}

/// What was found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Found {
    /// In order.
    pub messages: Vec<FoundMessage>,
    /// Whether there are more.
    pub more: bool,
}

/// A message that was found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FoundMessage {
    /// Its session.
    pub session: StoredSession,
    /// The message, whole.
    pub message: Message,
    /// Why it was found.
    pub snippet: Snippet,
    /// The better the larger.
    pub score: f64,
}

impl History {
    /// Searches all messages. The text looks for words alone; everything else is a filter.
    ///
    /// # Errors
    /// `user.invalid_input` for an amount that is no number, `security.locked`, `recovery.damaged`.
    pub async fn search(&self, query: &HistoryQuery) -> Result<Found> {
        let search = to_search(query)?;
        let vault = self.vault.clone();
        blocking(move || found(&vault, &search)).await
    }
}

/// The same question in the words of the vault.
fn to_search(query: &HistoryQuery) -> Result<Search> {
    for amount in [query.cost_at_least, query.cost_at_most].into_iter().flatten() {
        if amount.is_nan() {
            return Err(Error::new(ErrorKind::InvalidInput, "a cost is a number of dollars"));
        }
    }
    let flag = |wanted: Option<bool>, is: bool, label: &str| (wanted == Some(is)).then(|| label.to_owned());
    let one = |label: String| vec![label];
    let labels = [
        query.server.as_deref().map(|server| indexer::exact("server", server)),
        query.directory.as_deref().map(indexer::folder),
        query.session.as_ref().map(|session| indexer::exact("session", session.as_str())),
        query.role.as_deref().map(|role| indexer::folded("role", role)),
        query.model.as_deref().map(|model| indexer::folded("model", model)),
        query.agent.as_deref().map(|agent| indexer::folded("agent", agent)),
        query.tool.as_deref().map(|tool| indexer::folded("tool", tool)),
        flag(query.has_error, true, indexer::ERROR),
        flag(query.has_file, true, indexer::FILE),
    ];
    let without = [flag(query.has_error, false, indexer::ERROR), flag(query.has_file, false, indexer::FILE)];
    Ok(Search {
        text: TextQuery::parse(&query.text),
        labels: labels.into_iter().flatten().map(one).collect(),
        without: without.into_iter().flatten().collect(),
        // A session may be stored of two servers, so its group is not one. The label finds both.
        group: None,
        since: query.since.map(record::time),
        until: query.until.map(record::time),
        at_least: query.cost_at_least,
        at_most: query.cost_at_most,
        order: match query.order {
            HistoryOrder::Relevance => Order::Relevance,
            HistoryOrder::Newest => Order::Newest,
        },
        limit: query.limit,
        offset: query.offset,
    })
}

fn found(vault: &Vault, search: &Search) -> Result<Found> {
    let page = vault.search(search)?;
    // Many hits have the same session.
    let mut sessions: HashMap<String, Option<StoredSession>> = HashMap::new();
    let mut messages = Vec::with_capacity(page.hits.len());
    for hit in page.hits {
        let session = match sessions.entry(hit.record.group) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let group = vault.group(new.key())?;
                let read = group.map(|group| SessionRecord::from_bytes(&group.payload)).transpose()?;
                new.insert(read.map(SessionRecord::into_stored)).clone()
            }
        };
        // It was deleted since it was found.
        let Some(session) = session else { continue };
        let message = MessageRecord::from_bytes(&hit.record.payload)?.message;
        messages.push(FoundMessage { session, message, snippet: hit.snippet, score: hit.score });
    }
    Ok(Found { messages, more: page.more })
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
