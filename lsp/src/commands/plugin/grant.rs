//! `nexus plugin grant` and `revoke`: what a plugin may do.

use std::process::ExitCode;

use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::installed::InstalledPlugin;
use opencode_nexus_plugins::permissions::Permissions;
use serde_json::json;

use super::consent;
use crate::{output, secret};

/// What to grant.
#[derive(clap::Args)]
#[command(
    after_help = "Rights are named as `nexus plugin info` shows them in brackets; `http`, `session` and others mean all of their kind, `all` everything.\nWhere a version waits for a grant, it is that one that gets it, and it is used from then on.\n\nExamples:\n  nexus plugin grant acme.jira\n  nexus plugin grant acme.jira all\n  nexus plugin grant acme.jira http:acme.example.org session:read"
)]
pub(super) struct Grant {
    /// The plugin.
    id: String,
    /// The rights; without any you are asked for all.
    rights: Vec<String>,
}

/// What to take back.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus plugin revoke acme.jira http\n  nexus plugin revoke acme.jira all"
)]
pub(super) struct Revoke {
    /// The plugin.
    id: String,
    /// The rights, as `nexus plugin info` shows them in brackets, or `all`.
    #[arg(required = true)]
    rights: Vec<String>,
}

impl Grant {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let installed = super::installed()?;
        let current = installed.get(&self.id)?;
        let pending = installed.pending(&self.id)?;
        let target = pending.as_ref().unwrap_or(&current);
        let asked = &target.manifest.permissions;
        let more = match self.rights.as_slice() {
            [] => match self.ask(target, json).await? {
                Some(all) => all,
                None => return Ok(ExitCode::from(2)),
            },
            words => asked.select(words)?,
        };
        let publisher = super::publisher(target.publisher.as_ref());
        let had = super::rights(&current.manifest, current.publisher.as_ref())?;
        let granted = asked.intersect(&had.union(&more));
        super::grants()?.grant(&target.manifest, &publisher, &granted)?;
        if let Some(pending) = &pending {
            let (changed, id, version) = (installed.clone(), self.id.clone(), pending.version.clone());
            super::blocking(move || changed.activate(&id, &version)).await?;
        }
        tell(target, &granted, json);
        Ok(ExitCode::SUCCESS)
    }

    /// Shows what is asked for, and asks. `None` is a no.
    async fn ask(&self, plugin: &InstalledPlugin, json: bool) -> Result<Option<Permissions>> {
        let asked = &plugin.manifest.permissions;
        if json || !secret::can_ask() {
            return Err(Error::new(ErrorKind::InvalidInput, "nobody can be asked what to grant")
                .with_hint(format!("name the rights: nexus plugin grant {} all", self.id)));
        }
        eprintln!("{} {}", plugin.id, plugin.version);
        consent::show_asked(&asked.lines(), asked.warning().as_deref());
        let yes = output::is_yes("grant this?").await?;
        if !yes {
            eprintln!("nothing was changed");
        }
        Ok(yes.then(|| asked.clone()))
    }
}

impl Revoke {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let plugin = super::installed()?.get(&self.id)?;
        // A word that means nothing would leave a right that somebody believes to be gone.
        plugin.manifest.permissions.select(&self.rights)?;
        super::grants()?.revoke(&self.id, &self.rights)?;
        let left = super::rights(&plugin.manifest, plugin.publisher.as_ref())?;
        tell(&plugin, &left, json);
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(plugin: &InstalledPlugin, granted: &Permissions, json: bool) {
    let words: Vec<String> = granted.lines().into_iter().map(|line| line.word).collect();
    if json {
        output::print_json(
            &json!({ "ok": true, "id": plugin.id, "version": plugin.version, "granted": words }),
        );
        return;
    }
    let words = if words.is_empty() { "nothing but compute".to_owned() } else { words.join(", ") };
    output::print_line(&format!("{} {} may {}", plugin.id, plugin.version, output::clean(&words)));
    eprintln!("what runs already has it from its next start on");
}
