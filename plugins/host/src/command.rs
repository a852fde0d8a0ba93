//! Plugins as providers of commands.

use std::sync::Arc;

use async_trait::async_trait;
use opencode_nexus::extension::{CommandOutcome, CommandProvider, CommandSpec};
use opencode_nexus::model::SessionId;
use opencode_nexus::{ErrorKind, Result};

use crate::actor::PluginHandle;
use crate::bindings::exports::nexus::plugin::command_guest as guest;
use crate::convert::{Files, prompt_parts};
use crate::foreign;
use crate::limits::Budget;
use crate::manifest::World;
use crate::provider::is_name;

/// What one plugin may offer.
const COMMANDS: usize = 64;

/// How long lines for people may be, and what is shown in answer to a command.
const LINE: usize = 200;
const SHOWN: usize = 256 << 10;

/// Arguments that are handed on.
const ARGUMENTS: usize = 64 << 10;

/// Asks a plugin for its commands; nothing when it has none. This starts the plugin.
///
/// # Errors
/// As every call; `system.plugin` when it offers what cannot be: a bad name, the same name twice, too many.
pub async fn commands(plugin: &PluginHandle) -> Result<Option<Arc<dyn CommandProvider>>> {
    if !plugin.is(World::Command) {
        return Ok(None);
    }
    let offered = plugin
        .call("commands", Budget::DESCRIBE, |store, exports| {
            Box::pin(async move { exports.command()?.call_commands(store).await })
        })
        .await?;
    if offered.len() > COMMANDS {
        return Err(plugin.error(ErrorKind::Plugin, format!("it offers more than {COMMANDS} commands")));
    }
    let source = plugin.caller().plugin.clone();
    let mut specs: Vec<CommandSpec> = Vec::new();
    for command in offered {
        if !is_name(&command.name) || specs.iter().any(|other| other.name == command.name) {
            let name = foreign::line(&command.name, LINE);
            return Err(plugin
                .error(ErrorKind::Plugin, format!("it offers a command `{name}`, which cannot be one"))
                .with_hint("names are unique and have lower case letters, digits and hyphens"));
        }
        specs.push(CommandSpec {
            name: command.name,
            summary: foreign::line(&command.summary, LINE),
            argument_hint: command.argument_hint.map(|hint| foreign::line(&hint, LINE)),
            source: source.clone(),
        });
    }
    Ok(Some(Arc::new(PluginCommands { plugin: plugin.clone(), specs })))
}

struct PluginCommands {
    plugin: PluginHandle,
    specs: Vec<CommandSpec>,
}

#[async_trait]
impl CommandProvider for PluginCommands {
    fn commands(&self) -> Vec<CommandSpec> {
        self.specs.clone()
    }

    async fn complete(&self, name: &str, arguments: &str) -> Result<Vec<String>> {
        let (name, arguments) = (name.to_owned(), bounded(arguments));
        let found = self
            .plugin
            .call("complete", Budget::SUGGEST, move |store, exports| {
                Box::pin(async move { exports.command()?.call_complete(store, &name, &arguments).await })
            })
            .await?;
        Ok(found.iter().take(200).map(|one| foreign::line(one, LINE)).filter(|one| !one.is_empty()).collect())
    }

    async fn run(&self, name: &str, arguments: &str, session: Option<&SessionId>) -> Result<CommandOutcome> {
        let (name, arguments) = (name.to_owned(), bounded(arguments));
        let session = session.map(|session| session.as_str().to_owned());
        let ran = self
            .plugin
            .call("run", Budget::RUN, move |store, exports| {
                Box::pin(async move {
                    exports.command()?.call_run(store, &name, &arguments, session.as_deref()).await
                })
            })
            .await?;
        match ran.map_err(|error| self.plugin.guest_error("run", error))? {
            guest::Outcome::Prompt(parts) => {
                let parts = prompt_parts(&self.plugin, parts, &Files::Granted).await?;
                Ok(CommandOutcome::Prompt(parts))
            }
            guest::Outcome::Show(text) => Ok(CommandOutcome::Show(foreign::text(text, SHOWN))),
            guest::Outcome::Nothing => Ok(CommandOutcome::Nothing),
        }
    }
}

fn bounded(arguments: &str) -> String {
    let mut arguments = arguments.to_owned();
    foreign::cut(&mut arguments, ARGUMENTS);
    arguments
}
