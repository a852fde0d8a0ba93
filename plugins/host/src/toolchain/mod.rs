//! Makes a component of an author's project: Rust, JavaScript or Python, with whatever this machine can build it with.
//!
//! The language is seen by a file: `Cargo.toml`, `plugin.js` or `plugin.py`, beside `plugin.toml`. What JavaScript and Python
//! need is installed once, in pinned versions, into the cache of the person; the interface is written beside it for
//! each build, with one world that has what the manifest names. Nothing is downloaded for Rust: what is missing
//! is an error with the command that installs it.
//!
//! All of this blocks, for seconds up to minutes; an asynchronous caller uses a thread of its own.

mod interface;
mod javascript;
mod python;
mod rust;
mod tools;

use std::path::Path;

use opencode_nexus::{Error, ErrorKind, Result};

use crate::manifest::World;

/// What a project is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate whose library is a `cdylib`.
    Rust,
    /// One ECMAScript module, `plugin.js`.
    JavaScript,
    /// One module, `plugin.py`, and what it imports from its folder.
    Python,
}

impl Language {
    /// What the project in a folder is written in.
    ///
    /// # Errors
    /// `user.invalid_input` when nothing in it says so.
    pub fn of(folder: &Path) -> Result<Self> {
        let known =
            [("Cargo.toml", Self::Rust), ("plugin.js", Self::JavaScript), ("plugin.py", Self::Python)];
        let found = known.into_iter().find(|(file, _)| folder.join(file).is_file());
        found.map(|(_, language)| language).ok_or_else(|| {
            let message = format!("{} holds no source of a plugin", folder.display());
            Error::new(ErrorKind::InvalidInput, message).with_hint(
                "it is known by Cargo.toml, plugin.js or plugin.py; `nexus plugin new` writes a project",
            )
        })
    }
}

/// Builds the project in `folder` and puts its component at `wasm`. `tell` gets a line for each step that takes a while.
/// Gives the way that was taken, in a few words for a person: `Rust, Debian's rustc 1.96 for wasm32-unknown-unknown`.
///
/// # Errors
/// `user.configuration` when a tool is missing, with the command that installs it; `user.invalid_input` when the project does
/// not compile, with what the compiler said last.
pub fn build(folder: &Path, worlds: &[World], wasm: &Path, tell: &mut dyn FnMut(&str)) -> Result<String> {
    let folder = folder.canonicalize().map_err(|error| {
        Error::new(ErrorKind::InvalidInput, format!("{}: {error}", folder.display())).with_source(error)
    })?;
    match Language::of(&folder)? {
        Language::Rust => rust::build(&folder, wasm, tell),
        Language::JavaScript => javascript::build(&folder, worlds, wasm, tell),
        Language::Python => python::build(&folder, worlds, wasm, tell),
    }
}
