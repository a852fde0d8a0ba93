//! `nexus plugin secret`: what a plugin needs to know and nobody else.

use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::secrets::Secrets;
use serde_json::json;

use crate::{core_dumps, output, secret};

/// Which plugin, and what.
#[derive(clap::Args)]
#[command(
    after_help = "A value is asked for on the terminal or read from a descriptor; it is never an argument, and never shown again. It is kept in a file that you alone can read. The plugin gets it when its right `secrets` is granted.\n\nExamples:\n  nexus plugin secret acme.jira set JIRA_TOKEN\n  nexus plugin secret acme.jira set JIRA_TOKEN --value-fd 3 3< token.txt\n  nexus plugin secret acme.jira list\n  nexus plugin secret acme.jira remove JIRA_TOKEN"
)]
pub(super) struct SecretCommand {
    /// The plugin.
    id: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Keep a value.
    Set {
        /// The name, as the plugin asks for it.
        name: String,
        /// Read the value from this open file descriptor: one line. 0 is standard input.
        #[arg(long, value_name = "N")]
        value_fd: Option<i32>,
    },
    /// Show which names have a value.
    List,
    /// Forget a value.
    Remove {
        /// The name.
        name: String,
    },
}

impl SecretCommand {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let plugin = super::installed()?.get(&self.id)?;
        let secrets = Secrets::of(&super::folder()?, &self.id);
        let asked = &plugin.manifest.permissions.secrets;
        match self.what {
            What::Set { name, value_fd } => {
                core_dumps::forbid();
                if !asked.contains(&name) {
                    let names = if asked.is_empty() { "none".to_owned() } else { asked.join(", ") };
                    let message = format!("{} does not ask for a secret {}", self.id, name.escape_debug());
                    return Err(Error::new(ErrorKind::InvalidInput, message)
                        .with_hint(format!("it asks for: {names}")));
                }
                let value = match value_fd {
                    Some(number) => secret::line(number).await?,
                    None => secret::ask(&name).await?,
                };
                secrets.set(&name, &value)?;
                tell(json, &self.id, &name, "is kept");
            }
            What::Remove { name } => {
                if !secrets.remove(&name)? {
                    let message = format!("there is no secret {} of {}", name.escape_debug(), self.id);
                    return Err(Error::new(ErrorKind::NotFound, message)
                        .with_hint("a value of the environment is not kept here, and stays"));
                }
                tell(json, &self.id, &name, "is forgotten");
            }
            What::List => list(json, &self.id, &secrets, asked)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(json: bool, id: &str, name: &str, what: &str) {
    if json {
        output::print_json(&json!({ "ok": true, "id": id, "name": name }));
    } else {
        output::print_line(&format!("{name} of {id} {what}"));
    }
}

fn list(json: bool, id: &str, secrets: &Secrets, asked: &[String]) -> Result<()> {
    let mut all = Vec::new();
    for name in asked {
        // Read, and dropped unseen: what the environment gives counts as well.
        all.push((name, secrets.get(name)?.is_some()));
    }
    if json {
        let all: Vec<_> = all.iter().map(|(name, given)| json!({ "name": name, "given": given })).collect();
        output::print_json(&json!({ "ok": true, "id": id, "secrets": all }));
        return Ok(());
    }
    if all.is_empty() {
        eprintln!("{id} asks for no secret");
    }
    for (name, given) in all {
        output::print_line(&format!("{name}  {}", if given { "given" } else { "not given" }));
    }
    Ok(())
}
