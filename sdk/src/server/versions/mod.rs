//! Which version is used: finding a binary, what the person has chosen and pinned, updates that are tried before they
//! count, and the way back when one fails after all.
//!
//! How a version gets into the cache is in `installation`.

pub(super) mod find;
mod first_start;
mod in_use;
mod installed;
mod state;
mod trial;
mod update;

pub use find::{BinaryOrigin, FindOptions, FoundBinary, find};
pub use first_start::{Started, start_found};
pub use installed::{InstalledVersion, Listing, Versions};
pub use state::VersionFailure;
pub use update::{RolledBack, UpdateOptions, UpdateOutcome};
