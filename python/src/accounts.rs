//! Accounts on this machine, each with a history of its own.

use opencode_nexus::auth::{AccountName, Accounts, KdfParameters, NewAccount, SecretString, Unlock};
use opencode_nexus::config::Config;
use opencode_nexus::{Error, ErrorKind};
use pyo3::prelude::*;
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::history::History;
use crate::json;
use crate::pending::Pending;

fn accounts() -> Result<Accounts, Failure> {
    let settings = Config::load(None, None)?.settings()?;
    Ok(Accounts::configured(&settings)?)
}

/// Makes an account; what it is, as JSON, with its recovery key.
#[pyfunction]
pub fn create_account(name: String, passphrase: String, remember: bool) -> Pending {
    Pending::lasting(async move {
        let new = NewAccount {
            name: AccountName::new(&name)?,
            passphrase: SecretString::from(passphrase),
            kdf: KdfParameters::default(),
            both: false,
            remember,
        };
        let created = accounts()?.create(new).await?;
        json::answer(&json!({
            "name": name,
            "logged_in": remember && created.not_remembered.is_none(),
            "not_remembered": created.not_remembered.map(|error| error.to_string()),
            "recovery_key": created.recovery.expose(),
        }))
    })
}

/// The accounts of this machine, as JSON.
#[pyfunction]
pub fn list_accounts() -> Pending {
    Pending::new(async {
        let all = accounts()?.list().await?;
        let shown: Vec<_> = all
            .iter()
            .map(|account| {
                json!({
                    "name": account.name,
                    "current": account.current,
                    "logged_in": account.logged_in,
                    "created": account.created,
                    "bytes": account.bytes,
                })
            })
            .collect();
        Ok(Answer::Json(serde_json::Value::from(shown).to_string()))
    })
}

/// The history of an account: opened by its passphrase, or logged in.
#[pyfunction]
pub fn open_history(name: Option<String>, passphrase: Option<String>) -> Pending {
    Pending::new(async move {
        let name = name.as_deref().map(AccountName::new).transpose()?;
        let account = match passphrase {
            Some(passphrase) => {
                let key = Unlock::Passphrase(SecretString::from(passphrase));
                accounts()?.unlock(name.as_ref(), key).await?
            }
            None => accounts()?.remembered(name.as_ref()).await?.ok_or_else(|| {
                Error::new(ErrorKind::Locked, "the history is locked")
                    .with_hint("log in: nexus account login, or give the passphrase")
            })?,
        };
        Ok(Answer::History(Box::new(History::new(account.history()))))
    })
}
