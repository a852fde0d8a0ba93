//! `nexus config`: the client's settings, and the server's beside them.

mod check;
mod edit;
mod explain;
mod server;
mod sync;
mod values;

use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::config::{SETTINGS, Setting};
use opencode_nexus::{Error, ErrorKind, Result};

/// Settings: read, change, check and explain them.
#[derive(clap::Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    command: Verb,
    /// Answer with JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  nexus config explain                          every setting, its value and where that comes from
  nexus config set model anthropic/claude-sonnet-4-5
  nexus config set --in work server.url https://opencode.example.org
  nexus config check                            what is wrong, with line and column
  nexus config server set model anthropic/claude-sonnet-4-5
  nexus config sync --to-server                 the server gets what both have settings for";

#[derive(Subcommand)]
enum Verb {
    /// The value of a setting, or of all that are set.
    Get(values::Get),
    /// Sets a value in the file; everything else in it stays as it is.
    Set(values::Set),
    /// Removes a value from the file.
    Unset(values::Unset),
    /// Opens the file in your editor ($VISUAL, $EDITOR), and checks it then.
    Edit(edit::Edit),
    /// Says what is wrong in the file and the environment; exit code 2 when something is.
    Check(check::Check),
    /// What a setting means, its value and where that comes from.
    Explain(explain::Explain),
    /// The server's own configuration, read and changed through the server.
    Server(server::ServerConfig),
    /// Makes the settings that client and server both have the same.
    Sync(sync::Sync),
}

impl ConfigCommand {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let json = self.json;
        match self.command {
            Verb::Get(get) => get.run(json),
            Verb::Set(set) => set.run(json),
            Verb::Unset(unset) => unset.run(json),
            Verb::Edit(edit) => edit.run(json),
            Verb::Check(check) => check.run(json),
            Verb::Explain(explain) => explain.run(json),
            Verb::Server(server) => server.run(json).await,
            Verb::Sync(sync) => sync.run(json).await,
        }
    }
}

/// The setting that the person named.
fn setting(key: &str) -> Result<&'static Setting> {
    Setting::find(key).ok_or_else(|| {
        let error = Error::new(ErrorKind::InvalidInput, format!("there is no setting `{key}`"));
        let last = key.rsplit('.').next().unwrap_or(key);
        match SETTINGS.iter().find(|s| s.key.rsplit('.').next() == Some(last)) {
            Some(near) => error.with_hint(format!("did you mean {}?", near.key)),
            None => error.with_hint("`nexus config explain` shows all settings"),
        }
    })
}
