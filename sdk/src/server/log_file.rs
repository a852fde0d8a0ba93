//! A log file that does not grow without end: above a size it is set aside, and only one is kept so.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// A few days of a busy server; two files are twice that.
const SIZE: u64 = 4 * 1024 * 1024;

/// A file that lines are appended to.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
    limit: u64,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Self::with_limit(path, SIZE)
    }

    fn with_limit(path: &Path, limit: u64) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Io, format!("cannot write the log file {}: {error}", path.display()))
                .with_hint("name a file in a folder that you may write to")
                .with_source(error)
        };
        let file = append(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Self { path: path.to_owned(), file, length, limit })
    }

    /// Appends a line. A full disk is not an error: a log is a convenience, and must not stop what it tells about.
    pub(super) fn push(&mut self, line: &str) {
        if self.length >= self.limit {
            self.turn();
        }
        // In one piece, because others may append to the same file.
        let line = format!("{line}\n");
        if self.file.write_all(line.as_bytes()).is_ok() {
            self.length += line.len() as u64;
        }
    }

    /// The file is copied and emptied, not renamed: others who append to it (our own log does) go on in the right place.
    fn turn(&mut self) {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        if let Err(error) = std::fs::copy(&self.path, aside) {
            tracing::debug!(%error, "a log file cannot be set aside and begins anew");
        }
        if self.file.set_len(0).is_ok() {
            self.length = 0;
        }
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create(true).append(true);
    // What tools print can be confidential.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_set_aside_when_it_is_full_and_no_more_than_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let mut log = LogFile::with_limit(&path, 100).unwrap();
        for number in 0..100 {
            log.push(&format!("line {number:04}"));
        }
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(names.len(), 2);
        assert!(names.iter().all(|entry| entry.metadata().unwrap().len() <= 110));
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("line 0099\n"));
        // Opened again, it goes on.
        LogFile::with_limit(&path, 1000).unwrap().push("more");
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("line 0099\nmore\n"));
    }
}
