//! `nexus plugin remove`: a plugin, its versions, what it has kept, and what it was granted.

use std::process::ExitCode;

use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use crate::{output, secret};

/// Which plugin, and whether the person is asked.
#[derive(clap::Args)]
#[command(
    after_help = "All of it goes: versions, what the plugin has kept, its log, its secrets, its grants, the key that was believed. Only the audit log keeps its lines.\n\nExamples:\n  nexus plugin remove acme.jira\n  nexus plugin remove acme.jira --yes"
)]
pub(super) struct Remove {
    /// The plugin.
    id: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Remove {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let installed = super::installed()?;
        // What is broken can be removed; what is not there cannot.
        if let Err(error) = installed.get(&self.id)
            && matches!(error.kind(), ErrorKind::InvalidInput)
        {
            return Err(error);
        }
        if !self.yes {
            if json || !secret::can_ask() {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "removing a plugin needs a yes, and nobody can be asked",
                )
                .with_hint("add --yes"));
            }
            let question = format!("remove {} with everything that it has kept?", self.id);
            if !output::is_yes(&question).await? {
                eprintln!("kept {}", self.id);
                return Ok(ExitCode::from(2));
            }
        }
        let (changed, id) = (installed, self.id.clone());
        let removed = super::blocking(move || changed.remove(&id)).await?;
        super::grants()?.forget(&self.id)?;
        if json {
            let bytes = removed.bytes;
            output::print_json(
                &json!({ "ok": true, "id": self.id, "version": removed.version, "bytes": bytes }),
            );
        } else {
            let version = removed.version.map(|version| format!(" {version}")).unwrap_or_default();
            let size = output::size(removed.bytes);
            output::print_line(&format!(
                "{}{version} is gone, with {size} on the disk; the audit log keeps its lines",
                self.id
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}
