//! The providers that are always there, a file each.

mod ansi;
pub(super) mod definitions;
mod diagnostics;
mod file;
mod folder;
mod git_diff;
mod git_log;
mod output;
mod page;
mod selection;
mod session;
mod symbol;
mod url;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use self::url::UrlProvider;
use super::item::{ContextItem, ItemKind, Trust};
use super::mention::Mention;
use super::project::ProjectFiles;
use super::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use super::root::Root;
use crate::error::{Error, ErrorKind, Result};

/// All of them, in the order in which they are offered.
pub(super) fn all(files: &ProjectFiles) -> Vec<Arc<dyn ContextProvider>> {
    vec![
        Arc::new(file::FileProvider { files: files.clone() }),
        Arc::new(folder::FolderProvider { files: files.clone() }),
        Arc::new(symbol::SymbolProvider { files: files.clone() }),
        Arc::new(diagnostics::DiagnosticsProvider { files: files.clone() }),
        Arc::new(selection::SelectionProvider),
        Arc::new(git_diff::GitDiffProvider),
        Arc::new(git_log::GitLogProvider),
        Arc::new(output::OutputProvider { files: files.clone() }),
        Arc::new(UrlProvider::default()),
        Arc::new(session::SessionProvider),
    ]
}

/// How a provider is shown; `argument` is a word in angle brackets when it cannot be left out.
fn info(name: &str, summary: &str, argument: Option<&str>, needs_argument: bool) -> ProviderInfo {
    ProviderInfo {
        name: name.to_owned(),
        summary: summary.to_owned(),
        argument: argument.map(str::to_owned),
        needs_argument,
    }
}

/// The project's folder of a scope; looked up where it may block.
pub(super) async fn root(scope: &Scope<'_>) -> Result<Root> {
    let path = scope.root.to_owned();
    blocking(move || Root::open(&path)).await
}

/// Runs bounded work that blocks beside the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(ErrorKind::Internal, "a task of the context has failed").with_source(error))
        }
    }
}

/// The argument that cannot be left out.
fn needed<'a>(argument: Option<&'a str>, name: &str, example: &str) -> Result<&'a str> {
    argument.filter(|argument| !argument.trim().is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("@{name} needs to know what is meant"))
            .with_hint(format!("write for example @{name}:{example}"))
    })
}

fn text_item(
    provider: &str,
    title: String,
    language: &str,
    text: String,
    trust: Trust,
    weight: f64,
) -> ContextItem {
    let kind = ItemKind::Text { text, language: language.to_owned() };
    ContextItem { title, kind, provider: provider.to_owned(), trust, weight }
}

/// Lines of a file that the server reads.
fn lines_item(
    provider: &str,
    root: &Root,
    path: PathBuf,
    lines: Option<(u32, u32)>,
    text: Option<String>,
    weight: f64,
) -> ContextItem {
    let name = root.shown(&path);
    let title = match lines {
        Some((first, last)) if first == last => format!("{name}:{first}"),
        Some((first, last)) => format!("{name}:{first}-{last}"),
        None => name,
    };
    let kind = ItemKind::File { path, lines, text };
    ContextItem { title, kind, provider: provider.to_owned(), trust: Trust::Project, weight }
}

/// The text of a document that is open in the editor, when it is not what stands on the disk.
///
/// The editor may know the file by either of its names.
pub(super) async fn unsaved(scope: &Scope<'_>, root: &Root, path: &Path) -> Option<String> {
    let editor = scope.editor?;
    let named = scope.root.join(path.strip_prefix(root.path()).ok()?);
    let open = editor.open_text(path).or_else(|| editor.open_text(&named))?;
    let path = path.to_owned();
    let same = blocking(move || {
        let length = std::fs::metadata(&path)?.len();
        Ok((length == open.len() as u64 && std::fs::read(&path)? == open.as_bytes())
            .then_some(())
            .ok_or(open))
    });
    // What cannot be compared is the editor's.
    match same.await {
        Ok(Ok(())) => None,
        Ok(Err(open)) => Some(open),
        Err(_) => editor.open_text(&named),
    }
}

/// Suggestions of names for a provider; those that cannot be written are left out.
fn named<'a>(provider: &str, names: impl Iterator<Item = &'a String>, limit: usize) -> Vec<Suggestion> {
    let made = names.filter_map(|name| {
        let mention = Mention::written(Some(provider), name)?;
        Some(Suggestion { label: name.clone(), detail: None, mention })
    });
    made.take(limit).collect()
}
