//! A local OpenCode: find its binary, install a pinned version, start it, and stop it for certain.
//!
//! [`ensure`] gives a binary (found or installed), [`LocalServer::start`] runs it with a home of its own and waits
//! until it answers, [`LocalServer::stop`] or dropping it ends the server with everything the server started. The
//! same happens when our own process is killed: a small guardian process watches a pipe that only we hold.
//!
//! [`discover`] finds the background server of OpenCode 2 that a person has running already.
//!
//! Deliberately not here: talking to the server (that is `client`) and choosing between servers (that is `pool`).

mod archive;
mod discover;
mod environment;
mod find;
mod guard;
mod install;
mod npm;
mod output;
mod ready;
mod start;
mod stop;

pub use discover::{DiscoverOptions, RunningServer, discover};
pub use find::{BinaryOrigin, FindOptions, FoundBinary, find};
pub use install::{
    InstallOptions, PINNED, Package, Progress, Step, cache_dir, ensure, install, package_name,
};
pub use start::{Home, LocalServer, ServerOptions};

/// The environment variable that names the OpenCode binary to use.
pub const BINARY_VARIABLE: &str = "NEXUS_OPENCODE_BIN";
