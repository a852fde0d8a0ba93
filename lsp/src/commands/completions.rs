//! `nexus completions`: what a shell needs to complete our commands.

use std::process::ExitCode;

use clap::CommandFactory;
use opencode_nexus::Result;

/// Print the completions of a shell.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus completions bash > ~/.local/share/bash-completion/completions/nexus\n  nexus completions zsh > ~/.zfunc/_nexus\n  nexus completions fish > ~/.config/fish/completions/nexus.fish\n  nexus completions powershell >> $PROFILE"
)]
pub(crate) struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run<Program: CommandFactory>(self) -> Result<ExitCode> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Program::command(), "nexus", &mut text);
        // A reader that has gone away is no failure of ours.
        let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), &text);
        Ok(ExitCode::SUCCESS)
    }
}
