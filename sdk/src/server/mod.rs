//! A local OpenCode: find its binary, install a pinned version, start it, and stop it for certain.
//!
//! [`ensure`] gives a binary (found or installed), [`LocalServer::start`] runs it with a home of its own and waits
//! until it answers, [`LocalServer::stop`] or dropping it ends the server with everything the server started. The
//! same happens when our own process is killed: a small guardian process watches a pipe that only we hold.
//!
//! [`Versions`] lists, pins, updates, goes back and removes; an update that does not become healthy goes back by itself.
//!
//! [`discover`] finds the background server of OpenCode 2 that a person has running already.
//!
//! Deliberately not here: talking to the server (that is `client`) and choosing between servers (that is `pool`).

mod archive;
mod ask_version;
mod checksum;
mod discover;
mod environment;
mod find;
mod first_start;
mod guard;
mod in_use;
mod install;
mod npm;
mod output;
mod package;
mod place;
mod progress;
mod ready;
mod record;
mod start;
mod state;
mod stop;
mod trial;
mod update;
mod versions;

pub use checksum::Checksum;
pub use discover::{DiscoverOptions, RunningServer, discover};
pub use find::{BinaryOrigin, FindOptions, FoundBinary, find};
pub use first_start::{Started, start_found};
pub use install::{InstallOptions, Source, ensure, install};
pub use npm::Network;
pub use package::{PINNED, Package, package_name};
pub use place::cache_dir;
pub use progress::{Progress, Step};
pub use record::{InstallRecord, Origin};
pub use start::{Home, LocalServer, ServerOptions};
pub use state::{VersionFailure, state_dir};
pub use update::{RolledBack, UpdateOptions, UpdateOutcome};
pub use versions::{InstalledVersion, Listing, Versions};

/// The environment variable that names the OpenCode binary to use.
pub const BINARY_VARIABLE: &str = "NEXUS_OPENCODE_BIN";
