//! `nexus man`: the manual pages, one for each command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;
use opencode_nexus::{Error, ErrorKind, Result};

/// Write the manual pages.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus man --to ~/.local/share/man/man1 && man nexus-run\n  nexus man --to target/man"
)]
pub(crate) struct Man {
    /// The folder, made when it is missing.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

impl Man {
    pub(crate) fn run<Program: CommandFactory>(self) -> Result<ExitCode> {
        let wrong = |error: std::io::Error| {
            Error::new(ErrorKind::InvalidInput, format!("cannot write to {}: {error}", self.to.display()))
                .with_hint("give --to a folder that you may write to")
        };
        std::fs::create_dir_all(&self.to).map_err(wrong)?;
        // A page for each command below as well: nexus-sessions-list.1.
        clap_mangen::generate_to(Program::command(), &self.to).map_err(wrong)?;
        eprintln!("manual pages in {}", self.to.display());
        Ok(ExitCode::SUCCESS)
    }
}
