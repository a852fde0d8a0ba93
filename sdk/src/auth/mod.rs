//! Who the person is: accounts on this machine, and what servers want to hear from them.
//!
//! An account is a folder with a vault (see `nexus_vault`): its passphrase is that of a key slot, so the same check that
//! proves who somebody is also opens what is theirs. Being logged in means that the vault has a slot in the keyring of
//! the operating system. Failed attempts make the next one wait. Nothing here reads from a terminal.
//!
//! `name` and `place` say where accounts lie, `accounts` makes, lists and removes them, `login` opens them, `account` is
//! one that is open, `credentials` is what it knows of servers.

mod account;
mod accounts;
mod credentials;
mod login;
mod name;
mod place;
#[cfg(test)]
mod tests;

pub use account::Account;
pub use accounts::{AccountInfo, Accounts, CreatedAccount, NewAccount};
pub use credentials::{CredentialInfo, CredentialStore};
pub use name::AccountName;
/// Words of the vault that callers need.
pub use nexus_vault::{
    Backend, ExposeSecret, KdfParameters, Keyring, KeyringState, LockoutState, RecoveryKey, SecretString,
    SlotInfo, SlotKind, Unlock, Warning,
};
