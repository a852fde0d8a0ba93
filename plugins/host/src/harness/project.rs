//! A project in a folder: files, and commits when there are any.

use std::path::Path;
use std::process::{Command, Stdio};

use opencode_nexus::{Error, ErrorKind, Result};

use crate::manifest::is_safe_path;

/// A commit of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The whole message.
    pub message: String,
    /// `Name <address>`
    pub author: String,
    /// When, as git reads it: `2026-11-25T12:00:00Z`. Now when there is none.
    pub date: Option<String>,
    /// The files that it writes: path and text.
    pub files: Vec<(String, String)>,
}

/// Makes the project. Files that no commit has written are not committed.
pub fn make(folder: &Path, files: &[(String, String)], commits: &[Commit]) -> Result<()> {
    if !commits.is_empty() {
        git(folder, &["init", "--quiet", "--initial-branch=main"], &[])?;
    }
    for commit in commits {
        write(folder, &commit.files)?;
        git(folder, &["add", "--all"], &[])?;
        let (name, address) = commit.author.split_once('<').unwrap_or((&commit.author, "nobody@example.org"));
        let (name, address) = (name.trim(), address.trim_end_matches('>'));
        let mut variables = vec![
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", address),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", address),
        ];
        if let Some(date) = &commit.date {
            variables.extend([("GIT_AUTHOR_DATE", date.as_str()), ("GIT_COMMITTER_DATE", date.as_str())]);
        }
        git(folder, &["commit", "--quiet", "--allow-empty", "--message", &commit.message], &variables)?;
    }
    write(folder, files)
}

fn write(folder: &Path, files: &[(String, String)]) -> Result<()> {
    for (path, text) in files {
        if !is_safe_path(path) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{path} is no path inside a project")));
        }
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Git without what the person has set for theirs: no hooks, no signatures.
fn git(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", nowhere)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(variables.iter().copied())
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Error::new(ErrorKind::Configuration, format!("cannot run git: {error}")).with_hint("install git")
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::new(ErrorKind::InvalidInput, format!("git {}: {said}", arguments[0])))
}
