//! What others add to the client: context for prompts, commands, and hooks on prompts; native or from plugins, told apart
//! nowhere.
//!
//! An [`Extensions`] is given to a client when it is built, and to whatever completes `@` and `/` for a person. It is a live
//! handle: what is provided or withdrawn later counts from then on, everywhere.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use opencode_nexus::chat::Prompt;
//! use opencode_nexus::extension::{Extensions, PromptHook, Provided, Verdict};
//! use opencode_nexus::model::{Message, SessionId};
//! use opencode_nexus::{Client, Result};
//!
//! struct NoSecrets;
//!
//! #[async_trait]
//! impl PromptHook for NoSecrets {
//!     fn name(&self) -> &str {
//!         "no-secrets"
//!     }
//!
//!     fn must_agree(&self) -> bool {
//!         true
//!     }
//!
//!     async fn before_send(&self, _: &SessionId, prompt: &Prompt) -> Result<Verdict> {
//!         let found = format!("{:?}", prompt.parts).contains("PRIVATE KEY");
//!         Ok(if found { Verdict::Block("there is a private key in it".into()) } else { Verdict::Keep })
//!     }
//!
//!     async fn after_message(&self, _: &SessionId, _: &Message) {}
//! }
//!
//! # async fn story() -> Result<()> {
//! let extensions = Extensions::default();
//! extensions.provide("no-secrets", Provided { hooks: vec![Arc::new(NoSecrets)], ..Provided::default() });
//! let client = Client::builder("http://127.0.0.1:4096").extensions(extensions).connect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! `registry` holds what is provided, `commands` finds commands by name, `notices` is the way to the person, `before` runs the
//! hooks on a prompt, `after` tells them what was answered.

mod after;
mod before;
mod commands;
mod notices;
mod registry;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub(crate) use self::after::After;
pub(crate) use self::before::{agreed, agreed_action};
pub use self::commands::Command;
pub use self::notices::{Notice, NoticeFeed, NoticeLevel, Notices};
pub use self::registry::{Extensions, Opening, Provided};
use crate::chat::{Prompt, PromptPart};
use crate::error::Result;
use crate::model::{Message, SessionId};

/// A command as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// The word behind the `/`: lower case letters, digits and hyphens.
    pub name: String,
    /// One line for a person.
    pub summary: String,
    /// What may stand behind it.
    pub argument_hint: Option<String>,
    /// Who gives it: the plugin's name.
    pub source: String,
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandOutcome {
    /// Is sent as the person's prompt.
    Prompt(Vec<PromptPart>),
    /// Is shown to the person, as Markdown, and sent to nobody.
    Show(String),
    /// It is done.
    Nothing,
}

/// Gives commands.
///
/// All calls may be dropped at any time.
#[async_trait]
pub trait CommandProvider: Send + Sync {
    /// Those that there are now.
    fn commands(&self) -> Vec<CommandSpec>;

    /// What the arguments may go on with.
    ///
    /// # Errors
    /// When it cannot look; a person who types is not told.
    async fn complete(&self, name: &str, arguments: &str) -> Result<Vec<String>>;

    /// Runs one.
    ///
    /// # Errors
    /// When it fails; nothing is sent then.
    async fn run(&self, name: &str, arguments: &str, session: Option<&SessionId>) -> Result<CommandOutcome>;
}

/// What a hook says to a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Send it.
    Keep,
    /// Send these parts instead.
    Replace(Vec<PromptPart>),
    /// Send nothing, for this reason.
    Block(String),
}

/// Sees every prompt before it is sent, and every message when it is complete.
#[async_trait]
pub trait PromptHook: Send + Sync {
    /// Who it is, for messages to the person.
    fn name(&self) -> &str;

    /// Whether a prompt may not be sent when this hook fails. Otherwise it is sent as it is, and the person is told.
    fn must_agree(&self) -> bool;

    /// Before a prompt is sent. Arguments of a server's command are such a prompt, of one text. Has 15 s.
    ///
    /// # Errors
    /// When it fails; see [`must_agree`](Self::must_agree).
    async fn before_send(&self, session: &SessionId, prompt: &Prompt) -> Result<Verdict>;

    /// After a message of the assistant is complete, also one of a sub-agent; once for each. Nobody waits for it. Has 10 s.
    async fn after_message(&self, session: &SessionId, message: &Message);
}
