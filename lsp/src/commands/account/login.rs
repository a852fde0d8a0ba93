//! Logging in: the passphrase is checked, and the keyring remembers it.

use opencode_nexus::{ErrorKind, Result};
use serde_json::json;

use crate::{account, output};

/// Who logs in.
#[derive(clap::Args)]
pub(super) struct Login {
    /// The account; otherwise the one that was used last.
    name: Option<String>,
    /// Only check the passphrase and make this the account that is used: the keyring remembers nothing.
    #[arg(long)]
    no_remember: bool,
}

impl Login {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let accounts = account::accounts()?;
        let wanted = account::named_or(self.name.as_deref())?;
        let info = account::info(&accounts, wanted.as_ref()).await?;
        let (name, remember) = (info.name, !self.no_remember);
        let opened =
            account::with_passphrase(&format!("Passphrase of {}", name.as_str()), async |passphrase| {
                match accounts.login(Some(&name), passphrase, remember).await {
                    Err(error) if remember && error.kind() == ErrorKind::Keyring => {
                        Err(error.with_hint("log in without a keyring: nexus account login --no-remember"))
                    }
                    other => other,
                }
            })
            .await?;
        account::warn(&opened).await;
        if json {
            output::print_json(&json!({ "name": name, "logged_in": remember }));
        } else if remember {
            output::print_line(&format!("logged in as {}", name.as_str()));
        } else {
            output::print_line(&format!(
                "{} is used from now on; commands ask for its passphrase",
                name.as_str()
            ));
        }
        Ok(())
    }
}
