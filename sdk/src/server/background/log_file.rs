//! A log file that does not grow without end: above a size it is set aside, and only one is kept so.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// A few days of a busy server; two files are twice that.
const SIZE: u64 = 4 * 1024 * 1024;

/// A file that lines are appended to.
pub(in crate::server) struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
    limit: u64,
}

impl LogFile {
    pub(in crate::server) fn open(path: &Path) -> Result<Self> {
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
    pub(in crate::server) fn push(&mut self, line: &str) {
        if let Err(error) = self.try_push(line) {
            tracing::debug!(%error, "a line of a server's log is lost, or the lines before it");
        }
    }

    /// As `push`, but says what the system has refused.
    fn try_push(&mut self, line: &str) -> std::io::Result<()> {
        let turned = if self.length >= self.limit { self.turn() } else { Ok(()) };
        // In one piece, because others may append to the same file.
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes())?;
        self.length += line.len() as u64;
        turned
    }

    /// The file is copied and emptied, not renamed: others who append to it (our own log does) go on in the right place.
    /// It is emptied also when it cannot be copied, because it must not grow without end.
    fn turn(&mut self) -> std::io::Result<()> {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        let copied = std::fs::copy(&self.path, aside);
        self.file.set_len(0)?;
        self.length = 0;
        copied.map(drop)
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
            // Not `push`: a disk that is full would show as a wrong number of files, and nobody could tell why.
            log.try_push(&format!("line {number:04}")).unwrap();
        }
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(names.len(), 2);
        assert!(names.iter().all(|entry| entry.metadata().unwrap().len() <= 110));
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("line 0099\n"));
        // Opened again, it goes on.
        LogFile::with_limit(&path, 1000).unwrap().push("more");
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("line 0099\nmore\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named_and_stops_nobody() {
        let mut log = LogFile::with_limit(Path::new("/dev/full"), 100).unwrap();
        log.push("lost");
        assert_eq!(log.try_push("lost").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(log.length, 0, "what was not written does not count");
    }
}
