//! `nexus server rollback`: back to the version of OpenCode that was used before the last update.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::server::Versions;
use serde_json::json;

use crate::output;

/// Go back to the version of OpenCode that was used before the last update; a second time goes forward again.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus server rollback\n  nexus server rollback --json")]
pub(crate) struct Rollback {
    /// End with one line of JSON: {"ok": true, "from": …, "to": …}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Rollback {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let (from, to) = Versions::open()?.rollback()?;
        if self.json {
            output::print_json(&json!({ "ok": true, "from": from, "to": to }));
        } else {
            let from = from.map(|from| format!(", instead of {from}")).unwrap_or_default();
            output::print_line(&format!("OpenCode {to} is used from now on{from}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
