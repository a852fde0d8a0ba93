//! Keys, sealed envelopes and the encrypted database of OpenCode Nexus.
//!
//! A [`Vault`] is one folder: a file of key slots, which wrap one random master key, and an encrypted database. It keeps
//! **records** (a name, a time, an amount, bytes) in **groups** that have a key of their own and can be destroyed as a
//! whole, and small **entries** on named shelves. Texts and labels of records, as an [`Indexer`] gives them, can be
//! searched. What the bytes mean is the business of who uses the vault: no type of OpenCode is here, and neither network
//! nor tokio. Every call blocks; [`Vault::submit`] alone does not.
//!
//! From the outside in: [`Vault`] is the safe face; `store` knows groups, records and search; `text` splits words;
//! `keys` knows slots, envelopes and how keys come of each other; `keyring` speaks to the operating system with a bound;
//! `archive` seals streams for export; `lockout` counts failed attempts; `files` writes small files that are whole or not there. Primitives are private.
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod archive;
mod error;
mod files;
#[cfg(fuzzing)]
pub mod fuzzing;
mod keyring;
mod keys;
mod lockout;
mod store;
mod text;
mod vault;

pub use archive::{SealedReader, SealedWriter};
pub use error::{Error, ErrorKind, Result};
pub use keyring::{Backend, Keyring, KeyringState};
pub use keys::{KdfParameters, NewSlot, RecoveryKey, SlotInfo, SlotKind, Unlock};
pub use lockout::{Attempt, Lockout, LockoutState};
pub use store::{
    Batch, CheckReport, Durability, Group, GroupContent, Hit, Indexed, Indexer, Order, Record, Search,
    SearchPage, StoreUsage, Written,
};
pub use text::{Snippet, TextQuery};
pub use vault::{Created, Description, Options, Progress, Vault, Warning};

pub use secrecy::{ExposeSecret, SecretString};
