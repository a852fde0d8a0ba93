//! `git`: what git says of the folder, by commands whose arguments are ours.
//!
//! A plugin gives names of commits, which become hashes before anything else sees them, and paths, which are taken literally and
//! stay below the folder. No program of the configuration is run: no pager, hook, external diff, text conversion, and, where
//! files of the folder are read, no filter.

use std::path::{Path, PathBuf};

use opencode_nexus::context::git;
use opencode_nexus::{ErrorKind, Result};

use super::HostState;
use super::call::within;
use super::failure::{Answer, failure, from_sdk};
use super::wit::git::{Author, BlameLine, Commit, Host};
use super::wit::types::ErrorCode;
use super::workspace::{is_of_git, parts};

/// So many commits and lines at once.
const COMMITS: u32 = 200;
const LINES: u32 = 10_000;

/// What git prints is cut at so many bytes.
const DIFF: usize = 1024 * 1024;
const LOG: usize = 2 * 1024 * 1024;
const BLAME: usize = 4 * 1024 * 1024;

/// A message of a commit is cut at so many bytes.
const MESSAGE: usize = 16 * 1024;

/// A name of a commit, or two of them, is no longer.
const REVISION: usize = 500;

/// Paths are words and no patterns; what a diff is has been settled.
const LITERAL: &str = "--literal-pathspecs";
const AS_DIFF: &[&str] = &[
    "--patch",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--find-renames",
    "--relative",
    "--no-show-signature",
];

impl HostState {
    /// Checks the permission, writes it down, and gives the folder.
    fn git_folder(&self, call: &str, what: &str) -> Answer<PathBuf> {
        if self.caller.rights.granted().git.is_none() {
            return Err(self.denied(call, "git", what));
        }
        self.allowed(call, what);
        Ok(self.caller.workspace.clone())
    }

    async fn git_log(
        &mut self,
        revision: Option<String>,
        path: Option<String>,
        limit: u32,
    ) -> Answer<Vec<Commit>> {
        let revision = revision.unwrap_or_else(|| "HEAD".to_owned());
        let folder = self.git_folder("git.log", &revision)?;
        let path = path.as_deref().map(literal).transpose()?;
        let bound = self.remaining();
        within(bound, "git log", async {
            let hash = commit(&folder, &revision).await?;
            let count = format!("--max-count={}", limit.min(COMMITS));
            // NUL ends a commit, and nothing that git prints of one has a line break before the message.
            let format = "--format=%H%n%an%n%ae%n%ct%n%B";
            let mut arguments = vec![LITERAL, "log", "-z", "--no-color", "--no-show-signature", "--no-patch"];
            arguments.extend(["--no-notes", "--encoding=UTF-8", &count, format, &hash, "--"]);
            arguments.extend(path.as_deref());
            let printed = run(&folder, &arguments, LOG).await?;
            let mut commits: Vec<&str> = printed.text.split('\0').collect();
            if printed.more {
                // The last one is cut somewhere.
                commits.pop();
            }
            Ok(commits.into_iter().filter_map(parse_commit).collect())
        })
        .await
    }

    async fn git_blame(&mut self, path: String, first: u32, last: u32) -> Answer<Vec<BlameLine>> {
        let folder = self.git_folder("git.blame", &path)?;
        let path = literal(&path)?;
        let last = last.min(first.saturating_add(LINES));
        if last <= first {
            return Ok(Vec::new());
        }
        let bound = self.remaining();
        within(bound, "git blame", async {
            // Git counts from 1, and its last line is part of the range.
            let range = format!("-L{},{last}", first.saturating_add(1));
            let filters = without_filters(&folder).await?;
            let mut arguments: Vec<&str> = Vec::new();
            for setting in &filters {
                arguments.extend(["-c", setting]);
            }
            arguments.extend([
                LITERAL,
                "blame",
                "--line-porcelain",
                "--no-textconv",
                "--encoding=UTF-8",
                "--no-progress",
            ]);
            arguments.extend([&range, "--", path.as_str()]);
            let printed = run(&folder, &arguments, BLAME).await?;
            Ok(parse_blame(&printed.text))
        })
        .await
    }

    async fn git_diff(&mut self, revision: String, path: Option<String>) -> Answer<String> {
        let folder = self.git_folder("git.diff", &revision)?;
        let path = path.as_deref().map_or_else(|| Ok(".".to_owned()), literal)?;
        let bound = self.remaining();
        within(bound, "git diff", async {
            let mut arguments = vec![LITERAL];
            let range;
            match revision.split_once("..") {
                Some((from, to)) => {
                    // Three dots: since where they parted.
                    let (to, dots) = to.strip_prefix('.').map_or((to, ".."), |to| (to, "..."));
                    let (from, to) =
                        (commit(&folder, or_head(from)).await?, commit(&folder, or_head(to)).await?);
                    range = format!("{from}{dots}{to}");
                    arguments.push("diff");
                }
                None => {
                    range = commit(&folder, &revision).await?;
                    arguments.extend(["show", "--format=", "--diff-merges=first-parent"]);
                }
            }
            arguments.extend(AS_DIFF);
            arguments.extend([&range, "--", path.as_str()]);
            let printed = run(&folder, &arguments, DIFF).await?;
            Ok(if printed.more { cut_at_line(&printed.text).to_owned() } else { printed.text })
        })
        .await
    }
}

fn or_head(name: &str) -> &str {
    if name.is_empty() { "HEAD" } else { name }
}

/// The hash that a name means.
async fn commit(folder: &Path, name: &str) -> Answer<String> {
    if name.len() > REVISION {
        return Err(failure(ErrorCode::Invalid, "the name of the commit is too long"));
    }
    git::commit(folder, name).await.map_err(|error| from_sdk(&error))
}

async fn run(folder: &Path, arguments: &[&str], limit: usize) -> Answer<git::Printed> {
    git::run(folder, arguments, limit).await.map_err(|error| {
        // What git says when a path or a line is not there has the path in it, which the plugin knows; the rest is its own words.
        let mut heard = from_sdk(&error);
        if error.kind() == ErrorKind::Io
            && (heard.message.contains("no such path") || heard.message.contains("has only"))
        {
            heard.code = ErrorCode::NotFound;
        }
        heard
    })
}

/// A path below the folder, as one word for git.
fn literal(path: &str) -> Answer<String> {
    let parts = parts(path)?;
    match parts.is_empty() {
        true => Ok(".".to_owned()),
        false if is_of_git(&parts) => {
            Err(failure(ErrorCode::Invalid, "what git keeps for itself has no history"))
        }
        false => Ok(parts.join("/")),
    }
}

/// Settings that take the programs away through which git would read files of the folder: a repository brings them along.
async fn without_filters(folder: &Path) -> Answer<Vec<String>> {
    let arguments =
        ["config", "--name-only", "-z", "--get-regexp", r"^filter\..*\.(clean|smudge|process|required)$"];
    let found: Result<git::Printed> = git::run(folder, &arguments, 64 * 1024).await;
    let names = match found {
        Ok(printed) if printed.more => {
            return Err(failure(ErrorCode::Unavailable, "the configuration of git has too many filters"));
        }
        Ok(printed) => printed.text,
        // It says nothing when there are none.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(from_sdk(&error)),
    };
    let names = names.split('\0').filter(|name| !name.is_empty());
    names
        .map(|name| match name {
            // `-c` would read another setting out of it.
            name if name.contains(['=', '\n']) => Err(failure(
                ErrorCode::Unavailable,
                "the configuration of git has a filter with a strange name",
            )),
            name if name.ends_with(".required") => Ok(format!("{name}=false")),
            name => Ok(format!("{name}=")),
        })
        .collect()
}

fn parse_commit(text: &str) -> Option<Commit> {
    let mut lines = text.trim_start_matches('\n').splitn(5, '\n');
    let (id, name, email) = (lines.next()?, lines.next()?, lines.next()?);
    let seconds: u64 = lines.next()?.parse().unwrap_or_default();
    let message = lines.next().unwrap_or_default().trim_end();
    let end = message.floor_char_boundary(MESSAGE);
    Some(Commit {
        id: id.to_owned(),
        author: Author { name: name.to_owned(), email: email.to_owned() },
        time_ms: seconds.saturating_mul(1000),
        message: message[..end].to_owned(),
    })
}

/// `HASH OLD NEW …`, headers, and the line behind a tab.
fn parse_blame(text: &str) -> Vec<BlameLine> {
    let mut found = Vec::new();
    let (mut commit, mut number, mut author, mut time) = ("", 0_u32, "", 0_u64);
    for line in text.split('\n') {
        if let Some(text) = line.strip_prefix('\t') {
            found.push(BlameLine {
                line: number.saturating_sub(1),
                commit: commit.to_owned(),
                author: author.to_owned(),
                time_ms: time.saturating_mul(1000),
                text: text.strip_suffix('\r').unwrap_or(text).to_owned(),
            });
            (commit, author, time) = ("", "", 0);
        } else if commit.is_empty() {
            let mut words = line.split(' ');
            commit = words.next().unwrap_or_default();
            number = words.nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        } else if let Some(name) = line.strip_prefix("author ") {
            author = name;
        } else if let Some(seconds) = line.strip_prefix("author-time ") {
            time = seconds.parse().unwrap_or_default();
        }
    }
    found
}

fn cut_at_line(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

impl Host for HostState {
    async fn log(
        &mut self,
        revision: Option<String>,
        path: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Answer<Vec<Commit>>> {
        Ok(self.git_log(revision, path, limit).await)
    }

    async fn blame(
        &mut self,
        path: String,
        first: u32,
        last: u32,
    ) -> wasmtime::Result<Answer<Vec<BlameLine>>> {
        Ok(self.git_blame(path, first, last).await)
    }

    async fn diff(&mut self, revision: String, path: Option<String>) -> wasmtime::Result<Answer<String>> {
        Ok(self.git_diff(revision, path).await)
    }
}

#[cfg(test)]
mod tests;
