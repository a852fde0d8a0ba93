//! Runs git to look at a project: bounded in time and bytes, without a pager, hooks, programs of the configuration and locks,
//! and so that no argument can be taken for an option.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::error::{Error, ErrorKind, Result};

/// How long one call may take.
const BOUND: Duration = Duration::from_secs(10);

/// Settings that would run a program, or change what is printed.
const SETTINGS: &[&str] = &[
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.quotePath=false",
    "color.ui=false",
    "diff.external=",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "diff.submodule=short",
    "log.showSignature=false",
    "submodule.recurse=false",
];

/// What a shell in which the editor was started may have set, a hook of git for example.
const NOT_INHERITED: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_TRACE",
    "GIT_PREFIX",
];

/// What git has printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// In UTF-8; what is none is replaced.
    pub text: String,
    /// Whether it had more to print than the limit.
    pub more: bool,
}

/// Runs git in a folder and gives at most `limit` bytes of what it prints. Dropped, git ends.
///
/// # Errors
/// `system.io` when git is missing or fails, `system.timeout`.
pub async fn run(folder: &Path, arguments: &[&str], limit: usize) -> Result<Printed> {
    let mut command = Command::new("git");
    command.arg("--no-pager");
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .current_dir(folder)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    match tokio::time::timeout(BOUND, output(command, limit)).await {
        Ok(printed) => printed,
        Err(_) => Err(Error::new(ErrorKind::Timeout, format!("git took longer than {} s", BOUND.as_secs()))
            .with_hint("try the same command in a terminal")),
    }
}

async fn output(mut command: Command, limit: usize) -> Result<Printed> {
    let mut child = command.spawn().map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot run git: {error}"))
            .with_hint("install git, and have it on PATH")
    })?;
    let (mut out, mut said) = (Vec::new(), Vec::new());
    let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        if let Some(stdout) = stdout {
            stdout.take(room).read_to_end(&mut out).await?;
        }
        std::io::Result::Ok(())
    };
    let listening = async {
        if let Some(stderr) = stderr {
            stderr.take(4096).read_to_end(&mut said).await?;
        }
        std::io::Result::Ok(())
    };
    // Its pipes are closed when both have read what they want, so it does not wait for us.
    tokio::try_join!(reading, listening)?;
    let more = out.len() > limit;
    let status = child.wait().await?;
    if !status.success() && !more {
        return Err(refused(&String::from_utf8_lossy(&said)));
    }
    out.truncate(limit);
    Ok(Printed { text: String::from_utf8_lossy(&out).into_owned(), more })
}

/// The error of a git that has failed, in its own words.
fn refused(said: &str) -> Error {
    let Some(line) = said.lines().find(|line| !line.trim().is_empty()) else {
        return Error::new(ErrorKind::NotFound, "git has found nothing");
    };
    let hint = match line {
        line if line.contains("not a git repository") => "make it one with `git init`",
        line if line.contains("dubious ownership") => {
            "the folder is another's: `git config --global --add safe.directory FOLDER`"
        }
        _ => "try the same in a terminal",
    };
    Error::new(ErrorKind::Io, format!("git failed: {}", line.trim_start_matches("fatal: "))).with_hint(hint)
}

/// The commit that a word names: `HEAD~2`, `main`, `v1.0`. Its hash can be nothing but a hash to git.
///
/// # Errors
/// `user.not_found` when there is no such commit.
pub async fn commit(folder: &Path, word: &str) -> Result<String> {
    let unknown = || {
        let shown: String = word.chars().take(100).collect();
        Error::new(ErrorKind::NotFound, format!("git knows no commit {}", shown.escape_debug()))
            .with_hint("name a branch, a tag, a hash or something like HEAD~2")
    };
    if word.is_empty() || word.len() > 250 || word.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(unknown());
    }
    let named = format!("{word}^{{commit}}");
    let found = run(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &named], 200).await;
    // It says nothing when there is none, and something when it cannot look.
    let hash = found.map_err(|error| if error.kind() == ErrorKind::NotFound { unknown() } else { error })?;
    let hash = hash.text.trim().to_owned();
    let is_hash = matches!(hash.len(), 40 | 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(hash) } else { Err(unknown()) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Runs git to make something, as a test needs it.
    pub(in crate::context) fn git(folder: &Path, arguments: &[&str]) {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"])
            .args(["-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git is needed: apt-get install git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A repository with one commit of `a.txt`.
    pub(in crate::context) fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet"]);
        std::fs::write(folder.path().join("a.txt"), "one\n").unwrap();
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "--quiet", "--message", "First"]);
        folder
    }

    #[tokio::test]
    async fn a_word_is_a_commit_or_nothing() {
        let folder = repository();
        let hash = commit(folder.path(), "HEAD").await.unwrap();
        assert_eq!(commit(folder.path(), "main").await.unwrap(), hash);
        for word in
            ["--help", "-p", "--output=/tmp/x", "", "HEAD HEAD", "HEAD\n", "nothing", ":/First", "a.txt"]
        {
            let result = commit(folder.path(), word).await;
            // `:/First` names the commit by its message, which is fine.
            assert!(result.as_ref().map_or(true, |found| *found == hash), "{word}: {result:?}");
            assert!(result.is_err() || word == ":/First", "{word}");
        }
        assert!(!folder.path().join("x").exists());
    }

    #[tokio::test]
    async fn no_program_of_the_configuration_is_run() {
        let folder = repository();
        let mark = folder.path().join("ran");
        let program = folder.path().join("evil.sh");
        std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let evil = program.display().to_string();
        for key in ["core.fsmonitor", "core.pager", "pager.diff", "diff.external", "gpg.program"] {
            git(folder.path(), &["config", key, &evil]);
        }
        git(folder.path(), &["config", "diff.evil.textconv", &evil]);
        git(folder.path(), &["config", "diff.evil.command", &evil]);
        std::fs::write(folder.path().join(".gitattributes"), "*.txt diff=evil\n").unwrap();
        std::fs::write(folder.path().join("a.txt"), "two\n").unwrap();
        let arguments = ["diff", "--no-ext-diff", "--no-textconv", "HEAD", "--"];
        let printed = run(folder.path(), &arguments, 9999).await.unwrap();
        assert!(printed.text.contains("-one\n+two"), "{}", printed.text);
        assert!(!mark.exists());
        // The same with what git does by itself, or the test would show nothing.
        git(folder.path(), &["diff", "HEAD"]);
        assert!(mark.exists());
    }

    #[tokio::test]
    async fn what_is_printed_is_bounded() {
        let folder = repository();
        let printed = run(folder.path(), &["log"], 10).await.unwrap();
        assert!(printed.more && printed.text.len() == 10);
        let error = run(tempfile::tempdir().unwrap().path(), &["log"], 10).await.err().unwrap();
        assert!(error.hint().is_some(), "{error}");
    }
}
