//! Words: how texts are split for searching, what a query means, and which piece of a text shows why it was found.
//!
//! Splitting is ours and not the database's, so that a search by index and a scan of all texts mean the same.

mod query;
mod snippet;
#[cfg(test)]
pub(crate) mod tests;
mod tokens;

pub(crate) use query::Phrase;
pub use query::TextQuery;
pub use snippet::Snippet;
pub(crate) use tokens::{spaced, version};
