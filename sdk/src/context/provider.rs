//! What gives context, and what it may ask of the editor.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::item::ContextItem;
use crate::client::Client;
use crate::error::Result;

/// How a provider is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The word behind the `@`: lower case letters, digits and hyphens.
    pub name: String,
    /// One line for a person.
    pub summary: String,
    /// What stands behind the colon, in a word: `path`, `symbol`; `None` when nothing does.
    pub argument: Option<String>,
    /// Whether it means nothing without that.
    pub needs_argument: bool,
}

/// Where context is gathered.
#[derive(Clone)]
pub struct Scope<'a> {
    /// The project's folder, absolute. Nothing outside it is read, links included.
    pub root: &'a Path,
    /// The server of the conversation, where there is one already.
    pub client: Option<&'a Client>,
    /// The editor, where there is one.
    pub editor: Option<&'a dyn EditorSource>,
}

/// Gives context for mentions of one kind. Plugins implement it as well.
///
/// Both calls may be dropped at any time.
#[async_trait]
pub trait ContextProvider: Send + Sync {
    /// How it is shown.
    fn info(&self) -> ProviderInfo;

    /// What the person may mean who has typed this much behind the colon; the best first, at most `limit`.
    ///
    /// # Errors
    /// When it cannot look; a person who types is not told, the suggestions are left out.
    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>>;

    /// What a mention means. `argument` is what stands behind the colon, unquoted.
    ///
    /// # Errors
    /// When nothing of that name is there; the hint says what would be.
    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>>;
}

/// Something that a person may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// What is shown.
    pub label: String,
    /// More of it, in a few words.
    pub detail: Option<String>,
    /// The whole mention, with `@` and quotes where it needs them.
    pub mention: String,
}

/// A place in a file. Lines and columns count from 0; columns are UTF-16 code units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, absolute.
    pub path: PathBuf,
    /// Line and column of the first character.
    pub start: (u32, u32),
    /// Line and column behind the last character.
    pub end: (u32, u32),
}

/// What is selected in the editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorSelection {
    /// Where.
    pub place: Place,
    /// The text; empty when nothing is selected and only the cursor is known.
    pub text: String,
}

/// One diagnostic that the editor shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorDiagnostic {
    /// Where.
    pub place: Place,
    /// `error`, `warning`, `information` or `hint`.
    pub severity: String,
    /// What it says.
    pub message: String,
    /// Who says it: `rustc`, `eslint`.
    pub source: Option<String>,
    /// Its code, as text.
    pub code: Option<String>,
}

/// One symbol that the editor knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorSymbol {
    /// Its name.
    pub name: String,
    /// What it is: `function`, `struct`, …
    pub kind: String,
    /// In what.
    pub container: Option<String>,
    /// Where.
    pub place: Place,
}

/// What only an editor knows.
#[async_trait]
pub trait EditorSource: Send + Sync {
    /// The text of a document that is open, as it stands in the editor; `None` when it is not open.
    fn open_text(&self, path: &Path) -> Option<String>;

    /// What is selected, or where the cursor is; `None` when no file is in front.
    ///
    /// # Errors
    /// When the editor does not answer, or cannot say.
    async fn selection(&self) -> Result<Option<EditorSelection>>;

    /// What is wrong in a file, or everywhere in the root.
    ///
    /// # Errors
    /// As above.
    async fn diagnostics(&self, path: Option<&Path>) -> Result<Vec<EditorDiagnostic>>;

    /// Symbols of the project by name.
    ///
    /// # Errors
    /// As above.
    async fn symbols(&self, query: &str) -> Result<Vec<EditorSymbol>>;
}
