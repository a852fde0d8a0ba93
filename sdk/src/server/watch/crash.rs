//! Reports of servers that ended without having been asked: a file each, the last ten are kept.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::server::background::instances::write_private;

/// Reports that are kept in a folder.
const KEPT: usize = 10;

/// What is known about one crash. Secrets in the lines are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashReport {
    /// Which server, by the name that it was given.
    pub name: String,
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// Why, in a sentence.
    pub reason: String,
    /// The exit status, when the process ended by itself.
    pub exit_code: Option<i32>,
    /// The number of the signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Its version; `None` when it never answered.
    pub version: Option<String>,
    /// How long it ran, in milliseconds.
    pub uptime: u64,
    /// The last lines (at most 200) that it printed, oldest first.
    pub lines: Vec<String>,
}

impl CrashReport {
    /// Writes the report into a folder, which only we may read, and removes those that are too many.
    ///
    /// # Errors
    /// `system.io` when the folder cannot be written.
    pub fn save(&self, folder: &Path) -> Result<PathBuf> {
        let mut number = 0;
        let path = loop {
            // Two in the same millisecond are two files.
            let path = folder.join(format!("{:013}-{number}-{}.json", self.time, self.name));
            if !path.exists() {
                break path;
            }
            number += 1;
        };
        write_private(&path, &serde_json::to_vec_pretty(self).unwrap_or_default())?;
        let all = files(folder);
        for old in all.iter().rev().skip(KEPT) {
            // What another process has removed meanwhile is gone as well.
            std::fs::remove_file(old).ok();
        }
        Ok(path)
    }
}

/// The reports in a folder, newest first. Files that are no reports are passed over.
pub fn crash_reports(folder: &Path) -> Vec<CrashReport> {
    let read = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).ok()?).ok();
    files(folder).iter().rev().filter_map(read).collect()
}

/// Oldest first: the names begin with the time.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    all.sort();
    all
}

/// The exit status that a shell reports for its child: 128 and the signal's number when a signal ended it.
pub(in crate::server) fn decoded(status: std::process::ExitStatus) -> (Option<i32>, Option<i32>) {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return (None, Some(signal));
    }
    match status.code() {
        Some(code) if cfg!(unix) && code > 128 && code < 128 + 65 => (None, Some(code - 128)),
        code => (code, None),
    }
}

/// A line without what looks like a secret: the given ones, credentials in addresses, `Bearer` and `Basic`, keys that
/// begin with `sk-`, and values of names like `apiKey`, `token`, `secret` or `password`.
pub(in crate::server) fn redacted(line: &str, secrets: &[String]) -> String {
    let mut line = line.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        line = line.replace(secret.as_str(), HIDDEN);
    }
    let mut words = Vec::new();
    let mut hide_next = false;
    for word in line.split(' ') {
        let lower = word.to_lowercase();
        words.push(if std::mem::replace(&mut hide_next, false) && !word.is_empty() {
            HIDDEN.to_owned()
        } else {
            hidden(word)
        });
        hide_next = ["bearer", "basic"].iter().any(|scheme| lower.trim_matches(MARKS).ends_with(scheme));
    }
    words.join(" ")
}

const HIDDEN: &str = "[redacted]";
const MARKS: &[char] = &['"', '\'', ':', '=', ',', '(', ')', '{', '}', '[', ']', '\\'];

fn hidden(word: &str) -> String {
    if let (Some(scheme), Some(at)) = (word.find("://"), word.rfind('@'))
        && at > scheme
    {
        return format!("{}{HIDDEN}{}", &word[..scheme + 3], &word[at..]);
    }
    if let Some(key) = word.find("sk-")
        && word[key..].len() > 12
    {
        return format!("{}{HIDDEN}", &word[..key]);
    }
    if let Some(sign) = word.find(['=', ':'])
        && word.len() > sign + 1
        && ["key", "token", "secret", "password"]
            .iter()
            .any(|name| word[..sign].trim_matches(MARKS).to_lowercase().ends_with(name))
    {
        return format!("{}{HIDDEN}", &word[..=sign]);
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(time: u64) -> CrashReport {
        CrashReport {
            name: "default".into(),
            time,
            reason: "it ended".into(),
            exit_code: None,
            signal: Some(9),
            version: Some("1.18.33".into()),
            uptime: 5,
            lines: vec!["last words".into()],
        }
    }

    #[test]
    fn the_last_ten_reports_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("crashes");
        assert!(crash_reports(&folder).is_empty());
        for time in 0..15 {
            report(time).save(&folder).unwrap();
        }
        report(14).save(&folder).unwrap();
        let kept = crash_reports(&folder);
        assert_eq!(kept.iter().map(|r| r.time).collect::<Vec<_>>(), [14, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
        assert_eq!(kept[1], report(14));
    }

    #[test]
    fn lines_lose_their_secrets_and_nothing_else() {
        let secrets = ["hunter2".to_owned()];
        for (line, shown) in [
            ("password is hunter2, hunter2", "password is [redacted], [redacted]"),
            ("GET http://me:pw@host/x failed", "GET http://[redacted]@host/x failed"),
            ("authorization: Bearer abc.def", "authorization: Bearer [redacted]"),
            (
                "apiKey=abc token:x \"secret\":\"y\"",
                "apiKey=[redacted] token:[redacted] \"secret\":[redacted]",
            ),
            ("uses sk-abcdefghijklmnop now", "uses [redacted] now"),
            ("level=INFO message=\"loading path\" monkey", "level=INFO message=\"loading path\" monkey"),
            ("2 tokens: 5, a task-force", "2 tokens: 5, a task-force"),
        ] {
            assert_eq!(redacted(line, &secrets), shown);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_signal_is_recognised_through_the_shell() {
        use std::os::unix::process::ExitStatusExt as _;
        let status = |raw| std::process::ExitStatus::from_raw(raw);
        assert_eq!(decoded(status(137 << 8)), (None, Some(9)));
        assert_eq!(decoded(status(9)), (None, Some(9)));
        assert_eq!(decoded(status(3 << 8)), (Some(3), None));
    }
}
