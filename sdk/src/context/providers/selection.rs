//! `@selection`: what is selected in the editor, or the lines around the cursor.

use async_trait::async_trait;

use super::diagnostics::no_editor;
use super::{info, lines_item, root, text_item, unsaved};
use crate::context::item::{ContextItem, Trust};
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::context::text_file::language;
use crate::error::{Error, ErrorKind, Result};

/// So many lines before and behind the cursor, when nothing is selected.
const AROUND: u32 = 20;

pub(super) struct SelectionProvider;

#[async_trait]
impl ContextProvider for SelectionProvider {
    fn info(&self) -> ProviderInfo {
        info("selection", "what is selected in the editor, or the lines around the cursor", None, false)
    }

    async fn suggest(&self, _: &Scope<'_>, _: &str, _: usize) -> Result<Vec<Suggestion>> {
        Ok(Vec::new())
    }

    async fn provide(&self, scope: &Scope<'_>, _: Option<&str>) -> Result<Vec<ContextItem>> {
        let editor = scope.editor.ok_or_else(no_editor)?;
        let selection = editor.selection().await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "no file is in front in the editor")
                .with_hint("select something in a file, and mention it again")
        })?;
        let root = root(scope).await?;
        let (place, text) = (selection.place, selection.text);
        let (first, last) = (place.start.0 + 1, last_line(place.start, place.end));
        if text.trim().is_empty() {
            let path = root.resolve(&place.path.to_string_lossy())?;
            let open = unsaved(scope, &root, &path).await;
            let lines = Some((first.saturating_sub(AROUND).max(1), last.saturating_add(AROUND)));
            return Ok(vec![lines_item("selection", &root, path, lines, open, 0.9)]);
        }
        // The editor gave the text, also of a file that lies elsewhere: somebody selected it.
        let title = format!("the selection, {}:{first}-{last}", root.shown(&place.path));
        Ok(vec![text_item("selection", title, &language(&place.path), text, Trust::Project, 1.0)])
    }
}

/// The last line, from 1, of a selection; one that ends before the first character of a line does not hold that line.
fn last_line(start: (u32, u32), end: (u32, u32)) -> u32 {
    if end.1 == 0 && end.0 > start.0 { end.0 } else { end.0 + 1 }
}
