//! The encrypted history: who is logged in, how the keyring stands, how much is kept. A machine without an account is well,
//! and its keyring is not touched.

use std::time::Duration;

use opencode_nexus::Error;
use opencode_nexus::auth::{Account, AccountInfo, Accounts, KeyringState};

use super::Check;
use crate::settings::settings;
use crate::{account, output};

/// A history that was not synchronised for this long may lack what others did on the server.
const STALE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The keyring answers within 3 s or not at all; a large history opens in less than this.
const BOUND: Duration = Duration::from_secs(15);

pub(super) async fn checks() -> Vec<Check> {
    match looked().await {
        Ok(checks) => checks,
        Err(error) => vec![Check::failed("account", &error)],
    }
}

async fn looked() -> Result<Vec<Check>, Error> {
    let (accounts, wanted) = (account::accounts()?, account::named()?);
    let settings = settings()?;
    let enabled = &settings.history;
    if accounts.list().await?.is_empty() {
        let what = "none; conversations are not kept on this machine";
        return Ok(vec![match enabled.as_str() {
            "on" => {
                Check::fail("account", format!("{what}, and history.enabled is on"), "nexus account create")
            }
            _ => Check::ok("account", format!("{what} (nexus account create)")),
        }]);
    }
    let info = account::info(&accounts, wanted.as_ref()).await?;
    let mut checks = vec![named(&info, enabled), keyring(&accounts, &info).await];
    if info.logged_in {
        checks.push(history(&accounts, &info).await);
    }
    Ok(checks)
}

fn named(info: &AccountInfo, enabled: &str) -> Check {
    let name = info.name.as_str();
    if let Some(wait) = info.lockout.wait {
        let seconds = wait.as_secs().max(1);
        return Check::warn(
            "account",
            format!("{name}: {} failed attempts, the next is possible in {seconds} s", info.lockout.failures),
            "wait, then: nexus account login",
        );
    }
    match (info.logged_in, enabled) {
        (_, "off") => Check::ok("account", format!("{name}; nothing is kept (history.enabled is off)")),
        (true, _) => Check::ok("account", format!("{name}, logged in")),
        (false, _) => Check::warn(
            "account",
            format!("{name} is locked; conversations are not kept"),
            "nexus account login, or --passphrase-fd with each command",
        ),
    }
}

/// Asked on a thread of its own: a keyring that hangs must not hold the others up.
async fn keyring(accounts: &Accounts, info: &AccountInfo) -> Check {
    let keyring = accounts.keyring().clone();
    let state = tokio::task::spawn_blocking(move || keyring.state()).await.unwrap_or(KeyringState::Hung);
    let name = account::keyring_name(accounts.keyring().backend());
    let needed = info.logged_in;
    match state {
        KeyringState::Unlocked => Check::ok("keyring", format!("{name} works")),
        KeyringState::Locked => Check::warn(
            "keyring",
            format!("{name} is locked"),
            "unlock it by logging in to your desktop, or: nexus config set account.keyring kernel",
        ),
        KeyringState::Absent if needed => Check::fail(
            "keyring",
            format!("{name} is not there, and the account is logged in by it"),
            "start it, or log in without it: nexus account login --no-remember",
        ),
        KeyringState::Absent => {
            Check::ok("keyring", format!("{name}: not there; commands ask for the passphrase"))
        }
        KeyringState::Hung => Check::warn(
            "keyring",
            format!("{name} does not answer"),
            "start it anew, or: nexus config set account.keyring none",
        ),
    }
}

async fn history(accounts: &Accounts, info: &AccountInfo) -> Check {
    let opening = async {
        match accounts.remembered(Some(&info.name)).await? {
            Some(account) => kept(&account).await,
            None => Ok(Check::warn("history", "the keyring has forgotten its key", "nexus account login")),
        }
    };
    match tokio::time::timeout(BOUND, opening).await {
        Ok(Ok(check)) => check,
        Ok(Err(error)) => Check::failed("history", &error),
        Err(_) => Check::warn(
            "history",
            format!("not open within {} s", BOUND.as_secs()),
            "look whether another nexus works on it: nexus history status",
        ),
    }
}

async fn kept(account: &Account) -> Result<Check, Error> {
    let status = account.history().status().await?;
    let usage = status.usage;
    let mut what =
        format!("{} sessions, {} messages, {}", usage.groups, usage.records, output::size(usage.bytes));
    if status.outbox > 0 {
        what += &format!(", {} in the outbox", status.outbox);
    }
    let last = status.servers.iter().filter_map(|(_, when)| *when).max();
    let age = last.map(|when| Duration::from_millis(output::now().saturating_sub(when)));
    Ok(match (last, age) {
        (Some(when), Some(age)) if age > STALE => Check::warn(
            "history",
            format!("{what}; synchronised {} ago", output::age(when)),
            "nexus history sync",
        ),
        (Some(when), _) => Check::ok("history", format!("{what}; synchronised {} (UTC)", output::date(when))),
        (None, _) => Check::ok("history", format!("{what}; never synchronised (nexus history sync)")),
    })
}
