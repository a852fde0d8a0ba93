//! The installed versions: what there is, which one is used, and taking one away.

use std::path::{Path, PathBuf};

use super::find::{cached, newest};
use super::in_use::is_running;
use super::state::{self, State, VersionFailure};
use crate::server::background::instances::state_dir;
use crate::server::installation::place::{cache_dir, check_version, explain, remove_version};
use crate::server::installation::record::{InstallRecord, installed, is_usable};
use crate::{Error, ErrorKind, Result};

/// The installed versions of OpenCode and the choices among them.
///
/// ```no_run
/// use opencode_nexus::server::{UpdateOptions, UpdateOutcome, Versions};
///
/// # async fn story() -> opencode_nexus::Result<()> {
/// let versions = Versions::open()?;
/// match versions.update(UpdateOptions::default()).await? {
///     UpdateOutcome::Updated { to, .. } => println!("OpenCode {to} is used from now on"),
///     UpdateOutcome::RolledBack(back) => println!("{} is not used: {}", back.tried, back.reason),
///     _ => println!("there is nothing newer"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Versions {
    pub(in crate::server) cache: PathBuf,
    pub(in crate::server) state: PathBuf,
}

/// One version that is installed, or that failed here.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct InstalledVersion {
    /// The version.
    pub version: String,
    /// The binary; `None` when only its failure is remembered.
    pub path: Option<PathBuf>,
    /// Whether the binary can be run: it is there as a whole.
    pub usable: bool,
    /// The size of the binary in bytes.
    pub bytes: u64,
    /// Where it came from; `None` when an earlier build installed it.
    pub record: Option<InstallRecord>,
    /// Whether it is the one that is used.
    pub selected: bool,
    /// Whether it is the one that a rollback goes back to.
    pub previous: bool,
    /// Whether the person pinned it.
    pub pinned: bool,
    /// Whether a process runs it now.
    pub running: bool,
    /// Why it was given up, if it was.
    pub failure: Option<VersionFailure>,
}

/// All versions.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Listing {
    /// Oldest first.
    pub versions: Vec<InstalledVersion>,
    /// The folder with the installed ones.
    pub cache: PathBuf,
}

impl Versions {
    /// Those of the person who runs us.
    ///
    /// # Errors
    /// `user.configuration` when the environment names no home.
    pub fn open() -> Result<Self> {
        Ok(Self { cache: cache_dir()?, state: state_dir()? })
    }

    /// Those in other folders.
    pub fn at(cache: impl Into<PathBuf>, state: impl Into<PathBuf>) -> Self {
        Self { cache: cache.into(), state: state.into() }
    }

    /// What is installed, and what failed.
    ///
    /// # Errors
    /// `system.io` when the list of choices cannot be read, `user.configuration` when a newer program wrote it.
    pub fn list(&self) -> Result<Listing> {
        let state = state::read(&self.state)?;
        let used = self.used(&state);
        let mut all = installed(&self.cache);
        all.extend(state.failed.keys().filter(|v| !all.contains(v)).cloned().collect::<Vec<_>>());
        all.extend(state.pinned.iter().filter(|v| !all.contains(v)).cloned().collect::<Vec<_>>());
        all.sort_by(|a, b| crate::server::installation::record::order(a, b));
        let is = |one: &Option<String>, version: &str| one.as_deref() == Some(version);
        let versions = all.into_iter().map(|version| {
            let path = cached(&self.cache, &version);
            let meta = std::fs::metadata(&path).ok();
            InstalledVersion {
                usable: is_usable(&self.cache, &version),
                bytes: meta.as_ref().map_or(0, std::fs::Metadata::len),
                running: meta.is_some() && is_running(&path),
                path: meta.map(|_| path),
                record: InstallRecord::read(&self.cache, &version),
                selected: is(&used, &version),
                previous: is(&state.previous, &version),
                pinned: is(&state.pinned, &version),
                failure: state.failed.get(&version).cloned(),
                version,
            }
        });
        Ok(Listing { versions: versions.collect(), cache: self.cache.clone() })
    }

    /// The version of ours that is used; an `opencode` on `PATH` may still come before it.
    pub(in crate::server) fn used(&self, state: &State) -> Option<String> {
        let there = |version: &&String| is_usable(&self.cache, version);
        state
            .pinned
            .clone()
            .or_else(|| state.selected.as_ref().filter(there).cloned())
            .or_else(|| newest(&self.cache, state))
    }

    /// Makes a version the one that is used until it is unpinned; it need not be installed yet: the next start does
    /// that. A failure of it is forgotten. `None` unpins, and what was pinned before is given back.
    ///
    /// # Errors
    /// `user.invalid_input` when it is not a version, and those of writing the choice down.
    pub fn pin(&self, version: Option<&str>) -> Result<Option<String>> {
        if let Some(version) = version {
            check_version(version)?;
        }
        state::change(&self.state, |state| {
            if let Some(version) = version {
                state.failed.remove(version);
            }
            Ok(std::mem::replace(&mut state.pinned, version.map(str::to_owned)))
        })
    }

    /// Removes an installed version, and forgets its failure. When it was the selected one, the previous one is
    /// selected.
    ///
    /// # Errors
    /// `user.not_found` when neither it nor a failure of it is here, `user.conflict` when it is pinned, `user.busy` when
    /// it runs or is being installed.
    pub fn remove(&self, version: &str) -> Result<()> {
        check_version(version)?;
        state::change(&self.state, |state| {
            if state.pinned.as_deref() == Some(version) {
                let message = format!("OpenCode {version} is pinned");
                return Err(Error::new(ErrorKind::Conflict, message)
                    .with_operation("server.remove")
                    .with_hint("unpin it first: nexus server pin --none"));
            }
            let failed = state.failed.remove(version).is_some();
            if self.cache.join(version).exists() {
                self.delete(version)?;
            } else if !failed {
                return Err(self.unknown(version).with_operation("server.remove"));
            }
            if state.selected.as_deref() == Some(version) {
                state.selected = state.previous.take();
                state.unproven = false;
            }
            if state.previous.as_deref() == Some(version) {
                state.previous = None;
            }
            Ok(())
        })
    }

    pub(in crate::server) fn unknown(&self, version: &str) -> Error {
        let known = installed(&self.cache);
        let hint = match known.is_empty() {
            true => "no version is installed: nexus server install".to_owned(),
            false => format!("installed are {}", known.join(", ")),
        };
        Error::new(ErrorKind::NotFound, format!("OpenCode {version} is not installed")).with_hint(hint)
    }

    /// Deletes the files of a version that does not run.
    pub(in crate::server) fn delete(&self, version: &str) -> Result<()> {
        if is_running(&cached(&self.cache, version)) {
            let message = format!("OpenCode {version} runs");
            return Err(Error::new(ErrorKind::Busy, message)
                .with_operation("server.remove")
                .with_hint("stop that server first, see `nexus server list`"));
        }
        remove_version(&self.cache, version).map_err(|error| explain_removal(error, &self.cache))
    }

    /// Removes what nobody needs: everything that we installed except the selected version, the one before it, the pinned
    /// one, those that run, and those that were installed to be kept. Gives what was removed.
    pub(in crate::server) fn prune(&self, state: &State) -> Vec<String> {
        let kept = [&state.selected, &state.previous, &state.pinned];
        let mut removed = Vec::new();
        for version in installed(&self.cache) {
            let needed = kept.iter().any(|one| one.as_deref() == Some(version.as_str()));
            // What has no record was not installed by this library, or by an early build: it is not ours to remove.
            let ours = InstallRecord::read(&self.cache, &version).is_some_and(|record| !record.keep);
            if needed || !ours {
                continue;
            }
            match self.delete(&version) {
                Ok(()) => removed.push(version),
                Err(error) => tracing::debug!(%error, version, "an old version stays"),
            }
        }
        removed
    }
}

fn explain_removal(error: Error, cache: &Path) -> Error {
    match error.kind() {
        ErrorKind::Io => explain(error, cache).with_operation("server.remove"),
        _ => error.with_operation("server.remove"),
    }
}
