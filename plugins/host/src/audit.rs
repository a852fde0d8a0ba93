//! The audit log: `<data>/plugins/audit.log`, a JSON object a line for each call of a plugin that touches what was granted.
//!
//! It says when, who, which call, what it was about (a host, a path, the name of a secret), and whether it was allowed. Bodies,
//! queries, paths of addresses and secrets are never in it: an address may itself be one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::clock::rfc3339;
use crate::journal::{Book, Journal};
use crate::plain::one_line;

/// A file of it has so many bytes, and so many older ones stay beside it.
const BYTES: u64 = 4 * 1024 * 1024;
const OLD: u32 = 3;

/// So many lines a plugin and second, of what was allowed and of what was denied each; the rest is counted. A plugin cannot
/// push out quickly what it would like to be forgotten.
const LINES: u32 = 50;

/// What is called may be named with so many bytes.
const WHAT: usize = 512;

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// RFC 3339, UTC.
    pub time: String,
    /// `publisher.name`
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// `http.fetch`, `workspace.read`, …
    pub call: String,
    /// A host, a path, a name.
    pub what: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// So many lines of this plugin were left out before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The audit log of a process.
#[derive(Debug)]
pub struct Audit {
    journal: Arc<Journal>,
    book: Arc<Book>,
}

/// How much a plugin has written in this second.
#[derive(Debug, Default)]
pub(crate) struct Share {
    inner: Mutex<[Second; 2]>,
}

#[derive(Debug, Default)]
struct Second {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Second {
    /// `Some` when the line may be written: how many were left out before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
        if self.began.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1)) {
            (self.began, self.lines) = (Some(now), 0);
        }
        if self.lines == LINES {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Audit {
    /// The log in the folder of plugins.
    pub(crate) fn open(folder: &Path, journal: Arc<Journal>) -> Arc<Self> {
        Arc::new(Self { journal, book: Book::new(path(folder), BYTES, OLD) })
    }

    /// Writes what a plugin has called.
    pub(crate) fn record(
        &self,
        (plugin, version): (&str, &str),
        share: &Share,
        call: &str,
        what: &str,
        allowed: bool,
    ) {
        let mut seconds = share.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left_out) = seconds[usize::from(allowed)].take(Instant::now()) else { return };
        drop(seconds);
        let record = Record {
            time: rfc3339(SystemTime::now()),
            plugin: plugin.to_owned(),
            version: version.to_owned(),
            call: call.to_owned(),
            what: one_line(what, WHAT),
            allowed,
            left_out,
        };
        // Texts, numbers and booleans: they always become JSON.
        if let Ok(line) = serde_json::to_string(&record) {
            self.journal.write(&self.book, line);
        }
    }

    /// Waits until everything is with the system. It blocks.
    pub fn flush(&self) {
        self.journal.flush();
    }
}

/// Where it lies in the folder of plugins.
pub fn path(folder: &Path) -> PathBuf {
    folder.join("audit.log")
}

/// The last records, the oldest first, of one plugin or of all. Lines that are none (cut by a full disk) are passed over.
///
/// # Errors
/// `system.io` when it cannot be read; none at all is no error.
pub fn read(folder: &Path, plugin: Option<&str>, limit: usize) -> opencode_nexus::Result<Vec<Record>> {
    let path = path(folder);
    let mut records = Vec::new();
    for number in (0..=OLD).rev() {
        let name = if number == 0 { path.clone() } else { folder.join(format!("audit.log.{number}")) };
        let text = match std::fs::read(&name) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let parsed = text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
        records.extend(parsed.filter(|record| plugin.is_none_or(|id| record.plugin == id)));
    }
    records.drain(..records.len().saturating_sub(limit));
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_can_be_read_and_nothing_in_it_forges_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), Journal::start().unwrap());
        let share = Share::default();
        audit.record(("a.b", "1.0.0"), &share, "workspace.read", "x\n{\"plugin\":\"c.d\"}", false);
        audit.record(("c.d", "1.0.0"), &Share::default(), "http.fetch", "https://example.org", true);
        audit.flush();
        let all = read(folder.path(), None, 10).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].what, "x {\"plugin\":\"c.d\"}");
        assert_eq!(read(folder.path(), Some("c.d"), 10).unwrap(), all[1..]);
        assert_eq!(read(folder.path(), None, 1).unwrap(), all[1..]);
        assert_eq!(read(&folder.path().join("nowhere"), None, 1).unwrap(), []);
    }

    #[test]
    fn a_flood_of_allowed_calls_is_counted_and_does_not_hide_what_was_denied() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), Journal::start().unwrap());
        let share = Share::default();
        for _ in 0..10_000 {
            audit.record(("a.b", "1.0.0"), &share, "workspace.read", "docs/a.md", true);
        }
        audit.record(("a.b", "1.0.0"), &share, "workspace.read", "../secret", false);
        audit.flush();
        let all = read(folder.path(), None, 100_000).unwrap();
        assert!(!all.last().unwrap().allowed);
        // One second or a few, however slow the machine is.
        assert!(all.len() < 5000, "{}", all.len());
    }

    #[test]
    fn a_second_gives_so_many_lines_and_the_next_one_says_what_was_left_out() {
        let mut second = Second::default();
        let now = Instant::now();
        let written = (0..80).filter(|_| second.take(now).is_some()).count();
        assert_eq!(written, 50);
        assert_eq!(second.take(now + Duration::from_secs(1)), Some(30));
        assert_eq!(second.take(now + Duration::from_secs(1)), Some(0));
    }
}
