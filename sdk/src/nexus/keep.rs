//! Whether conversations are kept, and in whose history. Nobody is asked for anything: a passphrase is given, or the account
//! is logged in, or it stays locked.

use crate::auth::{Account, AccountName, Accounts, SecretString, Unlock};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::history::History;

/// Whether conversations shall be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// No.
    #[default]
    Off,
    /// When an account can be opened.
    Auto,
    /// Yes; otherwise nothing runs.
    On,
}

impl Keep {
    /// What the setting `history.enabled` says.
    pub fn of(settings: &Settings) -> Self {
        match settings.history.as_str() {
            "off" => Self::Off,
            "on" => Self::On,
            _ => Self::Auto,
        }
    }
}

/// Whether conversations are kept.
#[derive(Clone, Debug, Default)]
pub enum Kept {
    /// In the history of this account.
    On(Account),
    /// They would be, but nobody is logged in.
    Locked,
    /// They are not: nobody wants it, or there is no account.
    #[default]
    Off,
}

impl Kept {
    /// One word for a line of status.
    pub fn word(&self) -> &'static str {
        match self {
            Self::On(_) => "on",
            Self::Locked => "locked",
            Self::Off => "off",
        }
    }

    /// The history, if there is one.
    pub fn history(&self) -> Option<History> {
        match self {
            Self::On(account) => Some(account.history()),
            Self::Locked | Self::Off => None,
        }
    }

    /// Opens the account of that name, else that of the settings, else the current one: with the passphrase if there is
    /// one, else when it is logged in.
    ///
    /// # Errors
    /// `security.wrong_passphrase`, `security.locked_out`, `recovery.damaged`; `user.not_found` for a name that does not
    /// exist. With [`Keep::On`] `user.not_found` and `security.locked` as well.
    pub(super) async fn open(
        keep: Keep,
        settings: &Settings,
        name: Option<&str>,
        passphrase: Option<SecretString>,
    ) -> Result<Self> {
        if keep == Keep::Off {
            return Ok(Self::Off);
        }
        let accounts = Accounts::configured(settings)?;
        let name = name.or(settings.account.as_deref()).map(AccountName::new).transpose()?;
        if name.is_none() && accounts.current()?.is_none() {
            return match keep {
                Keep::On => {
                    Err(Error::new(ErrorKind::NotFound, "there is no account to keep conversations in")
                        .with_hint("make one: nexus account create"))
                }
                _ => Ok(Self::Off),
            };
        }
        if let Some(passphrase) = passphrase {
            let unlocked = accounts.unlock(name.as_ref(), Unlock::Passphrase(passphrase)).await;
            return unlocked.map(Self::On);
        }
        match accounts.remembered(name.as_ref()).await {
            Ok(Some(account)) => Ok(Self::On(account)),
            Ok(None) if keep == Keep::On => Err(Error::new(ErrorKind::Locked, "the history is locked")
                .with_hint("log in: nexus account login, or give the passphrase")),
            Ok(None) => Ok(Self::Locked),
            Err(error) if keep == Keep::Auto && error.kind() == ErrorKind::Keyring => {
                tracing::warn!(%error, "nothing is kept");
                Ok(Self::Locked)
            }
            Err(error) => Err(error),
        }
    }
}
