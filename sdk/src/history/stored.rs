//! Reading without the server.

use nexus_vault::{GroupContent, Vault};

use super::record::{MessageRecord, SessionRecord, group_name, split_group_name};
use super::{History, blocking, chunk, server_entry};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Message, Session, SessionId};

/// So many sessions are read at once.
const PAGE: usize = 256;

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StoredSession {
    /// The origin of the server (`http://127.0.0.1:4096`), or `local` for servers that we start for a folder: their port
    /// is another one each time.
    pub server: String,
    /// As it was last seen.
    pub session: Session,
    /// When it was last written, Unix milliseconds.
    pub stored: u64,
}

/// A whole stored conversation.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct StoredConversation {
    /// The session.
    #[serde(flatten)]
    pub session: StoredSession,
    /// Its messages in order.
    pub messages: Vec<Message>,
}

/// Which sessions.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionQuery {
    /// Of this server.
    pub server: Option<String>,
    /// Of this folder and those below.
    pub directory: Option<String>,
    /// Title contains this, without regard to case.
    pub title: Option<String>,
    /// So many are passed over first.
    pub offset: usize,
    /// At most so many; 0 means all.
    pub limit: usize,
}

impl SessionQuery {
    /// Whether a session is one of those.
    pub(super) fn matches(&self, stored: &SessionRecord) -> bool {
        let server = self.server.as_ref().is_none_or(|server| *server == stored.server);
        let directory = self.directory.as_ref().is_none_or(|d| is_below(&stored.session.directory, d));
        let title = self
            .title
            .as_ref()
            .is_none_or(|title| stored.session.title.to_lowercase().contains(&title.to_lowercase()));
        server && directory && title
    }
}

/// Whether a folder is `above` or in it.
fn is_below(directory: &str, above: &str) -> bool {
    let above = above.trim_end_matches(['/', '\\']);
    match directory.strip_prefix(above) {
        Some(rest) => rest.is_empty() || rest.starts_with(['/', '\\']),
        None => false,
    }
}

impl History {
    /// Sessions, the one that changed last first.
    ///
    /// # Errors
    /// `security.locked`, `recovery.damaged`.
    pub async fn sessions(&self, query: &SessionQuery) -> Result<Vec<StoredSession>> {
        let (vault, query) = (self.vault.clone(), query.clone());
        blocking(move || list(&vault, &query)).await
    }

    /// A whole conversation. What was being written when a program was killed is in it as far as it came.
    ///
    /// Servers make names of sessions that differ everywhere. Should two servers have the same, the one that was stored
    /// last is given; [`conversation_of`](Self::conversation_of) tells them apart.
    ///
    /// # Errors
    /// `user.not_found`, `security.locked`, `recovery.damaged`.
    pub async fn conversation(&self, session: &SessionId) -> Result<StoredConversation> {
        let (vault, session) = (self.vault.clone(), session.clone());
        blocking(move || {
            let newest = records_of(&vault, &session)?.into_iter().max_by_key(|r| r.stored);
            let newest = newest.ok_or_else(|| not_found(&session))?;
            read(&vault, &newest.server, &session)
        })
        .await
    }

    /// The same of one server.
    ///
    /// # Errors
    /// As [`conversation`](Self::conversation).
    pub async fn conversation_of(&self, server: &str, session: &SessionId) -> Result<StoredConversation> {
        let (vault, server, session) = (self.vault.clone(), server.to_owned(), session.clone());
        blocking(move || read(&vault, &server, &session)).await
    }
}

pub(super) fn not_found(session: &SessionId) -> Error {
    let message = format!("session {} is not in the history", session.as_str().escape_debug());
    Error::new(ErrorKind::NotFound, message).with_hint("`nexus history list` shows what is stored")
}

pub(super) fn list(vault: &Vault, query: &SessionQuery) -> Result<Vec<StoredSession>> {
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let (mut found, mut passed, mut offset) = (Vec::new(), 0, 0);
    loop {
        let groups = vault.groups(offset, PAGE)?;
        let count = groups.len();
        for group in groups {
            if split_group_name(&group.name).is_none() {
                continue;
            }
            let record = SessionRecord::from_bytes(&group.payload)?;
            if !query.matches(&record) {
                continue;
            }
            if passed < query.offset {
                passed += 1;
                continue;
            }
            found.push(record.into_stored());
            if found.len() >= limit {
                return Ok(found);
            }
        }
        if count < PAGE {
            return Ok(found);
        }
        offset += count;
    }
}

/// A session on every server that has one of this name.
///
/// # Errors
/// Those of reading.
pub(super) fn records_of(vault: &Vault, session: &SessionId) -> Result<Vec<SessionRecord>> {
    let mut found = Vec::new();
    for (server, _) in server_entry::all(vault)? {
        if let Some(group) = vault.group(&group_name(&server, session))? {
            found.push(SessionRecord::from_bytes(&group.payload)?);
        }
    }
    Ok(found)
}

/// A whole conversation of one server.
///
/// # Errors
/// `user.not_found`, those of reading.
pub(super) fn read(vault: &Vault, server: &str, session: &SessionId) -> Result<StoredConversation> {
    let content = vault.read_group(&group_name(server, session))?.ok_or_else(|| not_found(session))?;
    assemble(content)
}

/// Puts records and pieces together.
///
/// # Errors
/// `recovery.damaged`, `system.newer_format`.
pub(super) fn assemble(content: GroupContent) -> Result<StoredConversation> {
    let session = SessionRecord::from_bytes(&content.group.payload)?.into_stored();
    let mut messages: Vec<Message> = Vec::new();
    for record in &content.records {
        messages.push(MessageRecord::from_bytes(&record.payload)?.message);
    }
    for (name, chunks) in &content.unfinished {
        let at = messages.iter().position(|m| m.id.as_str() == name);
        // A message that is complete was written after its pieces: those are of a program that was slower.
        if at.is_some_and(|at| messages[at].completed.is_some()) {
            continue;
        }
        let base = at.map(|at| messages.swap_remove(at));
        messages.extend(chunk::fold(base, chunks)?);
    }
    // As servers order them.
    messages.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(StoredConversation { session, messages })
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn a_folder_is_below_itself_and_below_those_above_it_alone() {
        for (directory, above, below) in [
            ("/home/me/project", "/home/me/project", true),
            ("/home/me/project", "/home/me/", true),
            ("/home/me/project", "/", true),
            ("/home/me/project2", "/home/me/project", false),
            ("/home", "/home/me", false),
            ("C:\\work\\a", "C:\\work", true),
        ] {
            assert_eq!(is_below(directory, above), below, "{directory} below {above}");
        }
    }
}
