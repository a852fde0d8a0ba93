//! `nexus plugin enable` and `disable`: whether a plugin runs.

use std::process::ExitCode;

use opencode_nexus::Result;
use serde_json::json;

use crate::output;

/// Which plugin.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus plugin enable acme.jira")]
pub(super) struct Enable {
    /// The plugin.
    id: String,
}

/// Which plugin.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus plugin disable acme.jira")]
pub(super) struct Disable {
    /// The plugin.
    id: String,
}

impl Enable {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        set(self.id, true, json).await
    }
}

impl Disable {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        set(self.id, false, json).await
    }
}

async fn set(id: String, enabled: bool, json: bool) -> Result<ExitCode> {
    let (installed, name) = (super::installed()?, id.clone());
    super::blocking(move || installed.set_enabled(&name, enabled)).await?;
    if json {
        output::print_json(&json!({ "ok": true, "id": id, "enabled": enabled }));
    } else {
        output::print_line(&format!("{id} is {}", if enabled { "enabled" } else { "disabled" }));
    }
    Ok(ExitCode::SUCCESS)
}
