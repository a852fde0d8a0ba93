//! Accounts on this machine, each with a history of its own.

use std::sync::Arc;

use opencode_nexus::auth::{AccountName, Accounts, KdfParameters, NewAccount, SecretString, Unlock};
use opencode_nexus::config::Config;
use opencode_nexus::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure;
use crate::history::History;
use crate::port::Shared;

/// What is asked of the accounts.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase", deny_unknown_fields)]
enum Ask {
    Create { name: String, passphrase: String, remember: bool },
    All,
    History { name: Option<String>, passphrase: Option<String> },
}

/// Answers with JSON, or with a `History`.
pub async fn answer(shared: Arc<Shared>, ask: &str) -> Result<Answer> {
    let accounts = Accounts::configured(&Config::load(None, None)?.settings()?)?;
    match serde_json::from_str(ask).map_err(failure::unreadable)? {
        Ask::Create { name, passphrase, remember } => {
            let (passphrase, kdf) = (SecretString::from(passphrase), KdfParameters::default());
            let new = NewAccount { name: AccountName::new(&name)?, passphrase, kdf, both: false, remember };
            let created = accounts.create(new).await?;
            let described = json!({
                "name": name,
                "loggedIn": remember && created.not_remembered.is_none(),
                "notRemembered": created.not_remembered.map(|error| error.to_string()),
                "recoveryKey": created.recovery.expose(),
            });
            Ok(Answer::Json(described.to_string()))
        }
        Ask::All => {
            let all = accounts.list().await?;
            let described = all.iter().map(|account| {
                json!({
                    "name": account.name,
                    "current": account.current,
                    "loggedIn": account.logged_in,
                    "created": account.created,
                    "bytes": account.bytes,
                })
            });
            Ok(Answer::Json(Value::from_iter(described).to_string()))
        }
        Ask::History { name, passphrase } => {
            let name = name.as_deref().map(AccountName::new).transpose()?;
            let account = match passphrase {
                Some(passphrase) => {
                    let key = Unlock::Passphrase(SecretString::from(passphrase));
                    accounts.unlock(name.as_ref(), key).await?
                }
                None => accounts.remembered(name.as_ref()).await?.ok_or_else(|| {
                    Error::new(ErrorKind::Locked, "the history is locked")
                        .with_hint("log in: nexus account login, or give the passphrase")
                })?,
            };
            Ok(Answer::History(Box::new(History::new(shared, account.history(), None))))
        }
    }
}
