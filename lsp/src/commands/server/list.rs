//! `nexus server list`: the versions of OpenCode that are installed here.

use std::process::ExitCode;

use opencode_nexus::Result;

/// Show the installed versions of OpenCode.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus server list\n  nexus server list --json")]
pub(crate) struct List {
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl List {
    pub(crate) fn run(self) -> Result<ExitCode> {
        Ok(ExitCode::SUCCESS)
    }
}
