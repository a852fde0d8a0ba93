//! `cargo xtask`: the chores of this repository. Each subcommand lives in a module of its own.
#![allow(clippy::print_stdout)] // this program talks to people

mod api;
mod bench;
mod cargo;
mod coverage;
mod editors;
mod faults;
mod fuzz;
mod node;
mod package;
mod plugins;
mod python;
mod reference;
mod server_faults;
mod terminal;
mod test;
mod vault_check;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Generates the wire types, operations and events of `opencode-api` from `sdk/api/spec`.
    Api {
        /// Only compare; fail when the generated files differ.
        #[arg(long)]
        check: bool,
    },
    /// Compares the generated operations and events with what a real server and the documents say.
    Coverage(coverage::Arguments),
    /// Plays every scripted conversation on a real server through a network that fails.
    Faults(faults::Arguments),
    /// Plays what can happen to a local server, with the real executable and real servers.
    ServerFaults(server_faults::Arguments),
    /// Measures ours beside what people use instead.
    Bench(bench::Arguments),
    /// Gives wild bytes to everything that reads bytes from outside.
    Fuzz(fuzz::Arguments),
    /// Builds what people install: archive, Debian package, checksums.
    Package(package::Arguments),
    /// Builds the plugins of this repository, attacks the host with hostile ones, and does what the pages for authors say.
    Plugins(plugins::Arguments),
    /// Builds the Python package, reads its types strictly, tests it on real servers, and installs its wheel.
    Python(python::Arguments),
    /// Builds the npm package, tests it on real servers, packs it and uses what was packed.
    Node(node::Arguments),
    /// Writes the reference of the Python and the npm package, and holds the pages about other packages against them.
    Reference,
    /// Plays `nexus chat` in a real terminal and compares its screen with the server.
    Terminal(terminal::Arguments),
    /// Plays conversations in real editors, and compares what a person sees with the server.
    Editors(editors::Arguments),
    /// Keeps every promise of the encrypted store in front of kills, full disks, hung keyrings and curious people.
    VaultCheck(vault_check::Arguments),
    /// What `vault-check` starts to be killed.
    #[command(hide = true)]
    VaultWorker(vault_check::worker::Arguments),
    /// Tests everything that can be tested; the same command as in CI.
    Test(test::Arguments),
}

/// The root of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Api { check } => api::run(&root(), check),
        Task::Coverage(arguments) => coverage::run(&root(), &arguments),
        Task::Faults(arguments) => faults::run(&root(), &arguments),
        Task::ServerFaults(arguments) => server_faults::run(&root(), &arguments),
        Task::Bench(arguments) => bench::run(&root(), &arguments),
        Task::Fuzz(arguments) => fuzz::run(&root(), &arguments),
        Task::Package(arguments) => package::run(&root(), &arguments),
        Task::Plugins(arguments) => plugins::run(&root(), &arguments),
        Task::Python(arguments) => python::run(&root(), &arguments),
        Task::Node(arguments) => node::run(&root(), &arguments),
        Task::Reference => reference::run(&root()),
        Task::Terminal(arguments) => terminal::run(&root(), &arguments),
        Task::Editors(arguments) => editors::run(&root(), &arguments),
        Task::VaultCheck(arguments) => vault_check::run(&root(), &arguments),
        Task::VaultWorker(arguments) => vault_check::worker::run(&arguments),
        Task::Test(arguments) => test::run(&root(), &arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
