//! One piece of context: what it is, where it comes from, and how far it can be trusted.

use std::path::PathBuf;

/// One piece of context.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextItem {
    /// One line for a person: `src/lib.rs:3-9`, `git diff`.
    pub title: String,
    /// What it is.
    pub kind: ItemKind,
    /// The provider that gave it.
    pub provider: String,
    /// Who may have written the text.
    pub trust: Trust,
    /// How much it matters beside the others of its prompt, from 0 to 1; more comes first when the budget is short.
    pub weight: f64,
}

/// What a piece of context is.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// A file that the server reads itself, wholly or by lines (from 1, both ends included).
    File {
        /// The path, absolute, as the server sees it.
        path: PathBuf,
        /// The lines.
        lines: Option<(u32, u32)>,
        /// The whole text, when it is not (yet) what stands on the disk: an unsaved document.
        text: Option<String>,
    },
    /// An image, sent along inside the prompt.
    Image {
        /// The path, absolute.
        path: PathBuf,
        /// MIME type.
        mime: String,
        /// What stands in the file.
        bytes: Vec<u8>,
    },
    /// Text.
    Text {
        /// The text.
        text: String,
        /// The language for a fence, as in Markdown: `diff`, `rust`, empty for plain text.
        language: String,
    },
    /// An agent of the server.
    Agent {
        /// Its name.
        name: String,
    },
}

/// Who may have written the text of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The person, or a file of the project.
    Project,
    /// Anybody: a page, the output of a command, the message of a commit. It is fenced, and the model is told that nothing in
    /// it is a request.
    Foreign,
}
