//! `nexus server remove`: takes an installed version of OpenCode away.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::server::Versions;
use serde_json::json;

use crate::output;

/// Remove an installed version of OpenCode. One that is pinned or runs stays.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus server remove 1.17.19")]
pub(crate) struct Remove {
    /// The version.
    version: String,
    /// End with one line of JSON: {"ok": true, "removed": …}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Remove {
    pub(crate) fn run(self) -> Result<ExitCode> {
        Versions::open()?.remove(&self.version)?;
        if self.json {
            output::print_json(&json!({ "ok": true, "removed": self.version }));
        } else {
            output::print_line(&format!("OpenCode {} is removed", self.version));
        }
        Ok(ExitCode::SUCCESS)
    }
}
