//! Taking back what was exported: the whole file is verified before anything is written, and all of it is written or
//! nothing.
//!
//! The file is read twice. The first time everything is checked (`verify`), the second time it is written, in one
//! transaction of the database that takes a few megabytes at a time: memory does not grow with the file, and whatever ends
//! it half way, also a kill, leaves the history as it was. Other programs wait with writing meanwhile. Should the file
//! change between the two, nothing is written either.
//!
//! A session replaces the one that is here as a whole when it is newer: by when it changed, then by its last message.

mod lines;
mod source;
#[cfg(test)]
mod tests;
mod verify;
mod write;

use std::path::Path;

use nexus_vault::SecretString;

use super::{History, blocking};
use crate::error::Result;

/// How it is imported.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Of an encrypted archive.
    pub passphrase: Option<SecretString>,
    /// Verify only.
    pub dry_run: bool,
}

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Sessions that were new or newer than what was stored.
    pub sessions: u64,
    /// Sessions that were here already, at least as new.
    pub unchanged: u64,
    /// Messages written.
    pub messages: u64,
}

impl History {
    /// Imports JSON Lines, plain or as an encrypted archive. `progress` is told how many bytes are read, of how many: each
    /// counts twice, once for verifying and once for writing. With [`ImportOptions::dry_run`] the answer says what would be
    /// written.
    ///
    /// # Errors
    /// `user.invalid_input` for a file that is no export, `recovery.damaged` for one that is cut or was changed,
    /// `system.newer_format`, `security.wrong_passphrase`, those of writing; nothing is written then.
    pub async fn import(
        &self,
        file: &Path,
        options: ImportOptions,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<Imported> {
        let (vault, file) = (self.vault.clone(), file.to_owned());
        blocking(move || {
            let progress = source::Progress::new(progress);
            let manifest = verify::verify(source::open(&file, options.passphrase.as_ref(), &progress)?)?;
            let mut imported = write::plan(&vault, &manifest)?;
            // When nothing is newer, other writers need not wait for us to find that out again.
            if !options.dry_run && imported.sessions > 0 {
                let again = source::open(&file, options.passphrase.as_ref(), &progress)?;
                imported = write::write(&vault, again, manifest)?;
            }
            progress.done();
            Ok(imported)
        })
        .await
    }
}

/// The error of an export that does not verify, for the fuzz targets.
#[cfg(fuzzing)]
pub(crate) fn refused(bytes: Vec<u8>) -> Option<crate::Error> {
    verify::verify(Box::new(std::io::Cursor::new(bytes))).err()
}
