//! `nexus server`: the local OpenCode, its versions and its running. A file for each subcommand.

mod list;

use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::Result;

/// The local OpenCode: its versions, and whether it runs.
#[derive(clap::Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Server {
    #[command(subcommand)]
    command: ServerCommand,
}

const EXAMPLES: &str = "\
Examples:
  nexus server list
  nexus server install 1.18.33
  nexus server update";

#[derive(Subcommand)]
enum ServerCommand {
    List(list::List),
}

impl Server {
    /// Whether an error is to be told as JSON.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            ServerCommand::List(list) => list.json,
        }
    }

    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self.command {
            ServerCommand::List(list) => list.run(),
        }
    }
}
