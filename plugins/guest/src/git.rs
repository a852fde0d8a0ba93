//! What git says of the folder that is worked in (permission `git`).

pub use crate::bindings::imports::nexus::plugin::git::{Author, BlameLine, Commit};

use crate::bindings::imports::nexus::plugin::git;
use crate::error::{Result, host};

/// The newest commits before a name of git's (`HEAD` when none is given), of one path or of all; at most 200.
///
/// # Errors
/// `not-found` when git does not know the name, `unavailable` when the folder is no repository.
pub fn log(revision: Option<&str>, path: Option<&str>, limit: u32) -> Result<Vec<Commit>> {
    host!("git.log", git::log(revision, path, limit))
}

/// Who wrote the lines of a file as it stands; from 0, and `last` is the line behind the last.
///
/// # Errors
/// `not-found` when git does not know the file.
pub fn blame(path: &str, first: u32, last: u32) -> Result<Vec<BlameLine>> {
    host!("git.blame", git::blame(path, first, last))
}

/// What a commit has changed, or what lies between two names (`main..HEAD`), as a unified diff; cut at 1 MiB.
///
/// # Errors
/// `not-found` when git does not know the name.
pub fn diff(revision: &str, path: Option<&str>) -> Result<String> {
    host!("git.diff", git::diff(revision, path))
}
