//! `@symbol:main`, `@symbol:Server.run`: the lines of what is defined under a name. The editor is asked first, then the
//! server, and then the files are looked through.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{blocking, definitions, info, lines_item, needed, root, unsaved};
use crate::context::fuzzy;
use crate::context::item::ContextItem;
use crate::context::mention::Mention;
use crate::context::project::ProjectFiles;
use crate::context::provider::{ContextProvider, EditorSymbol, Place, ProviderInfo, Scope, Suggestion};
use crate::context::root::Root;
use crate::context::text_file;
use crate::error::{Error, ErrorKind, Result};

/// So many definitions of one name go along.
const DEFINITIONS: usize = 5;

/// Bounds of a look through all files.
const FILE_BYTES: u64 = 512 * 1024;
const ALL_BYTES: u64 = 64 * 1024 * 1024;
const LOOKING: Duration = Duration::from_secs(3);
const FOUND: usize = 20_000;

pub(super) struct SymbolProvider {
    pub files: ProjectFiles,
}

#[async_trait]
impl ContextProvider for SymbolProvider {
    fn info(&self) -> ProviderInfo {
        info("symbol", "a function, a type, whatever has a name", Some("name"), true)
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        if typed.is_empty() {
            return Ok(Vec::new());
        }
        let root = root(scope).await?;
        let symbols = self.symbols(scope, typed).await?;
        let best = fuzzy::best(typed, symbols.iter(), |symbol| &symbol.name, limit);
        let mut made: Vec<Suggestion> = Vec::new();
        for symbol in best {
            let Some(mention) = Mention::written(Some("symbol"), &symbol.name) else { continue };
            let place =
                format!("{}  {}:{}", symbol.kind, root.shown(&symbol.place.path), symbol.place.start.0 + 1);
            if made.iter().all(|known| known.mention != mention) {
                made.push(Suggestion { label: symbol.name.clone(), detail: Some(place), mention });
            }
        }
        Ok(made)
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let argument = needed(argument, "symbol", "main")?;
        let (container, name) = parts(argument);
        let root = root(scope).await?;
        let mut symbols = self.symbols(scope, name).await?;
        let fits = |symbol: &EditorSymbol| {
            let bare = symbol.name.split('(').next().unwrap_or_default().trim();
            let inside =
                container.is_none_or(|c| symbol.container.as_deref().is_none_or(|known| known.contains(c)));
            (bare == name || symbol.name == argument) && inside
        };
        symbols.retain(fits);
        if symbols.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("nothing in the project is called {}", name.escape_debug()),
            )
            .with_hint("write the name as it stands in the code"));
        }
        let mut items = Vec::new();
        for symbol in symbols.into_iter().take(DEFINITIONS) {
            // A language server knows symbols of libraries as well; those lie outside.
            let Ok(path) = root.resolve(&symbol.place.path.to_string_lossy()) else { continue };
            let text = unsaved(scope, &root, &path).await;
            let lines =
                whole(&root, &path, text.clone(), (symbol.place.start.0 + 1, symbol.place.end.0 + 1)).await?;
            items.push(lines_item("symbol", &root, path, Some(lines), text, 0.9));
        }
        if items.is_empty() {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!("{} is defined outside the project", name.escape_debug()),
            )
            .with_hint("only what is below the project's folder is read"));
        }
        Ok(items)
    }
}

/// `Server.run` and `Server::run` name something in something.
fn parts(argument: &str) -> (Option<&str>, &str) {
    let split = argument.rsplit_once("::").or_else(|| argument.rsplit_once('.'));
    match split {
        Some((container, name)) if !container.is_empty() && !name.is_empty() => {
            let last = container.rsplit(['.', ':']).next().unwrap_or(container);
            (Some(last), name)
        }
        _ => (None, argument),
    }
}

/// An editor may know only where the name stands: then the block that begins there.
async fn whole(
    root: &Root,
    path: &std::path::Path,
    text: Option<String>,
    lines: (u32, u32),
) -> Result<(u32, u32)> {
    if lines.1 > lines.0 {
        return Ok(lines);
    }
    let (path, name) = (path.to_owned(), root.shown(path));
    blocking(move || {
        let text = match text {
            Some(text) => text,
            None => {
                text_file::read(&path, &name, None, usize::try_from(FILE_BYTES).unwrap_or(usize::MAX))?.text
            }
        };
        Ok(definitions::block(&text, lines.0))
    })
    .await
}

impl SymbolProvider {
    /// Symbols by name, of the first who knows some.
    async fn symbols(&self, scope: &Scope<'_>, query: &str) -> Result<Vec<EditorSymbol>> {
        if let Some(editor) = scope.editor {
            // An editor that does not know is no reason to stop.
            match editor.symbols(query).await {
                Ok(symbols) if !symbols.is_empty() => return Ok(symbols),
                _ => {}
            }
        }
        if let Some(client) = scope.client {
            match client.dialect().symbols(query).await {
                Ok(symbols) if !symbols.is_empty() => return Ok(symbols),
                _ => {}
            }
        }
        let (files, root) = (self.files.of(scope.root).await, scope.root.to_owned());
        let query = query.to_owned();
        blocking(move || look(&Root::open(&root)?, &files, &query)).await
    }
}

/// Looks through the files of a project, within bounds.
fn look(root: &Root, files: &[String], query: &str) -> Result<Vec<EditorSymbol>> {
    let (begun, mut read, mut found) = (Instant::now(), 0, Vec::new());
    for name in files.iter().filter(|name| is_code(name)) {
        if begun.elapsed() > LOOKING || read > ALL_BYTES || found.len() > FOUND {
            tracing::debug!(files = files.len(), read, "not every file was looked through for a symbol");
            break;
        }
        let Ok(path) = root.resolve(name) else { continue };
        let length = std::fs::metadata(&path).map_or(u64::MAX, |meta| meta.len());
        if length > FILE_BYTES {
            continue;
        }
        read += length;
        let Ok(excerpt) = text_file::read(&path, name, None, usize::try_from(length).unwrap_or(usize::MAX))
        else {
            continue;
        };
        found.extend(symbols_of(&path, &excerpt.text, query));
    }
    Ok(found)
}

fn symbols_of(path: &std::path::Path, text: &str, query: &str) -> impl Iterator<Item = EditorSymbol> {
    let path: PathBuf = path.to_owned();
    let fitting =
        definitions::definitions(text).into_iter().filter(|one| fuzzy::score(query, &one.name).is_some());
    fitting.collect::<Vec<_>>().into_iter().map(move |one| EditorSymbol {
        name: one.name,
        kind: one.kind.to_owned(),
        container: None,
        place: Place { path: path.clone(), start: (one.lines.0 - 1, 0), end: (one.lines.1 - 1, 0) },
    })
}

/// Files in which something may be defined, by their names.
fn is_code(name: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "rs", "py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "go", "rb", "java", "kt",
        "kts", "scala", "cs", "swift", "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm", "php", "pl",
        "pm", "lua", "ex", "exs", "erl", "zig", "dart", "jl", "vue", "svelte", "sh", "proto", "nim", "v",
        "fs", "ml",
    ];
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}
