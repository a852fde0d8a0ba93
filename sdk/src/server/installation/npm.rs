//! Runs the person's own npm client, so that their registry, proxy and certificates apply. Bounded, and killed
//! with all its children when the bound passes or the caller goes away.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::server::versions::find::on_path;
use crate::{Error, ErrorKind, Result, Retry};

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };
/// An answer in JSON is a few kilobytes.
const ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// Whether npm may use the network for an installation.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// As npm is configured (`npm config get offline`).
    #[default]
    AsConfigured,
    /// What npm's cache holds is not asked for again.
    PreferCache,
    /// Only what npm's cache holds.
    Offline,
}

impl Network {
    fn flag(self) -> Option<&'static str> {
        match self {
            Self::AsConfigured => None,
            Self::PreferCache => Some("--prefer-offline"),
            Self::Offline => Some("--offline"),
        }
    }
}

/// Runs `npm ARGUMENTS --json` in `directory` and gives what it printed as JSON.
pub(in crate::server) async fn run(
    directory: &Path,
    arguments: &[&str],
    network: Network,
    bound: Duration,
) -> Result<Value> {
    let program = on_path(NPM).ok_or_else(|| {
        Error::new(ErrorKind::LocalServer, "npm, which installs OpenCode, was not found on PATH")
            .with_operation("server.install")
            .with_hint(
                "install Node.js with npm (nodejs.org), or give an opencode binary by NEXUS_OPENCODE_BIN",
            )
    })?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).args(["--json", "--no-update-notifier", "--no-fund", "--no-audit"]);
    command.args(network.flag());
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command
        .spawn()
        .map_err(|e| Error::new(ErrorKind::LocalServer, format!("cannot run npm: {e}")).with_source(e))?;
    let _group = Group(child.id());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::new(ErrorKind::Internal, "npm was spawned without pipes"));
    };
    let (mut out, mut err) = (out.take(ANSWER_BYTES), err.take(ANSWER_BYTES));
    let finished = async {
        let (read, more, status) =
            tokio::join!(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr), child.wait());
        read.and(more).and(status)
    };
    let status = match tokio::time::timeout(bound, finished).await {
        Ok(status) => status?,
        Err(_) => {
            let message = format!("npm did not finish within {} s", bound.as_secs());
            return Err(Error::new(ErrorKind::Timeout, message).with_hint("try again on a better connection"));
        }
    };
    let answer: Option<Value> = serde_json::from_slice(&stdout).ok();
    match answer {
        Some(answer) if status.success() && answer.get("error").is_none() => Ok(answer),
        answer => {
            let error = failure(answer.as_ref(), &String::from_utf8_lossy(&stderr));
            Err(match network {
                Network::Offline => {
                    error.with_hint("npm's cache does not hold it: try again without --offline")
                }
                _ => error,
            })
        }
    }
}

/// Kills a process group (of npm with its children) when dropped; harmless after it has ended, because only then the id may be reused
/// and by then it was taken out by `wait`.
pub(in crate::server) struct Group(pub(in crate::server) Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(Ok(group)) = self.0.map(libc::pid_t::try_from) {
            // SAFETY: kill has no memory effects. A group id stays taken while any member lives; without one this
            // finds nobody.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
    }
}

fn failure(answer: Option<&Value>, stderr: &str) -> Error {
    let field = |name: &str| answer.and_then(|a| a.get("error")?.get(name)?.as_str()).unwrap_or_default();
    let (code, summary) = (field("code"), field("summary"));
    let summary = if summary.is_empty() { stderr.lines().last().unwrap_or("no message") } else { summary };
    let offline =
        ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ENOTCACHED"];
    let error = Error::new(ErrorKind::LocalServer, format!("npm failed: {}", summary.trim()))
        .with_operation("server.install")
        .with_context("code", code)
        .with_context("stderr", tail(stderr));
    if offline.iter().any(|known| code == *known || stderr.contains(known)) {
        error.with_retry(Retry::Now).with_hint(
            "the package registry of your npm configuration is not reachable: go online or check `npm config get \
             registry` and the proxy, or give an opencode binary by NEXUS_OPENCODE_BIN",
        )
    } else if let Some(why) = unwritable(code, stderr, summary) {
        error.with_hint(format!("{why}, or set XDG_CACHE_HOME to a folder on another disk"))
    } else if code == "E404" || code == "ETARGET" {
        error.with_hint("this version is not published for this system: choose another one")
    } else {
        error.with_hint("run `npm ping` to see whether npm works")
    }
}

/// What to do when the cache cannot be written.
fn unwritable(code: &str, stderr: &str, summary: &str) -> Option<&'static str> {
    let says = |word: &str| code == word || stderr.contains(word) || summary.contains(word);
    if says("ENOSPC") || says("EDQUOT") {
        return Some("free some space on the disk of your cache folder");
    }
    (says("EACCES") || says("EROFS")).then_some("make your cache folder writable")
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_what_to_do() {
        let offline = serde_json::json!({"error": {"code": "ENOTFOUND", "summary": "no host"}});
        let error = failure(Some(&offline), "");
        assert!(error.hint().unwrap().contains("not reachable"));
        assert_eq!(error.retry(), Retry::Now);
        let missing = serde_json::json!({"error": {"code": "E404", "summary": "nothing there"}});
        assert!(failure(Some(&missing), "").hint().unwrap().contains("not published"));
        let full = failure(None, "npm error ENOSPC: no space left on device, write\n");
        assert!(full.hint().unwrap().contains("free some space"));
        assert!(failure(None, "npm error broken\n").message().contains("npm error broken"));
    }
}
