//! `@file:src/lib.rs`, `@file:src/lib.rs#L3-9`: a file of the project, wholly or by lines. What stands in the editor and is not
//! saved wins over what stands on the disk.

use async_trait::async_trait;

use super::{blocking, info, lines_item, named, needed, root, unsaved};
use crate::context::fuzzy;
use crate::context::item::{ContextItem, ItemKind, Trust};
use crate::context::mention::lines_of;
use crate::context::project::ProjectFiles;
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::context::text_file;
use crate::error::{ErrorKind, Result};

/// Lines weigh more than a whole file: somebody chose them.
const LINES: f64 = 0.9;
const WHOLE: f64 = 0.8;

pub(super) struct FileProvider {
    pub files: ProjectFiles,
}

#[async_trait]
impl ContextProvider for FileProvider {
    fn info(&self) -> ProviderInfo {
        info("file", "a file, or lines of it", Some("path"), true)
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        let files = self.files.of(scope.root).await;
        let found = fuzzy::best(typed, files.iter().filter(|name| !name.ends_with('/')), |name| name, limit);
        Ok(named("file", found.into_iter(), limit))
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let argument = needed(argument, "file", "src/main.rs")?;
        let root = root(scope).await?;
        // A file may be called `a#L3`.
        let (name, lines) = match root.resolve(argument) {
            Ok(_) => (argument, None),
            Err(_) => lines_of(argument),
        };
        let path = match root.resolve(name) {
            Ok(path) => path,
            // A document that was never saved.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let path = root.inside(name)?;
                let text = scope.editor.and_then(|editor| editor.open_text(&path)).ok_or(error)?;
                return Ok(vec![lines_item("file", &root, path, lines, Some(text), WHOLE)]);
            }
            Err(error) => return Err(error),
        };
        if let Some(mime) = text_file::image_type(&path) {
            let (title, read) = (root.shown(&path), path.clone());
            let name = title.clone();
            let bytes = blocking(move || text_file::read_image(&read, &name)).await?;
            let kind = ItemKind::Image { path, mime: mime.to_owned(), bytes };
            return Ok(vec![ContextItem {
                title,
                kind,
                provider: "file".into(),
                trust: Trust::Project,
                weight: WHOLE,
            }]);
        }
        let text = unsaved(scope, &root, &path).await;
        let weight = if lines.is_some() { LINES } else { WHOLE };
        Ok(vec![lines_item("file", &root, path, lines, text, weight)])
    }
}
