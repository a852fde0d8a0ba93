//! `@git-log`, `@git-log:50`, `@git-log:main`, `@git-log:src/lib.rs`: the last commits, of a branch, or of a file or folder.

use async_trait::async_trait;

use super::git_diff::revisions;
use super::{info, root, text_item};
use crate::context::git;
use crate::context::item::{ContextItem, Trust};
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::error::Result;

/// So many commits, when no number is named.
const COMMITS: u32 = 20;

/// The largest number that may be named.
const MOST: u32 = 500;

/// A longer log is cut.
const BYTES: usize = 256 * 1024;

pub(super) struct GitLogProvider;

#[async_trait]
impl ContextProvider for GitLogProvider {
    fn info(&self) -> ProviderInfo {
        info("git-log", "the last commits; a number, a branch or a path says which", Some("which"), false)
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        revisions("git-log", scope, typed, limit).await
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let root = root(scope).await?;
        let (mut count, mut commit, mut path) = (COMMITS, "HEAD".to_owned(), ".".to_owned());
        if let Some(word) = argument {
            match word.parse::<u32>() {
                Ok(number) => count = number.clamp(1, MOST),
                Err(_) => match git::commit(root.path(), word).await {
                    Ok(hash) => commit = hash,
                    Err(error) => {
                        path = root.resolve(word).map(|path| root.shown(&path)).map_err(|_| error)?
                    }
                },
            }
        }
        // Without addresses of mail: the model needs none.
        let (number, path) = (format!("-{count}"), format!(":(literal){path}"));
        let format = "--format=%h %ad %an%n%w(0,4,4)%B";
        let arguments =
            ["log", "--no-color", "--no-show-signature", "--date=short", &number, format, &commit, "--"];
        let printed = git::run(root.path(), &[&arguments[..], &[&path]].concat(), BYTES).await?;
        let title = argument.map_or_else(|| "git log".to_owned(), |word| format!("git log {word}"));
        // Anybody may have written a commit.
        Ok(vec![text_item("git-log", title, "text", printed.text, Trust::Foreign, 0.5)])
    }
}
