//! `@diagnostics`, `@diagnostics:src/lib.rs`: what the editor shows as wrong, in the project or in a file.

use std::fmt::Write as _;

use async_trait::async_trait;

use super::{info, named, root, text_item};
use crate::context::fuzzy;
use crate::context::item::{ContextItem, Trust};
use crate::context::project::ProjectFiles;
use crate::context::provider::{ContextProvider, EditorDiagnostic, ProviderInfo, Scope, Suggestion};
use crate::context::root::Root;
use crate::error::{Error, ErrorKind, Result};

/// So many are told, errors first.
const TOLD: usize = 200;

pub(super) struct DiagnosticsProvider {
    pub files: ProjectFiles,
}

#[async_trait]
impl ContextProvider for DiagnosticsProvider {
    fn info(&self) -> ProviderInfo {
        info("diagnostics", "errors and warnings that the editor shows", Some("path"), false)
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        let files = self.files.of(scope.root).await;
        let found = fuzzy::best(typed, files.iter().filter(|name| !name.ends_with('/')), |name| name, limit);
        Ok(named("diagnostics", found.into_iter(), limit))
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let editor = scope.editor.ok_or_else(no_editor)?;
        let root = root(scope).await?;
        let path = argument.map(|name| root.resolve(name)).transpose()?;
        let mut all = editor.diagnostics(path.as_deref()).await?;
        all.sort_by_key(|one| (rank(&one.severity), one.place.path.clone(), one.place.start));
        let title = match &path {
            Some(path) => format!("diagnostics of {}", root.shown(path)),
            None => "diagnostics of the project".to_owned(),
        };
        let text = told(&root, &all);
        // What a compiler or a linter says quotes the code of others.
        Ok(vec![text_item("diagnostics", title, "text", text, Trust::Foreign, 0.85)])
    }
}

pub(super) fn no_editor() -> Error {
    Error::new(ErrorKind::Unsupported, "only an editor knows that, and there is none")
        .with_hint("open the project in an editor with the language server of nexus")
}

fn rank(severity: &str) -> u8 {
    match severity {
        "error" => 0,
        "warning" => 1,
        "information" => 2,
        _ => 3,
    }
}

fn told(root: &Root, all: &[EditorDiagnostic]) -> String {
    if all.is_empty() {
        return "The editor shows no errors and no warnings.\n".to_owned();
    }
    let mut out = String::new();
    for one in &all[..all.len().min(TOLD)] {
        let (line, column) = one.place.start;
        let path = root.shown(&one.place.path);
        let code = one.code.as_ref().map(|code| format!("[{code}]")).unwrap_or_default();
        let source = one.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
        // Writing into a text cannot fail.
        let _ = writeln!(
            out,
            "{path}:{}:{}: {}{code}{source}: {}",
            line + 1,
            column + 1,
            one.severity,
            one.message.trim()
        );
    }
    if all.len() > TOLD {
        let _ = writeln!(out, "[{} more]", all.len() - TOLD);
    }
    out
}
