//! The first real start after an update: with the person's own home and project, which the trial did not have.

use super::find::{BinaryOrigin, FoundBinary};
use super::installed::Versions;
use super::state;
use super::trial::Failure;
use super::update::RolledBack;
use crate::server::installation::record::is_usable;
use crate::server::run::start::{LocalServer, ServerOptions};
use crate::{Error, ErrorKind, Result, Retry};

/// A server that was started.
#[non_exhaustive]
#[derive(Debug)]
pub struct Started {
    /// It.
    pub server: LocalServer,
    /// What was tried before it, and is not used any more. A person should be told.
    pub rolled_back: Option<RolledBack>,
}

/// Starts a binary that [`find`](crate::server::find) or [`ensure`](crate::server::ensure) gave; its path replaces the one in
/// the options.
///
/// When it was selected by an update and is started for the first time since, and does not become healthy while the
/// version before it does, then that one is selected again. When neither becomes healthy it is not the update's fault:
/// nothing changes, and the error is the first one's.
///
/// # Errors
/// Those of [`LocalServer::start`], and of reading what the person has chosen.
pub async fn start_found(
    found: &FoundBinary,
    options: ServerOptions,
    versions: &Versions,
) -> Result<Started> {
    let options = ServerOptions { binary: found.path.clone(), ..options };
    let fresh = is_unproven(found, versions)?;
    let error = match LocalServer::start(options.clone()).await {
        Ok(server) => {
            if fresh {
                settle(versions, |state| state.unproven = false);
            }
            return Ok(Started { server, rolled_back: None });
        }
        Err(error) => error,
    };
    let (true, Some(tried)) = (fresh && is_its_fault(&error), &found.version) else { return Err(error) };
    let previous = state::read(&versions.state)?.previous.filter(|v| is_usable(&versions.cache, v));
    let Some(previous) = previous else { return Err(error) };
    let older = ServerOptions { binary: versions.binary(&previous), ..options };
    let Ok(server) = LocalServer::start(older).await else { return Err(error) };
    let Failure { reason, output } = Failure::of(&error);
    settle(versions, |state| {
        state.fail(tried, &reason, output.clone());
        state.selected = Some(previous.clone());
        state.previous = None;
        state.unproven = false;
    });
    let back = RolledBack { from: Some(previous), tried: tried.clone(), reason, output };
    Ok(Started { server, rolled_back: Some(back) })
}

fn is_unproven(found: &FoundBinary, versions: &Versions) -> Result<bool> {
    if found.origin != BinaryOrigin::Selected {
        return Ok(false);
    }
    let state = state::read(&versions.state)?;
    Ok(state.unproven && state.selected == found.version)
}

/// A taken port and a missing folder are nobody's version.
fn is_its_fault(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::LocalServer | ErrorKind::Timeout) && error.retry() != Retry::Now
}

/// The server runs: that its choice cannot be written down is no reason to end it.
fn settle(versions: &Versions, change: impl FnOnce(&mut state::State)) {
    let written = state::change(&versions.state, |state| {
        change(state);
        Ok(())
    });
    if let Err(error) = written {
        tracing::warn!(%error, "which version to use from now on could not be written down");
    }
}
