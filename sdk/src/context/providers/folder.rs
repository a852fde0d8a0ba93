//! `@folder:src`: the names in a folder as a tree, as git sees them.

use std::fmt::Write as _;

use async_trait::async_trait;

use super::{blocking, info, named, root, text_item};
use crate::context::fuzzy;
use crate::context::item::{ContextItem, Trust};
use crate::context::project::{ProjectFiles, project_files};
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::error::{Error, ErrorKind, Result};

/// So many names are told.
const NAMES: usize = 1000;

pub(super) struct FolderProvider {
    pub files: ProjectFiles,
}

#[async_trait]
impl ContextProvider for FolderProvider {
    fn info(&self) -> ProviderInfo {
        info("folder", "the names in a folder, as a tree", Some("path"), false)
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        let files = self.files.of(scope.root).await;
        let found = fuzzy::best(typed, files.iter().filter(|name| name.ends_with('/')), |name| name, limit);
        Ok(named("folder", found.into_iter(), limit))
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let root = root(scope).await?;
        let name = argument.unwrap_or(".").to_owned();
        let item = blocking(move || {
            let folder = root.resolve(&name)?;
            let shown = match root.shown(&folder) {
                shown if shown.is_empty() => ".".to_owned(),
                shown => shown,
            };
            if !folder.is_dir() {
                return Err(Error::new(ErrorKind::InvalidInput, format!("{shown} is no folder"))
                    .with_hint(format!("write @file:{shown}")));
            }
            // Links are told and not followed, so nothing outside is listed.
            let mut names = project_files(&folder);
            let all = names.len();
            // Shallow ones first, so a large folder is told as far as it goes.
            names.truncate(NAMES);
            names.sort();
            let text = tree(&shown, &names, all);
            Ok(text_item("folder", format!("folder {shown}"), "text", text, Trust::Project, 0.6))
        });
        Ok(vec![item.await?])
    }
}

/// Names with slashes between their parts, sorted, as an indented tree.
fn tree(folder: &str, names: &[String], all: usize) -> String {
    let mut out = format!("{}/\n", folder.trim_end_matches('/'));
    for name in names {
        let bare = name.trim_end_matches('/');
        let depth = bare.matches('/').count() + 1;
        let last = bare.rsplit('/').next().unwrap_or(bare);
        let slash = if name.ends_with('/') { "/" } else { "" };
        // Writing into a text cannot fail.
        let _ = writeln!(out, "{}{}{slash}", "  ".repeat(depth), last.escape_debug());
    }
    if all > names.len() {
        let _ = writeln!(out, "[{} more names]", all - names.len());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_tree_is_indented_and_says_what_is_missing() {
        let names = ["a/", "a/b.rs", "c.rs"].map(str::to_owned);
        assert_eq!(super::tree("src", &names, 5), "src/\n  a/\n    b.rs\n  c.rs\n[2 more names]\n");
    }
}
