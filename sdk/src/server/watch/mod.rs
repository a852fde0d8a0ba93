//! Servers that are watched: one of ours that is started again when it ends or hangs, or somebody else's that is only
//! looked at. `machine` decides, without time or I/O of its own; `watcher` does what it says.

mod adopt;
pub(super) mod crash;
pub(super) mod health;
mod load;
pub(super) mod machine;
mod policy;
mod supervisor;
mod watcher;

pub use adopt::{AdoptOptions, Adopted, adopt};
pub use crash::{CrashReport, crash_reports};
pub use health::{Health, HealthEvent, TESTED, VersionWarning, version_warning};
pub use load::{Usage, usage};
pub use policy::WatchPolicy;
pub use supervisor::{Supervisor, SupervisorOptions};
pub use watcher::Watched;
