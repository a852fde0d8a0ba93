//! What a prompt is given beside its words: files, folders, symbols, diagnostics, diffs, output, pages, earlier sessions.
//!
//! A person names it by a *mention*: `@file:src/lib.rs#L3-9`, `@git-diff`, `@session:"login bug"`, or short `@src/lib.rs`. A
//! [`ContextProvider`] turns what a mention names into [`ContextItem`]s; a [`Context`] holds the providers, suggests while a
//! person types, and makes prompt parts of what was mentioned: ranked, without doubles, within a [`Budget`], and fenced so
//! that text from elsewhere cannot pass for the person's words.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use opencode_nexus::chat::Prompt;
//! use opencode_nexus::context::{Budget, Context, Scope};
//!
//! # async fn story(client: opencode_nexus::Client) -> opencode_nexus::Result<()> {
//! let text = "What is wrong in @src/lib.rs#L3-9? It came with @git-diff.";
//! let scope = Scope { root: Path::new("/home/me/project"), client: Some(&client), editor: None };
//! let gathered = Context::default().gather(&scope, text, Budget::default()).await?;
//! for left_out in &gathered.left_out {
//!     eprintln!("{}: {}", left_out.title, left_out.reason);
//! }
//! let mut prompt = Prompt::text(text);
//! prompt.parts.extend(gathered.parts());
//! client.create(None).await?.prompt(prompt).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What only an editor knows (what is selected, which diagnostics there are, which symbols) comes from an [`EditorSource`],
//! which the language server implements; without one, these providers say so.
//!
//! Nothing outside the project's folder is read, and no host is asked that is not this machine or allowed by name.
//!
//! Deliberately not here: reading of documents that are open and not saved (an [`EditorSource`] gives them), and anything of
//! the protocols of editors.

mod budget;
mod fence;
pub mod fuzzy;
mod gather;
pub mod git;
mod item;
mod mention;
mod merge;
mod outline;
mod project;
mod provider;
mod providers;
mod registry;
mod root;
mod suggest;
#[cfg(test)]
mod tests;
mod text_file;

pub use budget::{Budget, Gathered, LeftOut};
pub use fence::code_fence;
pub(crate) use fence::longest_run;
pub use item::{ContextItem, ItemKind, Trust};
pub use mention::{Mention, lines_of, mentions, typed_mention};
pub use provider::{
    ContextProvider, EditorDiagnostic, EditorSelection, EditorSource, EditorSymbol, Place, ProviderInfo,
    Scope, Suggestion,
};
pub use registry::Context;
pub use text_file::image_type;
