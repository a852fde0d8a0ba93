//! The second reading: what is new or newer is written, in one transaction.
//!
//! What is newer is decided inside of it, when nobody else can write.

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::{Arc, Mutex, PoisonError};

use nexus_vault::{Batch, Vault};

use super::Imported;
use super::lines::{Line, Lines};
use super::verify::{Age, Facts, Manifest};
use crate::error::{Error, ErrorKind, Result};
use crate::history::export::lines::{MessageLine, SessionLine};
use crate::history::record::{MessageRecord, SessionRecord, group_name};
use crate::history::{server_entry, stored};
use crate::model::Session;

/// About so many bytes are handed to the database at once.
const STEP: usize = 4 << 20;

/// What would be written now.
pub(super) fn plan(vault: &Vault, manifest: &Manifest) -> Result<Imported> {
    let mut imported = Imported::default();
    for facts in &manifest.sessions {
        count(&mut imported, facts, is_newer(vault, facts)?);
    }
    Ok(imported)
}

fn count(imported: &mut Imported, facts: &Facts, take: bool) {
    if take {
        imported.sessions += 1;
        imported.messages += facts.messages;
    } else {
        imported.unchanged += 1;
    }
}

/// Whether a session is not here, or older here.
fn is_newer(vault: &Vault, facts: &Facts) -> Result<bool> {
    if vault.group(&group_name(&facts.server, &facts.session))?.is_none() {
        return Ok(true);
    }
    let here = stored::read(vault, &facts.server, &facts.session)?;
    let mut age = Age::new(here.session.session.updated);
    here.messages.iter().for_each(|message| age.add(message));
    Ok(age < facts.age)
}

/// Writes what is new or newer.
///
/// # Errors
/// `recovery.damaged` when the file is another one by now, those of writing; nothing is written then.
pub(super) fn write(vault: &Vault, from: Box<dyn BufRead + Send>, manifest: Manifest) -> Result<Imported> {
    let imported = Arc::new(Mutex::new(Imported::default()));
    vault.write_all(Batches {
        vault: vault.clone(),
        lines: Lines::new(from),
        facts: manifest.sessions.into_iter(),
        digest: manifest.digest,
        servers: HashSet::new(),
        taken: None,
        is_done: false,
        imported: Arc::clone(&imported),
    })?;
    let imported = imported.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(imported.clone())
}

/// The file as batches.
struct Batches {
    vault: Vault,
    lines: Lines,
    facts: std::vec::IntoIter<Facts>,
    digest: String,
    /// Those that are known to be noted.
    servers: HashSet<String>,
    /// The session that is being read, when it is taken.
    taken: Option<Taken>,
    is_done: bool,
    imported: Arc<Mutex<Imported>>,
}

struct Taken {
    server: String,
    session: Session,
    /// The next message is its first, in whose record the title stands.
    is_first: bool,
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let mut batch = Batch::new();
        let mut bytes = 0;
        while bytes < STEP && !self.is_done {
            match self.step(&mut batch) {
                Ok(more) => bytes += more,
                Err(error) => {
                    self.is_done = true;
                    return Some(Err(error));
                }
            }
        }
        Some(Ok(batch))
    }
}

impl Batches {
    /// One line; how many bytes it added.
    fn step(&mut self, batch: &mut Batch) -> Result<usize> {
        match self.lines.next()? {
            Some(Line::Head) => Ok(0),
            Some(Line::Session(line)) => self.session(*line, batch),
            Some(Line::Message(line)) => self.message(*line, batch),
            Some(Line::End(_, digest)) if digest == self.digest && self.facts.next().is_none() => {
                self.is_done = true;
                Ok(0)
            }
            Some(Line::End(..)) | None => Err(changed()),
        }
    }

    fn session(&mut self, line: SessionLine, batch: &mut Batch) -> Result<usize> {
        let facts = self.facts.next().filter(|f| f.server == line.server && f.session == line.session.id);
        let facts = facts.ok_or_else(changed)?;
        let take = is_newer(&self.vault, &facts)?;
        count(&mut self.imported.lock().unwrap_or_else(PoisonError::into_inner), &facts, take);
        self.taken = None;
        if !take {
            return Ok(0);
        }
        if self.servers.insert(line.server.clone()) && !server_entry::exists(&self.vault, &line.server)? {
            server_entry::put(batch, &line.server, None)?;
        }
        // Which messages are complete is not known of a file: a later sync looks again.
        let group = SessionRecord::new(&line.server, line.session.clone(), line.stored).to_group()?;
        let bytes = group.payload.len();
        batch.remove_group(group.name.as_str()).put_group(group);
        self.taken = Some(Taken { server: line.server, session: line.session, is_first: true });
        Ok(bytes)
    }

    fn message(&mut self, line: MessageLine, batch: &mut Batch) -> Result<usize> {
        let Some(taken) = &mut self.taken else { return Ok(0) };
        // Into another group than the one before it nothing is written.
        if line.message.session_id != taken.session.id {
            return Err(changed());
        }
        let is_first = std::mem::take(&mut taken.is_first);
        let record = MessageRecord::new(&taken.server, &taken.session, is_first, line.message).to_record()?;
        let bytes = record.payload.len();
        batch.put_record(record);
        Ok(bytes)
    }
}

fn changed() -> Error {
    Error::new(ErrorKind::Damaged, "the export was changed while it was imported")
        .with_hint("let nothing write to the file, and try again")
}
