//! `nexus server`: the local OpenCode, its versions and its running. A file for each subcommand.

mod discover;
mod idle;
mod install;
mod launch;
mod list;
mod logs;
mod pin;
mod remove;
mod rollback;
mod source;
mod start;
mod status;
mod stop;
mod supervise;
mod update;

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
  nexus server update
  nexus server start
  nexus server status
  nexus server stop --all";

#[derive(Subcommand)]
enum ServerCommand {
    Install(install::Install),
    List(list::List),
    Pin(pin::Pin),
    Remove(remove::Remove),
    Rollback(rollback::Rollback),
    Update(update::Update),
    Start(start::Start),
    Stop(stop::Stop),
    Status(status::Status),
    Logs(logs::Logs),
    Discover(discover::Discover),
    #[command(hide = true)]
    Supervise(supervise::Supervise),
}

impl Server {
    /// Whether an error is to be told as JSON.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            ServerCommand::Install(install) => install.json,
            ServerCommand::List(list) => list.json,
            ServerCommand::Pin(pin) => pin.json,
            ServerCommand::Remove(remove) => remove.json,
            ServerCommand::Rollback(rollback) => rollback.json,
            ServerCommand::Update(update) => update.json,
            ServerCommand::Start(start) => start.json,
            ServerCommand::Stop(stop) => stop.json,
            ServerCommand::Status(status) => status.json,
            ServerCommand::Logs(logs) => logs.json,
            ServerCommand::Discover(discover) => discover.json,
            ServerCommand::Supervise(_) => false,
        }
    }

    /// Whether it ends by itself when it is asked to, and must not be dropped in the middle.
    pub(crate) fn handles_signals(&self) -> bool {
        matches!(&self.command, ServerCommand::Supervise(_))
    }

    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self.command {
            ServerCommand::Install(install) => install.run().await,
            ServerCommand::List(list) => list.run(),
            ServerCommand::Pin(pin) => pin.run(),
            ServerCommand::Remove(remove) => remove.run(),
            ServerCommand::Rollback(rollback) => rollback.run(),
            ServerCommand::Update(update) => update.run().await,
            ServerCommand::Start(start) => start.run().await,
            ServerCommand::Stop(stop) => stop.run().await,
            ServerCommand::Status(status) => status.run().await,
            ServerCommand::Logs(logs) => logs.run().await,
            ServerCommand::Discover(discover) => discover.run().await,
            ServerCommand::Supervise(supervise) => supervise.run().await,
        }
    }
}
