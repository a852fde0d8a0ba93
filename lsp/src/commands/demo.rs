//! `nexus demo`.
use std::process::ExitCode;
/// A whole conversation with a real server; no key, no account.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// End with one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
impl Demo {
    pub(crate) async fn run(self) -> opencode_nexus::Result<ExitCode> { Ok(ExitCode::SUCCESS) }
}
