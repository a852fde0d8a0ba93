//! One call of a guest, from its beginning to its end: how long it still has, what it has set, what it was denied.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use opencode_nexus::Result;
use opencode_nexus::extension::Notice;

use super::HostState;
use super::failure::{Answer, failure, failure_with, internal};
use super::kv::Pending;
use super::wit::types::{self, ErrorCode};
use crate::plain::one_line;

/// What a host call may take when nobody has said how long the call of the guest may.
const UNSAID: Duration = Duration::from_secs(10);

/// So much of what a plugin has asked for is shown.
const SHOWN: usize = 200;

/// The call that is under way.
#[derive(Default)]
pub(super) struct Call {
    deadline: Option<Instant>,
    /// What was set and is not stored yet.
    pub(super) pending: Pending,
}

impl HostState {
    /// Before a function of the guest is called. What an earlier call has left is forgotten.
    pub fn call_begins(&mut self, budget: Duration) {
        self.call = Call { deadline: Some(Instant::now() + budget), pending: Pending::default() };
    }

    /// After it: what it has set is stored when it has returned (`ok`), and forgotten when it has trapped. An instance that is
    /// dropped forgets it as well.
    ///
    /// # Errors
    /// When it cannot be stored: `system.storage`, `system.too_large` where another process has filled the store meanwhile.
    pub async fn call_ends(&mut self, ok: bool) -> Result<()> {
        let call = std::mem::take(&mut self.call);
        self.caller.access.log.count_left_out();
        if !ok || call.pending.is_empty() {
            return Ok(());
        }
        let store = std::sync::Arc::clone(&self.caller.access.store);
        let stored = tokio::task::spawn_blocking(move || store.commit(call.pending)).await;
        stored.unwrap_or_else(|error| {
            Err(opencode_nexus::Error::new(
                opencode_nexus::ErrorKind::Internal,
                "the store of a plugin has failed",
            )
            .with_source(error))
        })
    }

    /// How long the call may still take.
    pub fn remaining(&self) -> Duration {
        self.call.deadline.map_or(UNSAID, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Writes into the audit log that something was allowed.
    pub(crate) fn allowed(&self, call: &str, what: &str) {
        self.record(call, what, true);
    }

    /// Writes into the audit log that something was denied, tells the person once, and gives the failure.
    pub(crate) fn denied(&self, call: &str, permission: &str, what: &str) -> types::Error {
        self.record(call, what, false);
        let (caller, shown) = (&self.caller, one_line(what, SHOWN));
        let hint = format!("see what it asks for and has: nexus plugin info {}", caller.plugin);
        let mut told = caller.access.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(permission.to_owned()) {
            drop(told);
            let text = format!("was denied {permission}: {call} {shown}; {hint}");
            caller.access.ground.notices.tell(Notice::warning(&caller.plugin, text));
        }
        failure_with(
            ErrorCode::Denied,
            format!("{shown}: the permission {permission} is not declared, or not granted"),
            format!(
                "declare it in plugin.toml with a reason, and let it be granted: nexus plugin grant {}",
                caller.plugin
            ),
        )
    }

    fn record(&self, call: &str, what: &str, allowed: bool) {
        let caller = &self.caller;
        let who = (caller.plugin.as_str(), caller.version.as_str());
        caller.access.ground.audit.record(who, &caller.access.share, call, what, allowed);
    }
}

/// Waits so long: [`HostState::remaining`], or less.
pub(crate) async fn within<T>(
    bound: Duration,
    what: &str,
    work: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    // Without any time nothing is begun.
    let answer = match bound.is_zero() {
        true => None,
        false => tokio::time::timeout(bound, work).await.ok(),
    };
    answer.unwrap_or_else(|| {
        let told = format!("{what} took longer than the {} ms that were left", bound.as_millis());
        Err(failure(ErrorCode::Timeout, told))
    })
}

/// Does what blocks elsewhere, and waits so long. What was begun ends by itself: each such work has a bound of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    bound: Duration,
    what: &str,
    work: impl FnOnce() -> Answer<T> + Send + 'static,
) -> Answer<T> {
    within(bound, what, async {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(internal("the host could not do it", error)))
    })
    .await
}
