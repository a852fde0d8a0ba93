//! Another passphrase.

use opencode_nexus::Result;
use opencode_nexus::auth::Unlock;
use serde_json::json;

use super::KdfArguments;
use crate::{account, output, secret};

/// Whose passphrase.
#[derive(clap::Args)]
pub(super) struct Passwd {
    /// The account; otherwise the one that is used.
    name: Option<String>,
    /// Read the new passphrase from this open file descriptor: one line. It may be that of --passphrase-fd, whose next line
    /// is taken then.
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<i32>,
    #[command(flatten)]
    kdf: KdfArguments,
}

impl Passwd {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        if let Some(number) = self.new_passphrase_fd {
            secret::keep_to_ourselves(number);
        }
        let accounts = account::accounts()?;
        let wanted = account::named_or(self.name.as_deref())?;
        let info = account::info(&accounts, wanted.as_ref()).await?;
        let name = &info.name;
        // Also of somebody who is logged in: who sits down at an open machine must not be able to change it.
        let question = format!("Passphrase of {}", name.as_str());
        let opened = account::with_passphrase(&question, async |passphrase| {
            accounts.unlock(Some(name), Unlock::Passphrase(passphrase)).await
        })
        .await?;
        account::warn(&opened).await;
        let new = secret::new(self.new_passphrase_fd, "passphrase").await?;
        opened.change_passphrase(new, self.kdf.parameters()).await?;
        if json {
            output::print_json(&json!({ "name": name, "changed": true }));
        } else {
            output::print_line(&format!("the passphrase of {} is changed", name.as_str()));
        }
        Ok(())
    }
}
