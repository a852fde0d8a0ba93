//! What others add to the client: context for prompts, commands, and hooks on prompts; native or from plugins, told apart
//! nowhere.
//!
//! An [`Extensions`] is given to a client when it is built, and to whatever completes `@` and `/` for a person.

use std::sync::Arc;

use async_trait::async_trait;

use crate::chat::{Prompt, PromptPart};
use crate::context::ContextProvider;
use crate::error::Result;
use crate::model::{Message, SessionId};

/// What was added.
#[derive(Clone, Default)]
pub struct Extensions {
    /// Give context; see [`Context::add`](crate::context::Context::add).
    pub context: Vec<Arc<dyn ContextProvider>>,
    /// Give commands.
    pub commands: Vec<Arc<dyn CommandProvider>>,
    /// See prompts, in this order: each one what the one before has left.
    pub hooks: Vec<Arc<dyn PromptHook>>,
}

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

    /// Before a prompt is sent.
    ///
    /// # Errors
    /// When it fails; see [`must_agree`](Self::must_agree).
    async fn before_send(&self, session: &SessionId, prompt: &Prompt) -> Result<Verdict>;

    /// After a message of the assistant is complete. Nobody waits for it.
    async fn after_message(&self, session: &SessionId, message: &Message);
}
