//! `nexus plugin update`: newer versions from the index.

use std::process::ExitCode;

use opencode_nexus::{ErrorKind, Result};
use opencode_nexus_plugins::installed::{InstalledPlugin, Rules};
use serde_json::json;

use super::add;
use super::consent::GrantArguments;
use super::source::{self, Found};
use crate::output;

/// What to update.
#[derive(clap::Args)]
#[command(
    after_help = "A version that asks for more than the old one waits beside it until you grant that.\n\nExamples:\n  nexus plugin update\n  nexus plugin update acme.jira --grant all"
)]
pub(super) struct Update {
    /// One plugin; otherwise all that the index knows.
    id: Option<String>,
    #[command(flatten)]
    grant: GrantArguments,
}

impl Update {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let installed = super::installed()?;
        let plugins = match &self.id {
            Some(id) => vec![installed.get(id)?],
            None => installed.list()?.plugins,
        };
        if plugins.is_empty() {
            eprintln!("no plugin is installed");
        }
        let mut objects = Vec::new();
        let mut code = 0;
        let index = match plugins.is_empty() {
            true => None,
            false => Some(source::index().await?),
        };
        for plugin in plugins {
            let Some(index) = &index else { break };
            match self.one(index, &plugin, json).await {
                Ok(Some(done)) if json => objects.push(done.object()),
                Ok(Some(done)) => done.say(),
                Ok(None) if json => {
                    objects.push(json!({ "ok": true, "id": plugin.id, "version": plugin.version, "outcome": "current" }));
                }
                Ok(None) => output::print_line(&format!("{} {} is the newest", plugin.id, plugin.version)),
                // One that the index does not have came from elsewhere; only who has named it wants to hear of it.
                Err(error) if self.id.is_none() && error.kind() == ErrorKind::NotFound => {
                    tracing::info!(plugin = %plugin.id, "not in the index");
                }
                Err(error) if self.id.is_some() => return Err(error),
                Err(error) => {
                    code = error.kind().exit_code();
                    objects.push(json!({ "ok": false, "id": plugin.id, "error": error.to_string(), "code": error.code() }));
                    if !json {
                        eprintln!("{}: {error}", plugin.id);
                    }
                }
            }
        }
        if json {
            output::print_json(&json!({ "ok": code == 0, "plugins": objects }));
        }
        Ok(ExitCode::from(code))
    }

    /// `None` when there is nothing newer.
    async fn one(
        &self,
        index: &opencode_nexus_plugins::index::Index,
        plugin: &InstalledPlugin,
        json: bool,
    ) -> Result<Option<add::Done>> {
        let Some((indexed, newest)) = index.newer(&plugin.id, &plugin.version)? else { return Ok(None) };
        if plugin.pending.as_ref() == Some(&newest.version) && self.grant.is_empty() {
            return Ok(Some(add::Done::waiting(plugin, &newest.version)));
        }
        let (bundle, source) = index.fetch(indexed, newest).await?;
        let done = add::install(Found { bundle, source }, Rules::default(), &self.grant, json).await?;
        Ok(Some(done))
    }
}
