//! The way back when the passphrase is forgotten.

use opencode_nexus::auth::Unlock;
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use crate::commands::account::{KdfArguments, RecoveryArguments};
use crate::{account, output, secret};

/// What is needed for it.
#[derive(clap::Args)]
pub(super) struct Recover {
    /// Read the recovery key from this open file descriptor: one line. Otherwise it is asked for.
    #[arg(long, value_name = "N")]
    recovery_key_fd: Option<i32>,
    /// Read the new passphrase from this open file descriptor: one line. It may be the same one, whose next line is taken
    /// then.
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<i32>,
    /// Make a new recovery key as well; the one from before opens nothing then.
    #[arg(long)]
    new_recovery_key: bool,
    #[command(flatten)]
    recovery: RecoveryArguments,
    #[command(flatten)]
    kdf: KdfArguments,
}

impl Recover {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        [self.recovery_key_fd, self.new_passphrase_fd]
            .into_iter()
            .flatten()
            .for_each(secret::keep_to_ourselves);
        let (accounts, name) = (account::accounts()?, account::named()?);
        let info = account::info(&accounts, name.as_ref()).await?;
        let place = self.new_recovery_key.then(|| self.recovery.prepare(json)).transpose()?;
        let key = match self.recovery_key_fd {
            Some(number) => secret::line(number).await?,
            None => {
                secret::ask(&format!("Recovery key of {}", info.name.as_str())).await.map_err(no_terminal)?
            }
        };
        let opened = accounts.unlock(Some(&info.name), Unlock::Recovery(key)).await?;
        account::warn(&opened).await;
        let passphrase = secret::new(self.new_passphrase_fd, "passphrase").await?;
        opened.change_passphrase(passphrase, self.kdf.parameters()).await?;
        let shown = match place {
            Some(place) => place.hand_out(&opened.replace_recovery().await?)?,
            None => None,
        };
        if json {
            output::print_json(&json!({ "account": info.name, "recovery_key": shown }));
            return Ok(());
        }
        output::print_line(&format!("{} has a new passphrase", info.name.as_str()));
        eprintln!("log in with it: nexus account login {}", info.name.as_str());
        Ok(())
    }
}

fn no_terminal(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidInput => error.with_hint("give the recovery key by --recovery-key-fd"),
        _ => error,
    }
}
