//! `log`: lines of a plugin, for who looks for a fault in it. They go to `tracing`, with the plugin's name as a field, and to
//! `<data>/plugins/ID/log`, which `nexus plugin logs` shows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::HostState;
use super::wit::log::{Host, Level};
use crate::clock::rfc3339;
use crate::journal::{Book, Journal};
use crate::plain::one_line;

/// A line has at most so many bytes.
const LINE: usize = 8 * 1024;

/// So many lines a second.
const LINES: u32 = 200;

/// A file of the log has so many bytes, and one older file stays beside it.
const BYTES: u64 = 1024 * 1024;
const OLD: u32 = 1;

/// Where the log of a plugin lies in the folder of plugins; what is older has `.1` at its end. A line of it is
/// `TIME LEVEL message`, where the message has no controls.
pub fn log_file(folder: &Path, plugin: &str) -> PathBuf {
    folder.join(plugin).join("log")
}

/// The log of one plugin.
pub(super) struct PluginLog {
    plugin: String,
    book: Arc<Book>,
    journal: Arc<Journal>,
    gate: Mutex<Gate>,
}

impl PluginLog {
    pub(super) fn new(plugin: &str, file: PathBuf, journal: Arc<Journal>) -> Self {
        let book = Book::new(file, BYTES, OLD);
        Self { plugin: plugin.to_owned(), book, journal, gate: Mutex::default() }
    }

    /// Each line of a message is a line, so that a trace of a stack stays readable; none can pass for somebody else's.
    pub(super) fn write(&self, level: Level, message: &str) {
        let mut lines = message.split('\n').filter(|line| !line.trim().is_empty());
        for line in lines.by_ref() {
            let passed = self.gate().take(Instant::now());
            match passed {
                Passed::No => break,
                Passed::Yes { left_out } => {
                    self.say_left_out(left_out);
                    self.line(level, &one_line(line.trim_end(), LINE));
                }
            }
        }
        // The first of those that did not pass is counted already.
        let rest = lines.count() as u64;
        self.gate().left_out += rest;
    }

    fn gate(&self) -> std::sync::MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At the end of a call: nobody knows whether another line ever comes.
    pub(super) fn count_left_out(&self) {
        let left_out = std::mem::take(&mut self.gate().left_out);
        self.say_left_out(left_out);
    }

    fn say_left_out(&self, left_out: u64) {
        if left_out > 0 {
            self.line(Level::Warn, &format!("[{left_out} lines left out: more than {LINES} a second]"));
        }
    }

    fn line(&self, level: Level, line: &str) {
        let plugin = &self.plugin;
        let name = match level {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        };
        match level {
            Level::Trace => tracing::trace!(target: "plugin", %plugin, "{line}"),
            Level::Debug => tracing::debug!(target: "plugin", %plugin, "{line}"),
            Level::Info => tracing::info!(target: "plugin", %plugin, "{line}"),
            Level::Warn => tracing::warn!(target: "plugin", %plugin, "{line}"),
            Level::Error => tracing::error!(target: "plugin", %plugin, "{line}"),
        }
        self.journal.write(&self.book, format!("{} {name} {line}", rfc3339(SystemTime::now())));
    }
}

/// Lets so many lines a second through.
#[derive(Debug, Default)]
struct Gate {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Passed {
    Yes { left_out: u64 },
    No,
}

impl Gate {
    fn take(&mut self, now: Instant) -> Passed {
        if self.began.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1)) {
            (self.began, self.lines) = (Some(now), 0);
        }
        if self.lines == LINES {
            self.left_out += 1;
            return Passed::No;
        }
        self.lines += 1;
        Passed::Yes { left_out: std::mem::take(&mut self.left_out) }
    }
}

impl Host for HostState {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.caller.access.log.write(level, &message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &Path) -> (PluginLog, Arc<Journal>) {
        let journal = Journal::start().unwrap();
        (PluginLog::new("a.b", log_file(folder, "a.b"), Arc::clone(&journal)), journal)
    }

    fn written(folder: &Path, journal: &Journal) -> Vec<String> {
        journal.flush();
        let text = std::fs::read_to_string(log_file(folder, "a.b")).unwrap();
        text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn no_line_forges_another_or_acts_on_a_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let (log, journal) = log(folder.path());
        let evil =
            "one\r2026-01-01T00:00:00Z ERROR other.plugin: forged\n\u{1b}]52;c;ZXZpbA==\u{7}two\u{202e}";
        log.write(Level::Info, evil);
        assert_eq!(
            written(folder.path(), &journal),
            ["INFO one 2026-01-01T00:00:00Z ERROR other.plugin: forged", "INFO ]52;c;ZXZpbA==two"]
        );
    }

    #[test]
    fn a_line_of_ten_megabytes_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (log, journal) = log(folder.path());
        log.write(Level::Error, &"x".repeat(10_000_000));
        let lines = written(folder.path(), &journal);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].len() <= LINE + "ERROR ".len() && lines[0].ends_with('…'));
    }

    #[test]
    fn a_flood_is_counted_and_the_number_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (log, journal) = log(folder.path());
        log.write(Level::Info, &"a line\n".repeat(1_000_000));
        log.count_left_out();
        let lines = written(folder.path(), &journal);
        let (said, last) =
            (lines.iter().filter(|line| *line == "INFO a line").count(), lines.last().unwrap());
        let left_out: usize = lines
            .iter()
            .filter_map(|line| line.strip_prefix("WARN [")?.split_once(' ')?.0.parse::<usize>().ok())
            .sum();
        assert_eq!(said + left_out, 1_000_000);
        assert!(last.starts_with("WARN ["), "{last}");
    }

    #[test]
    fn two_hundred_lines_a_second_pass() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let passed = (0..1000).filter(|_| gate.take(now) != Passed::No).count();
        assert_eq!(passed, 200);
        assert_eq!(gate.take(now + Duration::from_millis(999)), Passed::No);
        assert_eq!(gate.take(now + Duration::from_secs(1)), Passed::Yes { left_out: 801 });
    }
}
