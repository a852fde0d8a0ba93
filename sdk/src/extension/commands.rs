//! Commands by the names that a person types.

use std::sync::Arc;
use std::time::Duration;

use super::registry::{Extensions, is_name};
use super::{CommandOutcome, CommandProvider, CommandSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SessionId;

/// A person who types does not wait longer.
const COMPLETE: Duration = Duration::from_millis(300);

/// How long a command may take.
const RUN: Duration = Duration::from_secs(30);

/// A command that was added, with the word by which it is called here.
#[derive(Clone)]
pub struct Command {
    /// The word behind the `/`: the command's name, or `SOURCE:NAME` where that is taken.
    pub word: String,
    /// How it is shown.
    pub spec: CommandSpec,
    provider: Arc<dyn CommandProvider>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("word", &self.word).field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl Command {
    /// What the arguments may go on with. Who takes longer than 300 ms or fails says nothing.
    pub async fn complete(&self, arguments: &str) -> Vec<String> {
        let completing = self.provider.complete(&self.spec.name, arguments);
        match tokio::time::timeout(COMPLETE, completing).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::debug!(%error, command = self.word, "arguments could not be completed");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// Runs it, at most 30 s.
    ///
    /// # Errors
    /// Its own; `system.timeout` when it takes too long.
    pub async fn run(&self, arguments: &str, session: Option<&SessionId>) -> Result<CommandOutcome> {
        match tokio::time::timeout(RUN, self.provider.run(&self.spec.name, arguments, session)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("/{} of {} took longer than {} s", self.word, self.spec.source, RUN.as_secs()),
            )
            .with_hint("try it again; nothing was sent")),
        }
    }
}

impl Extensions {
    /// The commands that were added. `taken` says which words are in use already, by the server or by the program itself: such
    /// a command, and one whose name another source has given before, is called `SOURCE:NAME`.
    pub fn commands(&self, taken: impl Fn(&str) -> bool) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        for (source, provided) in self.sources() {
            for provider in provided.commands {
                for spec in provider.commands().into_iter().filter(|spec| is_name(&spec.name)) {
                    let given = |word: &str| commands.iter().any(|known| known.word == word);
                    let mut word = spec.name.clone();
                    if taken(&word) || given(&word) {
                        word = format!("{source}:{}", spec.name);
                    }
                    if !given(&word) {
                        commands.push(Command { word, spec, provider: provider.clone() });
                    }
                }
            }
        }
        commands
    }

    /// The command of this word: its name where that is not `taken`, or `SOURCE:NAME` always.
    pub fn command(&self, word: &str, taken: impl Fn(&str) -> bool) -> Option<Command> {
        if let Some(known) = self.commands(&taken).into_iter().find(|known| known.word == word) {
            return Some(known);
        }
        let (source, name) = word.split_once(':').filter(|_| !taken(word))?;
        let (_, provided) = self.sources().into_iter().find(|(known, _)| known == source)?;
        provided.commands.iter().find_map(|provider| {
            let spec = provider.commands().into_iter().find(|spec| spec.name == name)?;
            Some(Command { word: word.to_owned(), spec, provider: provider.clone() })
        })
    }
}
