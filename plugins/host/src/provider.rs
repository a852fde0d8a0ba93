//! Plugins as context providers: one for each that a plugin describes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus::context::{
    ContextItem, ContextProvider, ItemKind, Mention, ProviderInfo, Scope, Suggestion, Trust,
};
use opencode_nexus::{ErrorKind, Result};

use crate::actor::PluginHandle;
use crate::bindings::exports::nexus::plugin::context_guest as guest;
use crate::bindings::nexus::plugin::types::Range;
use crate::foreign;
use crate::limits::Budget;
use crate::manifest::World;

/// What one plugin may describe.
const PROVIDERS: usize = 32;

/// All texts of one answer together. The budget of the prompt cuts again, with what others gave.
const BYTES: usize = 1 << 20;
const ITEMS: usize = 100;

/// How long names and lines for people may be.
const NAME: usize = 64;
const LINE: usize = 200;

/// The longest text of a selection that a plugin is given.
const SELECTION: usize = 64 << 10;

/// Asks a plugin what it provides; nothing when it is no context provider. This starts the plugin.
///
/// # Errors
/// As every call; `system.plugin` when it describes what cannot be: a bad name, the same name twice, too many.
pub async fn providers(plugin: &PluginHandle) -> Result<Vec<Arc<dyn ContextProvider>>> {
    if !plugin.is(World::ContextProvider) {
        return Ok(Vec::new());
    }
    let described = plugin
        .call("describe", Budget::DESCRIBE, |store, exports| {
            Box::pin(async move { exports.context()?.call_describe(store).await })
        })
        .await?;
    if described.len() > PROVIDERS {
        return Err(plugin.error(ErrorKind::Plugin, format!("it describes more than {PROVIDERS} providers")));
    }
    let mut known: Vec<Arc<dyn ContextProvider>> = Vec::new();
    for provider in described {
        if !is_name(&provider.name) || known.iter().any(|other| other.info().name == provider.name) {
            let name = foreign::line(&provider.name, NAME);
            return Err(plugin
                .error(ErrorKind::Plugin, format!("it describes a provider `{name}`, which cannot be one"))
                .with_hint("names are unique and have lower case letters, digits and hyphens"));
        }
        let info = ProviderInfo {
            name: provider.name,
            summary: foreign::line(&provider.summary, LINE),
            argument: provider.argument.map(|argument| foreign::line(&argument, NAME)),
            needs_argument: provider.needs_argument,
        };
        known.push(Arc::new(PluginProvider { plugin: plugin.clone(), info }));
    }
    Ok(known)
}

/// Lower case letters, digits and hyphens, with a letter first.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

struct PluginProvider {
    plugin: PluginHandle,
    info: ProviderInfo,
}

#[async_trait]
impl ContextProvider for PluginProvider {
    fn info(&self) -> ProviderInfo {
        self.info.clone()
    }

    async fn suggest(&self, _: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        let (provider, mut typed) = (self.info.name.clone(), typed.to_owned());
        foreign::cut(&mut typed, 4 << 10);
        let most = u32::try_from(limit.min(200)).unwrap_or(200);
        let suggested = self
            .plugin
            .call("suggest", Budget::SUGGEST, move |store, exports| {
                Box::pin(async move { exports.context()?.call_suggest(store, &provider, &typed, most).await })
            })
            .await?;
        let suggested = suggested.map_err(|error| self.plugin.guest_error("suggest", error))?;
        let fit = suggested.into_iter().filter_map(|one| self.suggestion(one));
        Ok(fit.take(limit).collect())
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let selection = self.selection(scope).await;
        let request = guest::Request {
            provider: self.info.name.clone(),
            argument: argument.map(str::to_owned),
            selection,
            max_bytes: u32::try_from(BYTES).unwrap_or(u32::MAX),
            deadline_ms: u32::try_from(Budget::PROVIDE.run.as_millis()).unwrap_or(u32::MAX),
        };
        let given = self
            .plugin
            .call("provide", Budget::PROVIDE, move |store, exports| {
                Box::pin(async move { exports.context()?.call_provide(store, &request).await })
            })
            .await?;
        let given = given.map_err(|error| self.plugin.guest_error("provide", error))?;
        let (mut left, mut items) = (BYTES, Vec::new());
        for item in given.into_iter().take(ITEMS) {
            items.push(self.item(item, &mut left).await?);
        }
        Ok(items)
    }
}

impl PluginProvider {
    fn suggestion(&self, one: guest::Suggestion) -> Option<Suggestion> {
        Some(Suggestion {
            mention: Mention::written(Some(&self.info.name), &one.argument)?,
            label: foreign::line(&one.label, LINE),
            detail: one.detail.map(|detail| foreign::line(&detail, LINE)),
        })
    }

    /// What is in front in the editor, for those who may know.
    async fn selection(&self, scope: &Scope<'_>) -> Option<guest::Selection> {
        self.plugin.caller().rights.granted().editor.as_ref()?;
        // The editor is asked by the way, and not waited for.
        let asked = tokio::time::timeout(Duration::from_millis(500), scope.editor?.selection());
        let mut selected = asked.await.ok()?.ok()??;
        let path = selected.place.path.strip_prefix(scope.root).ok()?;
        let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        foreign::cut(&mut selected.text, SELECTION);
        let (start, end) = (selected.place.start, selected.place.end);
        let range = Range { start_line: start.0, start_column: start.1, end_line: end.0, end_column: end.1 };
        Some(guest::Selection { path: parts.join("/"), range, text: selected.text })
    }

    /// An item as the host has it. A text is always from elsewhere, whatever the plugin is.
    async fn item(&self, item: guest::Item, left: &mut usize) -> Result<ContextItem> {
        let mut title = foreign::line(&item.title, LINE);
        if title.is_empty() {
            title.clone_from(&self.info.name);
        }
        let (kind, trust) = match item.content {
            guest::Content::Text(content) => {
                if content.text.len() > *left {
                    title.push_str(" (cut)");
                }
                let text = foreign::text(content.text, *left);
                *left -= text.len();
                (ItemKind::Text { text, language: language(&content.language) }, Trust::Foreign)
            }
            guest::Content::File(file) => (self.file(file).await?, Trust::Project),
        };
        let weight = f64::from(item.priority.min(1_000)) / 1_000.0;
        Ok(ContextItem { title, kind, provider: self.info.name.clone(), trust, weight })
    }

    /// A file of the project, if the plugin may read it itself.
    async fn file(&self, file: guest::FileContent) -> Result<ItemKind> {
        let path = granted_file(&self.plugin, &file.path).await?;
        let lines = match file.lines {
            None => None,
            // From 0 and without the last, to from 1 and with it.
            Some((first, behind)) if first < behind => Some((first + 1, behind)),
            Some(_) => return Err(self.plugin.error(ErrorKind::Plugin, "it names lines that are none")),
        };
        Ok(ItemKind::File { path, lines, text: None })
    }
}

/// The file that a plugin names: inside the folder, and granted by its name and by the name that it has really.
pub(crate) async fn granted_file(plugin: &PluginHandle, name: &str) -> Result<PathBuf> {
    let (caller, path) = (plugin.caller(), name.to_owned());
    let found = tokio::task::spawn_blocking(move || caller.readable_file(&path)).await;
    let found = found.map_err(|_| plugin.error(ErrorKind::Internal, "a file could not be looked at"))?;
    found.map_err(|error| {
        let shown = foreign::line(name, LINE);
        let error = plugin.guest_error("provide", error);
        plugin
            .error(error.kind(), format!("it names the file {shown}: {}", error.message()))
            .with_hint("a plugin may name what it may read itself: see `nexus plugin info`")
    })
}

/// The word behind a fence.
fn language(word: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '#' | '.');
    if word.len() <= 32 && word.chars().all(is_word) { word.to_owned() } else { String::new() }
}
