//! `nexus server pin`: the version of OpenCode that is used until the person says otherwise.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::server::Versions;
use serde_json::json;

use crate::output;

/// Use one version of OpenCode and no other, also after updates; it is installed at the next start if it is missing.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus server pin 1.18.33\n  nexus server pin --none")]
pub(crate) struct Pin {
    /// The version.
    #[arg(required_unless_present = "none")]
    version: Option<String>,
    /// Unpin.
    #[arg(long, conflicts_with = "version")]
    none: bool,
    /// End with one line of JSON: {"ok": true, "pinned": …, "before": …}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Pin {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let before = Versions::open()?.pin(self.version.as_deref())?;
        if self.json {
            output::print_json(&json!({ "ok": true, "pinned": self.version, "before": before }));
            return Ok(ExitCode::SUCCESS);
        }
        output::print_line(&match (&self.version, &before) {
            (Some(version), _) => format!("OpenCode {version} is pinned"),
            (None, Some(before)) => format!("OpenCode {before} is not pinned any more"),
            (None, None) => "no version was pinned".to_owned(),
        });
        Ok(ExitCode::SUCCESS)
    }
}
