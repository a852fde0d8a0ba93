//! A local OpenCode: find its binary, install a version, start it, and stop it for certain.
//!
//! [`ensure`] gives a binary (found or installed), [`LocalServer::start`] runs it with a home of its own and waits
//! until it answers, [`LocalServer::stop`] or dropping it ends the server with everything the server started. The
//! same happens when our own process is killed: a small guardian process watches a pipe that only we hold.
//!
//! [`Versions`] lists, pins, updates, goes back and removes; an update that does not become healthy goes back by itself.
//!
//! A [`Supervisor`] keeps a server running, and starts it again when it ends or hangs; [`adopt`] watches one that is not
//! ours. What to do is decided by `machine`, without time or I/O of its own. [`Instances`] are the servers that run in
//! the background, by name; [`sweep`] ends what servers have left whose owner was killed together with the guardian.
//!
//! [`discover`] finds the background server of OpenCode 2 that a person has running already, [`discover_mdns`] those of
//! 1.x that announce themselves on the network. [`LogRecord`] is a line of what any of them logs.
//!
//! Deliberately not here: talking to the server (that is `client`) and choosing between servers (that is `pool`).

mod adopt;
mod archive;
mod ask_version;
mod checksum;
mod crash;
mod discover;
mod environment;
mod find;
mod first_start;
mod guard;
mod health;
mod in_use;
mod install;
mod install_record;
mod instances;
mod load;
mod log;
mod log_file;
mod machine;
mod mdns;
mod npm;
mod orphans;
mod output;
mod package;
mod place;
mod policy;
mod process;
mod progress;
mod ready;
mod start;
mod state;
mod stop;
mod supervisor;
mod trial;
mod update;
mod versions;
mod watcher;

pub use adopt::{AdoptOptions, Adopted, adopt};
pub use checksum::Checksum;
pub use crash::{CrashReport, crash_reports};
pub use discover::{DiscoverOptions, RunningServer, discover};
pub use find::{BinaryOrigin, FindOptions, FoundBinary, find};
pub use first_start::{Started, start_found};
pub use health::{Health, HealthEvent, TESTED, VersionWarning, version_warning};
pub use install::{InstallOptions, Source, ensure, install};
pub use install_record::{InstallRecord, Origin};
pub use instances::{DEFAULT_INSTANCE, InstanceLock, InstanceRecord, Instances, state_dir};
pub use load::{Usage, usage};
pub use log::{LogLevel, LogRecord};
pub use mdns::{Announced, discover_mdns};
pub use npm::Network;
pub use orphans::{Swept, sweep};
pub use package::{PINNED, Package, package_name};
pub use place::cache_dir;
pub use policy::WatchPolicy;
pub use process::ProcessIdentity;
pub use progress::{Progress, Step};
pub use start::{Home, LocalServer, ServerOptions};
pub use state::VersionFailure;
pub use supervisor::{Supervisor, SupervisorOptions};
pub use update::{RolledBack, UpdateOptions, UpdateOutcome};
pub use versions::{InstalledVersion, Listing, Versions};
pub use watcher::Watched;

/// The environment variable that names the OpenCode binary to use.
pub const BINARY_VARIABLE: &str = "NEXUS_OPENCODE_BIN";
