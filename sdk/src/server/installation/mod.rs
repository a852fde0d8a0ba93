//! Getting one version of OpenCode onto this machine: where it comes from (npm's registry, an archive, an address), how it
//! is verified and unpacked, and the cache in which it is there as a whole or not at all.
//!
//! Which of the installed versions is used is not decided here but in `versions`.

mod archive;
mod ask_version;
mod checksum;
pub(super) mod install;
pub(super) mod npm;
pub(super) mod package;
pub(super) mod place;
pub(super) mod progress;
pub(super) mod record;

pub use checksum::Checksum;
pub use install::{InstallOptions, Source, ensure, install};
pub use npm::Network;
pub use package::{PINNED, Package, package_name};
pub use place::cache_dir;
pub use progress::{Progress, Step};
pub use record::{InstallRecord, Origin};
