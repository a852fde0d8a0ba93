//! Updates that go back by themselves, and going back by hand.
//!
//! A new version is installed beside the one that is used and run once on trial. Only when it became healthy it is
//! selected; until then, also when we are killed in between, the one before it stays selected.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::find::cached;
use super::installed::Versions;
use super::state::{self, State};
use super::trial;
use crate::server::installation::install::{InstallOptions, Source, install};
use crate::server::installation::npm::{self, Network};
use crate::server::installation::package::Package;
use crate::server::installation::place::check_version;
use crate::server::installation::progress::{Reporter, Step};
use crate::server::installation::record::{installed, is_usable, order};
use crate::{Error, ErrorKind, Result};

const RESOLVE_BOUND: Duration = Duration::from_secs(60);

/// How to update.
#[derive(Clone, Debug)]
pub struct UpdateOptions {
    /// The version; also an older one. Default (`None`): the one that the registry calls `latest`, and only forward; or
    /// what is in the file or at the address that [`InstallOptions::source`] names.
    pub version: Option<String>,
    /// How to install it; the version and the cache in it do not count.
    pub install: InstallOptions,
    /// How long the new version may take until it is healthy. Default 30 s.
    pub trial_bound: Duration,
}

impl Default for UpdateOptions {
    fn default() -> Self {
        Self { version: None, install: InstallOptions::default(), trial_bound: Duration::from_secs(30) }
    }
}

/// A version that was tried and is not used, and the one that is used instead.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The version that is used again; `None` when there was none before.
    pub from: Option<String>,
    /// The version that did not become healthy.
    pub tried: String,
    /// What was wrong with it, in one line.
    pub reason: String,
    /// The last lines that it printed, oldest first.
    pub output: Vec<String>,
}

/// How an update ended.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// The new version is used from now on.
    #[non_exhaustive]
    Updated {
        /// The version that was used, if there was one. It is kept, for a rollback.
        from: Option<String>,
        /// The version that is used now.
        to: String,
        /// Older versions that were removed.
        removed: Vec<String>,
    },
    /// The version was used already, or the registry has no newer one.
    #[non_exhaustive]
    Current {
        /// It.
        version: String,
    },
    /// The new version did not become healthy; the one before it is used as before.
    RolledBack(RolledBack),
}

impl Versions {
    /// Installs a version, runs it once on trial, and selects it when it becomes healthy. Otherwise the one before it
    /// stays, and the new one is marked as failed, which keeps later updates from trying it again unless it is named.
    ///
    /// Two versions are kept: the selected one and the one before it, beside what is pinned, running, or installed
    /// [to be kept](InstallOptions::keep).
    ///
    /// When this future is dropped, what it has started ends, and the version that was used is used as before.
    ///
    /// # Errors
    /// `user.conflict` when a version is pinned, `user.busy` while another update runs, `system.local_server` when the
    /// newest version failed here before, and those of [`install`].
    pub async fn update(&self, options: UpdateOptions) -> Result<UpdateOutcome> {
        self.update_locked(options).await.map_err(|error| match error.operation() {
            None => error.with_operation("server.update"),
            Some(_) => error,
        })
    }

    async fn update_locked(&self, options: UpdateOptions) -> Result<UpdateOutcome> {
        // Written down before anything is installed: what is selected cannot be lost to the new one by our death.
        let (from, state) = state::change(&self.state, |state| {
            not_pinned(state)?;
            let from = self.used(state);
            state.selected.clone_from(&from);
            Ok((from, state.clone()))
        })?;
        let _alone = self.alone()?;
        let named = options.version.is_some() || options.install.source != Source::Npm;
        let to = match &options.version {
            Some(version) => Some(version.clone()),
            None if named => None,
            None => Some(latest(options.install.network).await?),
        };
        if let Some(to) = &to {
            check_version(to)?;
            if let Some(version) = self.is_current(from.as_deref(), to, named) {
                return Ok(UpdateOutcome::Current { version });
            }
            refuse_again(&state, to, named)?;
        }
        let before = installed(&self.cache);
        let label = to.as_ref().map_or_else(|| "the new version".to_owned(), |to| format!("OpenCode {to}"));
        let reporter = Reporter::new(&options.install.progress, &label);
        let version = to.unwrap_or_default();
        let installing = InstallOptions { version, cache: Some(self.cache.clone()), ..options.install };
        let binary = install(installing).await?;
        let to = version_of(&binary);
        if let Some(version) = self.is_current(from.as_deref(), &to, named) {
            return Ok(UpdateOutcome::Current { version });
        }
        reporter.say(Step::Trial);
        match trial::run(&binary, &to, options.trial_bound).await? {
            Ok(()) => self.select(from, to),
            Err(failure) => {
                let was_there = before.contains(&to);
                self.give_up(from, to, failure, was_there).map(UpdateOutcome::RolledBack)
            }
        }
    }

    /// What is to be said when there is nothing to do.
    fn is_current(&self, from: Option<&str>, to: &str, named: bool) -> Option<String> {
        let from = from.filter(|from| is_usable(&self.cache, from))?;
        let nothing_to_do = if named { from == to } else { order(to, from).is_le() };
        nothing_to_do.then(|| from.to_owned())
    }

    fn select(&self, from: Option<String>, to: String) -> Result<UpdateOutcome> {
        let removed = state::change(&self.state, |state| {
            if from.as_ref() != Some(&to) {
                state.previous.clone_from(&from);
            }
            state.selected = Some(to.clone());
            state.unproven = true;
            state.failed.remove(&to);
            Ok(self.prune(state))
        })?;
        Ok(UpdateOutcome::Updated { from, to, removed })
    }

    fn give_up(
        &self,
        from: Option<String>,
        tried: String,
        failure: trial::Failure,
        was_there: bool,
    ) -> Result<RolledBack> {
        let trial::Failure { reason, output } = failure;
        state::change(&self.state, |state| {
            state.fail(&tried, &reason, output.clone());
            if state.selected.as_ref() == Some(&tried) {
                state.selected.clone_from(&from);
            }
            Ok(())
        })?;
        if !was_there && let Err(error) = self.delete(&tried) {
            tracing::warn!(%error, version = tried, "the version that failed could not be removed");
        }
        Ok(RolledBack { from, tried, reason, output })
    }

    /// Goes back to the version that was used before the last update; a second time goes forward again.
    ///
    /// # Errors
    /// `user.conflict` when a version is pinned, `user.not_found` when there is no version to go back to.
    pub fn rollback(&self) -> Result<(Option<String>, String)> {
        let back = state::change(&self.state, |state| {
            not_pinned(state)?;
            let from = self.used(state);
            let to = state.previous.clone().filter(|version| is_usable(&self.cache, version)).ok_or_else(
                || {
                    let hint = "choose one of `nexus server list` with `nexus server pin VERSION`";
                    Error::new(ErrorKind::NotFound, "there is no version to go back to").with_hint(hint)
                },
            )?;
            state.previous.clone_from(&from);
            state.selected = Some(to.clone());
            state.unproven = false;
            state.failed.remove(&to);
            Ok((from, to))
        });
        back.map_err(|error| error.with_operation("server.rollback"))
    }

    /// The binary of an installed version.
    pub(in crate::server) fn binary(&self, version: &str) -> std::path::PathBuf {
        cached(&self.cache, version)
    }

    /// The right to update, until it is dropped.
    fn alone(&self) -> Result<File> {
        let lock = File::options().create(true).append(true).open(self.state.join("servers.json.update"))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(std::fs::TryLockError::Error(cause)) => Err(cause.into()),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Busy, "another update runs").with_hint("wait until it has ended"))
            }
        }
    }
}

/// Refuses the newest version when it failed here before; one that is named is tried again.
fn refuse_again(state: &State, to: &str, named: bool) -> Result<()> {
    let Some(failure) = state.failed.get(to).filter(|_| !named) else { return Ok(()) };
    let message = format!("OpenCode {to} did not become healthy here before: {}", failure.reason);
    let hint = format!("try it once more with `nexus server update {to}`, or wait for a newer one");
    Err(Error::new(ErrorKind::LocalServer, message).with_hint(hint))
}

/// The version of a binary in the cache is the name of its folder.
fn version_of(binary: &Path) -> String {
    let folder = binary.parent().and_then(Path::file_name);
    folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn not_pinned(state: &State) -> Result<()> {
    let Some(pinned) = &state.pinned else { return Ok(()) };
    Err(Error::new(ErrorKind::Conflict, format!("OpenCode {pinned} is pinned"))
        .with_hint("unpin it first: nexus server pin --none"))
}

/// The version that the registry calls the newest.
async fn latest(network: Network) -> Result<String> {
    let package = Package::for_this_machine()?.name;
    // A folder without settings of a project for npm.
    let folder = tempfile::tempdir()?;
    let answer =
        npm::run(folder.path(), &["view", &package, "dist-tags.latest"], network, RESOLVE_BOUND).await?;
    answer.as_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::LocalServer, format!("the registry names no newest version of {package}"))
            .with_hint("name one: nexus server update VERSION")
    })
}
