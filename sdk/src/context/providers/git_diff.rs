//! `@git-diff`, `@git-diff:HEAD~2`, `@git-diff:main..topic`: what has changed since a commit, staged and untracked files
//! included, or between two commits.

use std::fmt::Write as _;

use async_trait::async_trait;

use super::{blocking, info, root, text_item};
use crate::context::item::{ContextItem, Trust};
use crate::context::mention::Mention;
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::context::root::Root;
use crate::context::{fuzzy, git, text_file};
use crate::error::Result;

/// A longer diff is cut.
const BYTES: usize = 1024 * 1024;

/// So many untracked files are told with their text, each with at most so many bytes.
const UNTRACKED: usize = 100;
const UNTRACKED_BYTES: usize = 32 * 1024;

/// How a diff is made; the commits follow.
const DIFF: &[&str] =
    &["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--relative"];

pub(super) struct GitDiffProvider;

#[async_trait]
impl ContextProvider for GitDiffProvider {
    fn info(&self) -> ProviderInfo {
        info(
            "git-diff",
            "what has changed since the last commit, or since another one",
            Some("revision"),
            false,
        )
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        revisions("git-diff", scope, typed, limit).await
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let root = root(scope).await?;
        let folder = root.path();
        let (title, mut text) = match argument.and_then(|word| word.split_once("..")) {
            Some((from, to)) => {
                // Three dots: since where they parted.
                let (to, parted) = to.strip_prefix('.').map_or((to, false), |to| (to, true));
                let (from, to) =
                    (git::commit(folder, or_head(from)).await?, git::commit(folder, or_head(to)).await?);
                let range = if parted { format!("{from}...{to}") } else { format!("{from}..{to}") };
                (format!("git diff {}", argument.unwrap_or_default()), diff(folder, &range).await?)
            }
            None => {
                let base = match argument {
                    Some(word) => git::commit(folder, word).await?,
                    None => head(folder).await?,
                };
                let mut text = diff(folder, &base).await?;
                text.push_str(&untracked(root).await?);
                (format!("git diff {}", argument.unwrap_or("HEAD")), text)
            }
        };
        if text.is_empty() {
            text.push_str("Nothing has changed.\n");
        }
        Ok(vec![text_item("git-diff", title, "diff", text, Trust::Project, 0.85)])
    }
}

fn or_head(word: &str) -> &str {
    if word.is_empty() { "HEAD" } else { word }
}

/// The last commit, or the empty tree in a repository that has none yet.
async fn head(folder: &std::path::Path) -> Result<String> {
    match git::commit(folder, "HEAD").await {
        Ok(hash) => Ok(hash),
        Err(error) => {
            // Nothing is written by it: it only says the name.
            let empty = git::run(folder, &["hash-object", "-t", "tree", "--stdin"], 200).await;
            let inside = git::run(folder, &["rev-parse", "--is-inside-work-tree"], 200).await;
            match (empty, inside) {
                (Ok(empty), Ok(_)) => Ok(empty.text.trim().to_owned()),
                _ => Err(error),
            }
        }
    }
}

/// `commits` are hashes, so they are no options.
async fn diff(folder: &std::path::Path, commits: &str) -> Result<String> {
    let printed = git::run(folder, &[DIFF, &[commits, "--", "."]].concat(), BYTES).await?;
    Ok(if printed.more {
        format!("{}\n[cut here: the diff is too long]\n", printed.text)
    } else {
        printed.text
    })
}

/// Files that git does not know yet, as if they were added.
async fn untracked(root: Root) -> Result<String> {
    let arguments = ["ls-files", "--others", "--exclude-standard", "-z", "--", "."];
    let listed = git::run(root.path(), &arguments, BYTES).await?;
    blocking(move || {
        // The last name may be cut off.
        let names: Vec<&str> = listed.text.split_terminator('\0').collect();
        let mut out = String::new();
        for name in names.iter().take(UNTRACKED) {
            out.push_str(&added(&root, name));
        }
        if names.len() > UNTRACKED {
            // Writing into a text cannot fail.
            let _ = writeln!(out, "[{} more untracked files]", names.len() - UNTRACKED);
        }
        Ok(out)
    })
    .await
}

fn added(root: &Root, name: &str) -> String {
    let header = format!("diff --git a/{name} b/{name}\nnew file (untracked)\n");
    let path = root.path().join(name);
    // A link is told and not followed.
    let is_link = std::fs::symlink_metadata(&path).map_or(true, |meta| meta.is_symlink());
    let read = root.resolve(name).and_then(|path| text_file::read(&path, name, None, UNTRACKED_BYTES));
    let excerpt = match read {
        Ok(excerpt) if !is_link => excerpt,
        _ => return format!("{header}Binary files /dev/null and b/{name} differ\n"),
    };
    let lines = excerpt.text.lines().count();
    let mut out = format!("{header}--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{lines} @@\n");
    for line in excerpt.text.lines() {
        // Writing into a text cannot fail.
        let _ = writeln!(out, "+{line}");
    }
    if excerpt.more {
        out.push_str("[cut here: the file is too long]\n");
    }
    out
}

/// Branches, tags and the last commits, for completion.
pub(super) async fn revisions(
    provider: &str,
    scope: &Scope<'_>,
    typed: &str,
    limit: usize,
) -> Result<Vec<Suggestion>> {
    let format = "--format=%(refname:short)\t%(subject)";
    let arguments = [
        "for-each-ref",
        "--sort=-committerdate",
        "--count=200",
        format,
        "refs/heads",
        "refs/tags",
        "refs/remotes",
    ];
    let (refs, log) = tokio::try_join!(
        git::run(scope.root, &arguments, BYTES),
        git::run(scope.root, &["log", "-10", "--format=%s"], BYTES),
    )?;
    let near = log.text.lines().enumerate().map(|(n, subject)| {
        (if n == 0 { "HEAD".to_owned() } else { format!("HEAD~{n}") }, subject.to_owned())
    });
    let named = refs.text.lines().filter_map(|line| line.split_once('\t'));
    let all: Vec<(String, String)> =
        near.chain(named.map(|(name, subject)| (name.to_owned(), subject.to_owned()))).collect();
    let best = fuzzy::best(typed, all.iter(), |(name, _)| name, limit);
    let made = best.into_iter().filter_map(|(name, subject)| {
        let mention = Mention::written(Some(provider), name)?;
        let detail = Some(subject.chars().filter(|c| !c.is_control()).take(80).collect());
        Some(Suggestion { label: name.clone(), detail, mention })
    });
    Ok(made.collect())
}
