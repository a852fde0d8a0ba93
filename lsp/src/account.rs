//! The account that a command works for: which one it is, and how it is opened.
//!
//! In this order, and never one that was not needed: a descriptor with the passphrase (`--passphrase-fd`), the keyring of
//! somebody who is logged in, the person. A command that only wants to keep what it does asks nobody.

use opencode_nexus::auth::{
    Account, AccountInfo, AccountName, Accounts, Backend, SecretString, Unlock, Warning,
};
use opencode_nexus::{Error, ErrorKind, Result};
use std::sync::OnceLock;

use crate::settings::settings;
use crate::{core_dumps, output, secret};

/// How often a person may try again before the command ends.
const TRIES: usize = 3;

/// What every command takes.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct AccountArguments {
    /// The account to work for; otherwise the one that was made or logged in last.
    #[arg(long, value_name = "NAME", env = "NEXUS_ACCOUNT", global = true, help_heading = "Account")]
    account: Option<String>,
    /// Read the passphrase from this open file descriptor: one line. 0 is standard input.
    #[arg(long, value_name = "N", env = "NEXUS_PASSPHRASE_FD", global = true, help_heading = "Account")]
    passphrase_fd: Option<i32>,
}

static ARGUMENTS: OnceLock<AccountArguments> = OnceLock::new();
/// The passphrase of the descriptor: it can be read only once.
static GIVEN: OnceLock<SecretString> = OnceLock::new();

/// Called once, before any command runs.
pub(crate) fn choose(arguments: AccountArguments) {
    if let Some(number) = arguments.passphrase_fd {
        secret::keep_to_ourselves(number);
    }
    ARGUMENTS.get_or_init(|| arguments);
}

fn arguments() -> AccountArguments {
    ARGUMENTS.get().cloned().unwrap_or_default()
}

/// The descriptor that has the passphrase.
pub(crate) fn passphrase_fd() -> Option<i32> {
    arguments().passphrase_fd
}

/// Takes the passphrase off standard input before somebody else reads the rest of it, when it stands there.
///
/// # Errors
/// Those of [`secret::line`].
pub(crate) async fn read_early() -> Result<()> {
    if passphrase_fd() == Some(0) {
        given_passphrase().await?;
    }
    Ok(())
}

/// The passphrase of the descriptor that was named.
///
/// # Errors
/// Those of [`secret::line`].
pub(crate) async fn given_passphrase() -> Result<Option<SecretString>> {
    match (GIVEN.get(), passphrase_fd()) {
        (Some(given), _) => Ok(Some(given.clone())),
        (None, Some(number)) => {
            let read = secret::line(number).await?;
            Ok(Some(GIVEN.get_or_init(|| read).clone()))
        }
        (None, None) => Ok(None),
    }
}

/// The accounts of the person, with the keyring that the settings choose.
///
/// # Errors
/// Those of the settings, and of [`Accounts::configured`].
pub(crate) fn accounts() -> Result<Accounts> {
    Accounts::configured(&*settings()?)
}

/// The account that is named by an argument, a variable or a setting.
///
/// # Errors
/// Those of the settings; `user.invalid_input` for a name that cannot be one.
pub(crate) fn named() -> Result<Option<AccountName>> {
    let name = match arguments().account {
        Some(name) => Some(name),
        None => settings()?.account.clone(),
    };
    name.as_deref().map(AccountName::new).transpose()
}

/// A name as an argument of its own; without one what [`named`] says.
///
/// # Errors
/// As [`named`].
pub(crate) fn named_or(name: Option<&str>) -> Result<Option<AccountName>> {
    match name {
        Some(name) => AccountName::new(name).map(Some),
        None => named(),
    }
}

/// What is known of the account of that name, or of the current one, without opening it.
///
/// # Errors
/// `user.not_found` when there is none.
pub(crate) async fn info(accounts: &Accounts, name: Option<&AccountName>) -> Result<AccountInfo> {
    let all = accounts.list().await?;
    let empty = all.is_empty();
    let found = all.into_iter().find(|info| match name {
        Some(name) => info.name == *name,
        None => info.current,
    });
    if found.is_some() {
        // It is about to be opened: before any key is in memory.
        core_dumps::forbid();
    }
    found.ok_or_else(|| match name {
        Some(name) if !empty => {
            Error::new(ErrorKind::NotFound, format!("there is no account {}", name.as_str()))
                .with_hint("`nexus account list` shows them")
        }
        None if !empty => Error::new(ErrorKind::NotFound, "no account is the current one")
            .with_hint("name one: nexus account login NAME"),
        _ => Error::new(ErrorKind::NotFound, "there is no account on this machine")
            .with_hint("make one: nexus account create"),
    })
}

/// Does something with the passphrase: that of the descriptor, else what the person types, who may try again.
///
/// # Errors
/// Those of reading it and of `with`.
pub(crate) async fn with_passphrase<T>(
    question: &str,
    mut with: impl AsyncFnMut(SecretString) -> Result<T>,
) -> Result<T> {
    if let Some(passphrase) = given_passphrase().await? {
        return with(passphrase).await;
    }
    let mut tries = 1;
    loop {
        match with(secret::ask(question).await?).await {
            Err(error) if error.kind() == ErrorKind::WrongPassphrase && tries < TRIES => {
                eprintln!("{}", output::clean(error.message()));
                tries += 1;
            }
            result => return result,
        }
    }
}

/// Opens the account, and asks the person when nothing else opens it.
///
/// # Errors
/// Those of [`info`], of reading the passphrase and of unlocking; `security.locked` when nobody can be asked.
pub(crate) async fn open() -> Result<Account> {
    let (accounts, name) = (accounts()?, named()?);
    let info = info(&accounts, name.as_ref()).await?;
    if let Some(account) = remembered(&accounts, &info).await? {
        return Ok(account);
    }
    if passphrase_fd().is_none() && !secret::can_ask() {
        return Err(locked(&info.name));
    }
    let account = with_passphrase(&format!("Passphrase of {}", info.name.as_str()), async |passphrase| {
        accounts.unlock(Some(&info.name), Unlock::Passphrase(passphrase)).await
    })
    .await?;
    warn(&account).await;
    Ok(account)
}

/// Opens the account without asking anybody: `None` when there is none, or it is locked. What is wrong with the keyring
/// is one line of warning and no reason to stop.
///
/// # Errors
/// Those of the settings and of the passphrase that a descriptor gives; a damaged account.
pub(crate) async fn open_quietly() -> Result<Opened> {
    let (accounts, name) = (accounts()?, named()?);
    let info = match info(&accounts, name.as_ref()).await {
        Ok(info) => info,
        // Somebody who names an account wants that one.
        Err(error) if error.kind() == ErrorKind::NotFound && name.is_none() => return Ok(Opened::None),
        Err(error) => return Err(error),
    };
    match remembered(&accounts, &info).await {
        Ok(Some(account)) => Ok(Opened::Account(account)),
        Ok(None) if passphrase_fd().is_some() => {
            let passphrase = given_passphrase().await?.ok_or_else(|| locked(&info.name))?;
            let account = accounts.unlock(Some(&info.name), Unlock::Passphrase(passphrase)).await?;
            warn(&account).await;
            Ok(Opened::Account(account))
        }
        Ok(None) => Ok(Opened::Locked),
        Err(error) => Err(error),
    }
}

/// What came of opening an account without asking anybody.
pub(crate) enum Opened {
    /// There is no account.
    None,
    /// It is locked.
    Locked,
    /// It is open.
    Account(Account),
}

/// By the keyring, when the person is logged in and no descriptor was named. A keyring that fails is a line of warning.
async fn remembered(accounts: &Accounts, info: &AccountInfo) -> Result<Option<Account>> {
    if passphrase_fd().is_some() || !info.logged_in {
        return Ok(None);
    }
    match accounts.remembered(Some(&info.name)).await {
        Ok(Some(account)) => {
            warn(&account).await;
            Ok(Some(account))
        }
        Err(error) if error.kind() == ErrorKind::Keyring => {
            eprintln!("warning: {}", output::clean(&error.to_string()));
            Ok(None)
        }
        other => other,
    }
}

/// Says what a person should know of the account's vault.
pub(crate) async fn warn(account: &Account) {
    for warning in account.warnings().await {
        let line = match warning {
            Warning::RolledBack => {
                "the history is older than it was when it was last used here: a backup was put back, or somebody put old files in its place"
            }
            Warning::SlotsRepaired => {
                "one of the two copies of the key slots was damaged; it was written anew"
            }
            _ => continue,
        };
        eprintln!("warning: {line}");
    }
}

/// Says that nobody is logged in.
pub(crate) fn locked(name: &AccountName) -> Error {
    Error::new(ErrorKind::Locked, format!("the account {} is locked", name.as_str()))
        .with_hint("log in: nexus account login, or give the passphrase by --passphrase-fd")
}

/// The keyring's name for people.
pub(crate) fn keyring_name(backend: Backend) -> &'static str {
    match backend {
        Backend::SecretService => "the Secret Service",
        Backend::Kernel => "the kernel's keyring",
        Backend::Keychain => "the keychain",
        Backend::CredentialManager => "the credential manager",
        Backend::None => "no keyring",
        _ => "a keyring",
    }
}
