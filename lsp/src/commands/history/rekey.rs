//! New keys for everything.

use opencode_nexus::Result;
use opencode_nexus::auth::Unlock;
use serde_json::json;

use crate::commands::account::RecoveryArguments;
use crate::{account, output};

/// Where the new recovery key goes.
#[derive(clap::Args)]
pub(super) struct Rekey {
    #[command(flatten)]
    recovery: RecoveryArguments,
}

impl Rekey {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let (accounts, name) = (account::accounts()?, account::named()?);
        let info = account::info(&accounts, name.as_ref()).await?;
        let place = self.recovery.prepare(json)?;
        // Only what opens it now keeps opening it, so the keyring alone would not do.
        let question = format!("Passphrase of {}", info.name.as_str());
        let created = account::with_passphrase(&question, async |passphrase| {
            let bar = output::Bar::new("sealing anew", json);
            let with = Unlock::Passphrase(passphrase);
            accounts.rekey(Some(&info.name), with, bar.counter()).await
        })
        .await?;
        let key = place.hand_out(&created.recovery)?;
        if let Some(error) = &created.not_remembered {
            eprintln!("not remembered: {}", output::clean(error.message()));
        }
        if json {
            output::print_json(&json!({ "account": info.name, "recovery_key": key }));
            return Ok(());
        }
        output::print_line(&format!("everything of {} is sealed with new keys", info.name.as_str()));
        eprintln!("the recovery key from before opens it no more; backups keep the keys that they had");
        Ok(())
    }
}
