//! Destroying an account.

use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use crate::{account, output};

/// Which account, and whether the person is asked.
#[derive(clap::Args)]
pub(super) struct Remove {
    /// The account.
    name: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Remove {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let accounts = account::accounts()?;
        let wanted = account::named_or(Some(&self.name))?;
        let info = account::info(&accounts, wanted.as_ref()).await?;
        let name = info.name;
        if !self.yes {
            if !crate::secret::can_ask() || json {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "removing an account needs a yes, and nobody can be asked",
                )
                .with_hint("add --yes"));
            }
            let question = format!(
                "destroy the account {} with its history and the credentials of servers ({})?",
                name.as_str(),
                output::size(info.bytes)
            );
            if !output::is_yes(&question).await? {
                eprintln!("kept {}", name.as_str());
                return Ok(());
            }
        }
        accounts.remove(&name).await?;
        if json {
            output::print_json(&json!({ "removed": name }));
        } else {
            output::print_line(&format!("account {} is gone", name.as_str()));
        }
        Ok(())
    }
}
