//! `nexus plugin rollback`: the version before.

use std::process::ExitCode;

use opencode_nexus::Result;
use serde_json::json;

use crate::output;

/// Which plugin.
#[derive(clap::Args)]
#[command(after_help = "A second time leads back again.\n\nExamples:\n  nexus plugin rollback acme.jira")]
pub(super) struct Rollback {
    /// The plugin.
    id: String,
}

impl Rollback {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let installed = super::installed()?;
        let from = installed.get(&self.id)?;
        let (changed, id) = (installed.clone(), self.id.clone());
        let version = super::blocking(move || changed.rollback(&id)).await?;
        let now = installed.get(&self.id)?;
        // The rights of one version are not those of another, but what asks for no more keeps what it had.
        let publisher = super::publisher(now.publisher.as_ref());
        let more = super::grants()?.carry_over(&from.manifest, &now.manifest, &publisher)?;
        if json {
            output::print_json(
                &json!({ "ok": true, "id": self.id, "version": version, "from": from.version }),
            );
            return Ok(ExitCode::SUCCESS);
        }
        output::print_line(&format!("{} {version} is used again, instead of {}", self.id, from.version));
        if !more.is_empty() {
            eprintln!("it asks for more than the other one; to decide: nexus plugin grant {}", self.id);
        }
        Ok(ExitCode::SUCCESS)
    }
}
