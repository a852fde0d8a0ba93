//! The bytes of an export: of a plain file, or out of an encrypted archive.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nexus_vault::{SealedReader, SecretString};

use crate::error::{Error, ErrorKind, Result};

/// How much of a file is looked at to see what it is.
const START: usize = 64;

/// Tells how far reading is.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Told>>);

struct Told {
    tell: Box<dyn FnMut(u64, u64) + Send>,
    done: u64,
    total: u64,
}

impl Progress {
    pub(super) fn new(tell: impl FnMut(u64, u64) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Told { tell: Box::new(tell), done: 0, total: 0 })))
    }

    fn total(&self, total: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total = total;
    }

    fn more(&self, bytes: usize) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Told { tell, done, total } = &mut *told;
        // A file that grows is seen by its digest.
        *done = (*done + bytes as u64).min(*total);
        tell(*done, *total);
    }

    /// Whatever was not needed is done as well.
    pub(super) fn done(&self) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Told { tell, total, .. } = &mut *told;
        tell(*total, *total);
    }
}

/// Opens a file, whatever of the two it is.
pub(super) fn open(
    path: &Path,
    passphrase: Option<&SecretString>,
    progress: &Progress,
) -> Result<Box<dyn BufRead + Send>> {
    // Looked at before it is opened: opening a pipe waits for whoever writes into it.
    let meta = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if !meta.is_file() {
        let message = format!("{} is no file; it is read twice", path.display());
        return Err(Error::new(ErrorKind::InvalidInput, message).with_hint("save it to a file first"));
    }
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    progress.total(meta.len().saturating_mul(2));
    let mut file = BufReader::with_capacity(64 * 1024, Watched { file, progress: progress.clone() });
    let is_sealed = {
        let start = file.fill_buf().map_err(|error| unreadable(path, error))?;
        SealedReader::<File>::recognizes(&start[..start.len().min(START)])
    };
    match (is_sealed, passphrase) {
        (false, None) => Ok(Box::new(file)),
        (true, Some(passphrase)) => {
            let opened = SealedReader::new(file, passphrase).map_err(|error| match error.kind() {
                nexus_vault::ErrorKind::WrongKey => {
                    Error::from(error).with_hint("give the passphrase that was chosen when it was exported")
                }
                _ => Error::from(error),
            })?;
            Ok(Box::new(BufReader::with_capacity(64 * 1024, opened)))
        }
        (true, None) => Err(Error::new(ErrorKind::InvalidInput, "this export is encrypted")
            .with_hint("give the passphrase that was chosen when it was exported")),
        (false, Some(_)) => Err(Error::new(ErrorKind::InvalidInput, "this file is not an encrypted export")
            .with_hint("import a plain one without a passphrase")),
    }
}

struct Watched {
    file: File,
    progress: Progress,
}

impl Read for Watched {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(into)?;
        self.progress.more(read);
        Ok(read)
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot read {}: {error}", path.display()))
        .with_hint("look at the path and who may read it")
        .with_source(error)
}

/// What reading says: what an archive says about itself is in the words of the vault.
pub(super) fn broken(error: std::io::Error) -> Error {
    match error.downcast::<nexus_vault::Error>() {
        Ok(of_vault) => of_vault.into(),
        Err(error) => {
            Error::new(ErrorKind::Io, format!("the import cannot be read: {error}")).with_source(error)
        }
    }
}
