//! What outlives the command that started it: servers in the background with their records and logs, which process is
//! meant by a number, and the cleaning up behind owners that were killed.

pub(super) mod instances;
pub(super) mod log_file;
pub(super) mod orphans;
pub(super) mod process;

pub use instances::{DEFAULT_INSTANCE, InstanceLock, InstanceRecord, Instances, state_dir};
pub use orphans::{Swept, sweep};
pub use process::ProcessIdentity;
