//! Carrying conversations elsewhere: JSON Lines (can be imported), Markdown (to be read), both as an encrypted archive.
//!
//! One conversation is in memory at a time, however many there are.

pub(in crate::history) mod lines;
mod markdown;
mod redacted;

use std::io::{BufWriter, Write};
use std::path::Path;

use nexus_vault::{KdfParameters, SealedWriter, SecretString, Vault};

use super::record::split_group_name;
use super::{History, Redactor, SessionQuery, StoredConversation, blocking, now, stored};
use crate::error::{Error, ErrorKind, Result};
use crate::folders;
use crate::model::SessionId;
use lines::Lines;
pub use markdown::markdown;

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// One JSON object a line: a head, sessions each followed by their messages, and an end with counts and a checksum.
    #[default]
    JsonLines,
    /// For people.
    Markdown,
}

/// What is exported and how.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// The form.
    pub format: ExportFormat,
    /// Only these sessions; empty: those of `query`.
    pub sessions: Vec<SessionId>,
    /// Which sessions.
    pub query: SessionQuery,
    /// Hide secrets of well-known forms.
    pub redact: bool,
    /// Seal it with a passphrase of its own.
    pub passphrase: Option<SecretString>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    /// Sessions.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Secrets that were hidden.
    pub redacted: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl History {
    /// Writes a file, whole or not at all (temporary file and rename), readable by its owner alone. `progress` is told how
    /// many sessions are done, of how many.
    ///
    /// # Errors
    /// `user.conflict` when it exists, `user.not_found` for a session, `system.storage`, `recovery.damaged`.
    pub async fn export(
        &self,
        file: &Path,
        options: ExportOptions,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Exported> {
        let (vault, file, mut progress) = (self.vault.clone(), file.to_owned(), progress);
        blocking(move || to_file(&vault, &file, &options, &mut progress)).await
    }

    /// The same to any writer, for example standard output.
    ///
    /// # Errors
    /// As [`export`](Self::export).
    pub async fn export_to(
        &self,
        to: impl Write + Send + 'static,
        options: ExportOptions,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Exported> {
        let (vault, mut progress) = (self.vault.clone(), progress);
        blocking(move || {
            let (mut to, exported) = sealed(&vault, BufWriter::new(to), &options, &mut progress)?;
            to.flush().map_err(unwritable)?;
            Ok(exported)
        })
        .await
    }
}

fn to_file(
    vault: &Vault,
    file: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported> {
    let there = || {
        Error::new(ErrorKind::Conflict, format!("{} is there already", file.display()))
            .with_hint("choose another name, or remove it")
    };
    // A link to nowhere is there as well.
    if file.symlink_metadata().is_ok() {
        return Err(there());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with 0600 on Unix.
    let new = tempfile::Builder::new().prefix(".export-").tempfile_in(folder).map_err(unwritable)?;
    let (new, exported) = sealed(vault, BufWriter::new(new), options, progress)?;
    let new = new.into_inner().map_err(|error| unwritable(error.into_error()))?;
    new.as_file().sync_all().map_err(unwritable)?;
    new.persist_noclobber(file).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => there(),
        _ => unwritable(error.error),
    })?;
    folders::sync(folder).map_err(unwritable)?;
    Ok(exported)
}

/// Writes an export, encrypted where that is asked for.
fn sealed<W: Write>(
    vault: &Vault,
    to: W,
    options: &ExportOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(W, Exported)> {
    let mut to = Counting { to, bytes: 0 };
    let mut exported;
    match &options.passphrase {
        None => exported = plain(vault, &mut to, options, progress)?,
        Some(passphrase) => {
            let mut sealing = SealedWriter::new(to, passphrase, KdfParameters::default())?;
            exported = plain(vault, &mut sealing, options, progress)?;
            to = sealing.finish()?;
        }
    }
    exported.bytes = to.bytes;
    Ok((to.to, exported))
}

fn plain(
    vault: &Vault,
    to: &mut dyn Write,
    options: &ExportOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported> {
    let chosen = chosen(vault, options)?;
    let redactor = options.redact.then(Redactor::new);
    let mut exported = Exported::default();
    let mut lines = match options.format {
        ExportFormat::JsonLines => Some(Lines::begin(to, now(), options.redact)?),
        ExportFormat::Markdown => None,
    };
    for (done, (server, session)) in chosen.iter().enumerate() {
        let mut conversation = match stored::read(vault, server, session) {
            Ok(conversation) => conversation,
            // It was deleted since it was chosen.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.with_context("session", session.as_str())),
        };
        if let Some(redactor) = &redactor {
            exported.redacted += redacted::redact(redactor, &mut conversation);
        }
        exported.sessions += 1;
        exported.messages += conversation.messages.len() as u64;
        match &mut lines {
            Some(lines) => lines.conversation(to, conversation)?,
            None => markdown::write(to, &conversation, exported.sessions == 1).map_err(unwritable)?,
        }
        progress(done as u64 + 1, chosen.len() as u64);
    }
    if let Some(lines) = lines {
        lines.end(to)?;
    }
    Ok(exported)
}

/// Server and session of what is exported.
fn chosen(vault: &Vault, options: &ExportOptions) -> Result<Vec<(String, SessionId)>> {
    let mut chosen = Vec::new();
    for session in &options.sessions {
        let groups = super::delete::groups_of(vault, session)?;
        if groups.is_empty() {
            return Err(stored::not_found(session));
        }
        let names = groups.iter().filter_map(|group| split_group_name(group));
        chosen.extend(names.map(|(server, session)| (server.to_owned(), session.into())));
    }
    if options.sessions.is_empty() {
        let all = stored::list(vault, &options.query)?;
        chosen.extend(all.into_iter().map(|stored| (stored.server, stored.session.id)));
    }
    // A file that says something twice is refused at import.
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|one| seen.insert(one.clone()));
    Ok(chosen)
}

/// Counts what goes through.
struct Counting<W> {
    to: W,
    bytes: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// By what a person can do about it.
fn unwritable(error: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let (kind, hint) = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => (ErrorKind::Storage, "make room, or choose another place"),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => {
            (ErrorKind::Storage, "choose a folder that you may write")
        }
        Io::NotFound => (ErrorKind::InvalidInput, "make the folder first"),
        _ => (ErrorKind::Io, "nothing was kept of the file; try again"),
    };
    Error::new(kind, format!("the export cannot be written: {error}")).with_hint(hint).with_source(error)
}
