//! A local OpenCode: find its binary, install a version, start it, and stop it for certain.
//!
//! [`ensure`] gives a binary (found or installed), [`LocalServer::start`] runs it with a home of its own and waits
//! until it answers, [`LocalServer::stop`] or dropping it ends the server with everything the server started. The
//! same happens when our own process is killed: a small guardian process watches a pipe that only we hold.
//!
//! [`Versions`] lists, pins, updates, goes back and removes; an update that does not become healthy goes back by itself.
//!
//! A [`Supervisor`] keeps a server running, and starts it again when it ends or hangs; [`adopt`] watches one that is not
//! ours. What to do is decided by `watch::machine`, without time or I/O of its own. [`Instances`] are the servers that
//! run in the background, by name; [`sweep`] ends what servers have left whose owner was killed together with the guardian.
//!
//! [`discover`] finds the background server of OpenCode 2 that a person has running already, [`discover_mdns`] those of
//! 1.x that announce themselves on the network. [`LogRecord`] is a line of what any of them logs.
//!
//! A folder for each matter, and each says in its first lines what lives there: `installation`, `versions`, `run`, `watch`,
//! `background`, `discovery`. All that is public is named here, and only here.
//!
//! Deliberately not here: talking to the server (that is `client`) and choosing between servers (that is `pool`).

mod background;
mod discovery;
mod installation;
mod log;
mod run;
mod versions;
mod watch;

pub use background::{
    DEFAULT_INSTANCE, InstanceLock, InstanceRecord, Instances, ProcessIdentity, Swept, state_dir, sweep,
};
pub use discovery::{Announced, DiscoverOptions, RunningServer, discover, discover_mdns};
pub use installation::{
    Checksum, InstallOptions, InstallRecord, Network, Origin, PINNED, Package, Progress, Source, Step,
    cache_dir, ensure, install, package_name,
};
pub use log::{LogLevel, LogRecord};
pub use run::{Home, LocalServer, ServerOptions};
pub use versions::{
    BinaryOrigin, FindOptions, FoundBinary, InstalledVersion, Listing, RolledBack, Started, UpdateOptions,
    UpdateOutcome, VersionFailure, Versions, find, start_found,
};
pub use watch::{
    AdoptOptions, Adopted, CrashReport, Health, HealthEvent, Supervisor, SupervisorOptions, TESTED, Usage,
    VersionWarning, WatchPolicy, Watched, adopt, crash_reports, usage, version_warning,
};

/// The environment variable that names the OpenCode binary to use.
pub const BINARY_VARIABLE: &str = "NEXUS_OPENCODE_BIN";
