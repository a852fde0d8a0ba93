//! Making an account.

use opencode_nexus::auth::{AccountName, NewAccount};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use super::{KdfArguments, RecoveryArguments};
use crate::{account, core_dumps, output, secret};

/// The name of an account that nobody has named.
const USUAL: &str = "default";

/// What kind of account.
#[derive(clap::Args)]
pub(super) struct Create {
    /// Its name: letters, digits, `.`, `_`, `-`, `@`. Without one it is `default`.
    name: Option<String>,
    /// Open it only by passphrase and keyring together: copied files are worth nothing then, but neither is it opened when
    /// the keyring is lost, except by the recovery key.
    #[arg(long)]
    both: bool,
    /// Do not log in: commands ask for the passphrase.
    #[arg(long)]
    no_remember: bool,
    #[command(flatten)]
    kdf: KdfArguments,
    #[command(flatten)]
    recovery: RecoveryArguments,
}

impl Create {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        core_dumps::forbid();
        let accounts = account::accounts()?;
        let name = match account::named_or(self.name.as_deref())? {
            Some(name) => name,
            None => AccountName::new(USUAL)?,
        };
        // Said before a passphrase is thought of.
        if accounts.list().await?.iter().any(|info| info.name == name) {
            let message = format!("there is an account {} already", name.as_str());
            return Err(Error::new(ErrorKind::Conflict, message)
                .with_hint("choose another name: nexus account create NAME"));
        }
        let place = self.recovery.prepare(json)?;
        let passphrase = match account::given_passphrase().await? {
            Some(passphrase) => secret::check_new(&passphrase).map(|()| passphrase)?,
            None => secret::ask_new(&format!("passphrase for {}", name.as_str())).await?,
        };
        let new = NewAccount {
            name: name.clone(),
            passphrase,
            kdf: self.kdf.parameters(),
            both: self.both,
            remember: !self.no_remember && !self.both,
        };
        let remember = new.remember;
        let created = accounts.create(new).await?;
        let key = place.hand_out(&created.recovery)?;
        let logged_in = remember && created.not_remembered.is_none();
        if json {
            output::print_json(&json!({
                "name": name,
                "logged_in": logged_in,
                "not_remembered": created.not_remembered.as_ref().map(|error| error.message()),
                "recovery_key": key,
            }));
            return Ok(());
        }
        output::print_line(&format!("account {} made", name.as_str()));
        match created.not_remembered {
            Some(error) => eprintln!(
                "not remembered: {}; commands ask for the passphrase, or take it by --passphrase-fd",
                output::clean(error.message())
            ),
            None if logged_in => {
                eprintln!("logged in; conversations are kept from now on (nexus history status)")
            }
            None => eprintln!("commands ask for the passphrase, or take it by --passphrase-fd"),
        }
        Ok(())
    }
}
