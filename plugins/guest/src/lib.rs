//! For authors of OpenCode Nexus plugins in Rust.
//!
//! A plugin is a small program that the editor, the terminal and the SDK of OpenCode Nexus load while they run. It is compiled
//! to WebAssembly, so that it runs on every machine, and can touch nothing but what the person has granted it. Of that you
//! need to know nothing: you write a library, implement a trait, and name your type in [`plugin!`].
//!
//! | world | trait | what a person sees |
//! |---|---|---|
//! | `context-provider` | [`Context`] | `@name:argument` in a prompt |
//! | `command` | [`Command`] | `/name arguments` |
//! | `hook` | [`Hook`] | prompts that are checked or changed before they are sent |
//! | `frontend` | [`Frontend`] | a page, a terminal, notices |
//!
//! ```
//! use opencode_nexus_plugin::{Context, Error, Item, Plugin, Provider, Request, Result, plugin};
//!
//! #[derive(Default)]
//! struct Glossary;
//!
//! impl Plugin for Glossary {}
//!
//! impl Context for Glossary {
//!     fn describe(&mut self) -> Vec<Provider> {
//!         vec![Provider::new("term", "What a word means in this project").with_argument("word").needing_it()]
//!     }
//!
//!     fn provide(&mut self, request: Request) -> Result<Vec<Item>> {
//!         match request.argument.as_deref() {
//!             Some("turn") => Ok(vec![Item::text("turn", "What follows a prompt until the model is done.")]),
//!             _ => Err(Error::not_found("that word has no entry")),
//!         }
//!     }
//! }
//!
//! plugin!(Glossary: context);
//! ```
//!
//! What a plugin may ask of the host, a module each: [`log`], [`settings`], [`kv`], [`http`], [`workspace`], [`git`], and for
//! commands and frontends [`session`] and [`ui`]. [`clock`] says what time it is; Rust's own clock does not work in every
//! plugin.
//!
//! `nexus plugin new --lang rust` writes a project, `nexus plugin build` makes a `.plugin` of it, and `nexus plugin test` runs
//! its cases in the real host. The crate compiles for your own machine as well: unit tests of what is pure are plain
//! `cargo test`, and a call of the host there fails with an error that says so.
#![deny(missing_docs)]

#[doc(hidden)]
pub mod bindings;
pub mod clock;
mod error;
#[doc(hidden)]
pub mod exported;
pub mod git;
pub mod http;
mod item;
pub mod kv;
pub mod log;
mod plugin;
pub mod session;
pub mod settings;
pub mod ui;
pub mod workspace;

pub use error::{Error, ErrorCode, Result};
pub use plugin::{
    Command, Content, Context, Event, Field, FileContent, FilePart, Frontend, Hook, Input, Item, Key,
    MessageRole, Outcome, Part, Plugin, Provider, Range, Request, Selection, Spec, StopReason, Suggestion,
    TextContent, TextPart, ToolPart, Verdict, WebRequest, WebResponse, unknown,
};
