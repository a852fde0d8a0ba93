//! Fetches what a server has and the history has not. It can be stopped at any moment and goes on where it was.
//!
//! A stored session says up to which of its own changes it is complete; one of which the server says the same is not read.
//! Of the others all messages are read and those that differ are written, the mark last. So a session is either marked and
//! whole, or read again. A session in which something runs or an answer is missing gets no mark.
//!
//! Somebody else may write the same session meanwhile (a conversation that is open). So what is stored is looked at before
//! the server is asked: what comes after that is not taken away, and what still grows is written in pieces, which a complete
//! message wins over whatever the order.

use futures_util::StreamExt as _;
use futures_util::stream;
use nexus_vault::{Batch, Durability};

use super::chunk::{Change, Chunk};
use super::mirror::submit;
use super::record::{MessageRecord, SessionRecord, group_name, to_bounded_bytes};
use super::stored_state::{self, StoredState, Sum, is_complete, piece_sum, sum};
use super::{History, blocking, forgotten, now, server_entry};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Message, Role, Session};

/// So many sessions are read at once.
const TOGETHER: usize = 3;

/// So many bytes are written at once, about.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What is fetched.
#[derive(Clone, Debug, Default)]
pub struct SyncOptions {
    /// Read every session anew, also those that look unchanged, and those that were deleted here.
    pub full: bool,
    /// Only the directory of the client, not everything that the server has.
    pub this_directory: bool,
}

/// How far it is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SyncProgress {
    /// Sessions that are done.
    pub done: u64,
    /// Sessions that were found.
    pub total: u64,
    /// The title of the one that was done last.
    pub title: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SyncReport {
    /// Sessions of the server.
    pub sessions: u64,
    /// Those that were new or had changed.
    pub changed: u64,
    /// Messages that were written.
    pub messages: u64,
    /// Sessions that could not be read, and why, a line each. They are tried again next time.
    pub failed: Vec<String>,
}

impl History {
    /// Fetches what is new. Sessions that are gone on the server stay in the history; sessions that were deleted here stay
    /// away until they change on the server.
    ///
    /// Dropping the future stops it; what is marked as complete by then is not fetched again.
    ///
    /// # Errors
    /// What the server says to the list of sessions, those of writing, and a server that cannot be reached any more.
    pub async fn sync(
        &self,
        client: &Client,
        options: SyncOptions,
        mut progress: impl FnMut(&SyncProgress) + Send,
    ) -> Result<SyncReport> {
        let dialect = client.dialect();
        let sessions = match options.this_directory {
            true => dialect.sessions(&Default::default()).await?,
            false => dialect.sessions_everywhere().await?,
        };
        let total = sessions.len() as u64;
        let mut report = SyncReport { sessions: total, ..SyncReport::default() };
        let server = client.server_name();
        let mut work = stream::iter(sessions)
            .map(|session| self.sync_session(client, &server, session, options.full))
            .buffer_unordered(TOGETHER);
        let mut done = 0;
        while let Some((session, result)) = work.next().await {
            done += 1;
            report.note(&session, result)?;
            progress(&SyncProgress { done, total, title: session.title });
        }
        drop(work);
        if !options.this_directory && report.failed.is_empty() {
            let mut batch = Batch::new();
            server_entry::put(&mut batch, &server, Some(now()))?;
            submit(&self.vault, batch, Durability::Power).await?;
        }
        Ok(report)
    }

    /// Fetches one session if it has changed; how many messages were written, or `None`.
    async fn sync_session(
        &self,
        client: &Client,
        server: &str,
        session: Session,
        full: bool,
    ) -> (Session, Result<Option<u64>>) {
        let result = self.try_sync_session(client, server, &session, full).await;
        (session, result)
    }

    async fn try_sync_session(
        &self,
        client: &Client,
        server: &str,
        session: &Session,
        full: bool,
    ) -> Result<Option<u64>> {
        let (vault, name, id) = (self.vault.clone(), server.to_owned(), session.id.clone());
        let known = session.clone();
        let stored = blocking(move || {
            let record = stored_state::session(&vault, &name, &id)?;
            match record {
                Some(_) if !full && is_complete(record.as_ref(), &known) => Ok(None),
                Some(_) => stored_state::read(&vault, &name, &id).map(Some),
                None if !full && forgotten::is_forgotten(&vault, &group_name(&name, &id), &known)? => {
                    Ok(None)
                }
                None => Ok(Some(StoredState::default())),
            }
        })
        .await?;
        let Some(stored) = stored else { return Ok(None) };
        let messages = client.dialect().messages(&session.id).await?;
        self.write_session(server, session, stored, messages).await.map(Some)
    }

    async fn write_session(
        &self,
        server: &str,
        session: &Session,
        stored: StoredState,
        messages: Vec<Message>,
    ) -> Result<u64> {
        let mut writing = Writing::new(self, server, session)?;
        let settled = is_settled(&messages);
        let mut gone = stored;
        for (at, message) in messages.into_iter().enumerate() {
            let before = gone.sums.remove(&message.id);
            let pieces = gone.unfinished.remove(&message.id).flatten();
            writing.put(message, at == 0, before, pieces).await?;
        }
        for id in gone.sums.keys().chain(gone.unfinished.keys()) {
            writing.batch.remove_record(&writing.group, id.as_str());
        }
        writing.finish(settled).await
    }
}

impl SyncReport {
    /// Takes note of a session; an error that all others would have as well ends the whole.
    fn note(&mut self, session: &Session, result: Result<Option<u64>>) -> Result<()> {
        match result {
            Ok(None) => {}
            Ok(Some(messages)) => {
                self.changed += 1;
                self.messages += messages;
            }
            // Deleted since the list was read.
            Err(error) if error.kind() == ErrorKind::NotFound => self.sessions -= 1,
            Err(error) if is_about_one_session(&error) => {
                self.failed.push(format!("{}: {error}", session.id))
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn is_about_one_session(error: &Error) -> bool {
    use ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::Server | Kind::Protocol | Kind::TooLarge | Kind::InvalidInput | Kind::Conflict | Kind::Timeout
    )
}

/// Whether nothing more will come by itself: the last message is an answer that is complete and asks for no tool.
fn is_settled(messages: &[Message]) -> bool {
    let Some(last) = messages.iter().max_by_key(|m| (m.created, &m.id)) else { return true };
    let ended = last.completed.is_some() || last.error.is_some();
    last.role != Role::User && ended && last.finish.as_deref() != Some("tool-calls")
}

/// One session on its way into the vault.
struct Writing<'a> {
    history: &'a History,
    record: SessionRecord,
    group: String,
    batch: Batch,
    bytes: usize,
    messages: u64,
}

impl<'a> Writing<'a> {
    fn new(history: &'a History, server: &str, session: &Session) -> Result<Self> {
        let record = SessionRecord::new(server, session.clone(), now());
        let mut batch = Batch::new();
        // Without a mark until all of it is here.
        batch.put_group(record.to_group()?);
        let group = group_name(server, &session.id);
        Ok(Self { history, record, group, batch, bytes: 0, messages: 0 })
    }

    async fn put(
        &mut self,
        message: Message,
        first: bool,
        before: Option<Sum>,
        pieces: Option<Sum>,
    ) -> Result<()> {
        let growing =
            message.completed.is_none() && message.error.is_none() && message.role == Role::Assistant;
        let (server, session) = (&self.record.server, &self.record.session);
        let record = MessageRecord::new(server, session, first, message.clone()).to_record()?;
        let same = before == Some(sum(&record.payload));
        if same || (growing && pieces.is_some() && pieces == piece_sum(&message)) {
            return Ok(());
        }
        if growing {
            let bytes = to_bounded_bytes(&Chunk::new(vec![Change::Whole(Box::new(message))]))?;
            self.bytes += bytes.len();
            self.batch.append_chunk(&self.group, record.name, bytes);
        } else {
            self.bytes += record.payload.len();
            self.batch.put_record(record);
        }
        self.messages += 1;
        if self.bytes >= BATCH_BYTES {
            self.bytes = 0;
            submit(&self.history.vault, std::mem::take(&mut self.batch), Durability::Power).await?;
        }
        Ok(())
    }

    /// Writes the rest; the mark comes with it.
    async fn finish(mut self, settled: bool) -> Result<u64> {
        self.record.complete = settled.then_some(self.record.session.updated);
        self.batch.put_group(self.record.to_group()?);
        forgotten::remember(&mut self.batch, &self.group);
        let server = self.record.server.clone();
        let vault = self.history.vault.clone();
        if !blocking(move || server_entry::exists(&vault, &server)).await? {
            server_entry::put(&mut self.batch, &self.record.server, None)?;
        }
        submit(&self.history.vault, self.batch, Durability::Power).await?;
        Ok(self.messages)
    }
}
