//! `@output:build.log`: the end of a file with the output of a command, without what only a terminal understands.

use async_trait::async_trait;

use super::{ansi, blocking, info, named, needed, root, text_item};
use crate::context::fuzzy;
use crate::context::item::{ContextItem, Trust};
use crate::context::project::ProjectFiles;
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::context::text_file;
use crate::error::Result;

/// The end of the file that is read; escapes take a part of it.
const BYTES: u64 = 64 * 1024;

/// Endings that files with output have; others are offered after them.
const ENDINGS: &[&str] = &[".log", ".out", ".txt", ".err"];

pub(super) struct OutputProvider {
    pub files: ProjectFiles,
}

#[async_trait]
impl ContextProvider for OutputProvider {
    fn info(&self) -> ProviderInfo {
        info("output", "the end of a file with the output of a command", Some("path"), true)
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        let files = self.files.of(scope.root).await;
        let files = files.iter().filter(|name| !name.ends_with('/'));
        let (logs, others): (Vec<_>, Vec<_>) =
            files.partition(|name| ENDINGS.iter().any(|ending| name.ends_with(ending)));
        let best = |all: Vec<&String>| -> Vec<String> {
            fuzzy::best(typed, all.iter(), |name| name, limit)
                .into_iter()
                .map(|name| (*name).clone())
                .collect()
        };
        let found: Vec<String> = best(logs).into_iter().chain(best(others)).collect();
        Ok(named("output", found.iter(), limit))
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let name = needed(argument, "output", "build.log")?;
        let root = root(scope).await?;
        let path = root.resolve(name)?;
        let name = root.shown(&path);
        let shown = name.clone();
        let end = blocking(move || text_file::read_end(&path, &name, BYTES)).await?;
        let mut text = ansi::plain(&end.text);
        let mut title = format!("output in {shown}");
        if end.more {
            title.push_str(" (its end)");
            text.insert_str(0, "[the beginning is left out]\n");
        }
        Ok(vec![text_item("output", title, "text", text, Trust::Foreign, 0.7)])
    }
}
