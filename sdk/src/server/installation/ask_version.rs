//! Asks a binary which version it is, by running it once with nothing of ours in its hands.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::npm::Group;
use crate::{Error, ErrorKind, Result};

/// One of 180 MB answers in about a second from a cold disk.
const BOUND: Duration = Duration::from_secs(30);
const ANSWER_BYTES: u64 = 4096;
/// Another thread of ours may be between fork and exec and hold the file open that was just written.
const BUSY_TRIES: u32 = 40;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// The version that `binary --version` prints. It runs in `home`, which becomes its home too, and sees no other
/// variable; it is killed with all its children when the bound passes or this future is dropped.
pub(in crate::server) async fn ask_version(binary: &Path, home: &Path) -> Result<String> {
    std::fs::create_dir_all(home)?;
    let mut command = tokio::process::Command::new(binary);
    command.arg("--version").current_dir(home).env_clear().env("HOME", home).env("USERPROFILE", home);
    for key in ["TMPDIR", "TEMP", "TMP"] {
        command.env(key, home);
    }
    if let Some(root) = std::env::var_os("SystemRoot") {
        // Without it nothing starts on Windows.
        command.env("SystemRoot", root);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = spawn(&mut command).await?;
    let _group = Group(child.id());
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::new(ErrorKind::Internal, "the binary was spawned without pipes"));
    };
    let (mut out, mut err) = (out.take(ANSWER_BYTES), err.take(ANSWER_BYTES));
    let (mut said, mut complaint) = (Vec::new(), Vec::new());
    let answer = async {
        let (read, more) = tokio::join!(out.read_to_end(&mut said), err.read_to_end(&mut complaint));
        read.and(more)?;
        child.wait().await
    };
    let status = tokio::time::timeout(BOUND, answer).await.map_err(|_| {
        refused(&format!("asked for its version, it did not answer within {} s", BOUND.as_secs()))
    })??;
    let said = String::from_utf8_lossy(&said);
    let complaint = String::from_utf8_lossy(&complaint);
    version_in(&said).filter(|_| status.success()).ok_or_else(|| {
        refused(&format!("asked for its version, it ended with {status}"))
            .with_context("output", format!("{said}{complaint}").trim().to_owned())
    })
}

async fn spawn(command: &mut tokio::process::Command) -> Result<tokio::process::Child> {
    for _ in 0..BUSY_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            Err(error) => return Err(refused(&format!("it cannot be run: {error}")).with_source(error)),
            Ok(child) => return Ok(child),
        }
    }
    Err(refused("it cannot be run: another process writes it"))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::LocalServer, format!("this is no OpenCode for this machine: {why}"))
        .with_operation("server.install")
        .with_hint("get the one for this system and processor")
}

/// The first word of the first line that looks like a version: `1.18.33`, `v1.18.33`, `opencode 1.18.33`.
fn version_in(text: &str) -> Option<String> {
    let words = text.lines().find(|line| !line.trim().is_empty())?.split_whitespace();
    let mut versions = words.map(|word| word.strip_prefix('v').unwrap_or(word));
    versions.find(|word| super::place::check_version(word).is_ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_read_from_what_people_print() {
        for text in ["1.18.33\n", "v1.18.33", "\n opencode 1.18.33 (linux)\n"] {
            assert_eq!(version_in(text).as_deref(), Some("1.18.33"), "{text}");
        }
        for text in ["", "\n\n", "Segmentation fault", "../1"] {
            assert_eq!(version_in(text), None, "{text}");
        }
    }
}
