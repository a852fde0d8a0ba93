//! What a conversation's driver does by the clock: deadlines, requests that nobody answers, a server that is gone, and a
//! turn of which nothing is heard.

use std::time::Duration;

use futures_util::future::FutureExt as _;
use tokio::time::Instant;

use super::driver::{Driver, Read};
use super::shared::{AutoReply, State};
use super::verdict::{OpenTurn, Request};
use crate::error::{Error, ErrorKind};
use crate::model::{MessageId, PermissionReply};

/// A busy turn of which nothing is heard for this long is asked about.
const BUSY_QUIET: Duration = Duration::from_secs(15);

/// The same when the status says idle but the turn is not over; doubled from the third time on.
const IDLE_QUIET: Duration = Duration::from_millis(700);

/// A turn that is late is told after it was stopped, or after this: an abort may stay without an answer (1.18.33, seen).
const STOPPING: Duration = Duration::from_secs(3);

impl Driver {
    /// When something must be done although nothing happens.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let state = self.shared.lock();
        let deadlines = state.deadlines.values().copied();
        let asks = state.asked.values().filter_map(|a| a.until);
        let given_up = self
            .unreachable_since
            .filter(|_| !state.turns.is_empty())
            .map(|t| t + self.shared.options.give_up);
        let quiet = self.quiet_until(&state);
        deadlines.chain(asks).chain(given_up).chain(quiet).min()
    }

    fn quiet_until(&self, state: &State) -> Option<Instant> {
        if self.reading.is_some() || self.behind {
            return None;
        }
        let idle = state.scope.root().status().is_idle();
        let quiet = |turn: &OpenTurn| match idle {
            true => self.idle_check_at(turn),
            false => Some(self.last_heard.max(turn.accepted?) + BUSY_QUIET),
        };
        state.turns.iter().filter_map(quiet).min()
    }

    /// From when on it counts that the server says that nothing runs. That it is asked more often, because a stream breaks
    /// again and again, is no reason to lose patience: it may need a while to begin. `None` while the request itself will
    /// tell: a slash command may run programs before the session is busy.
    pub(super) fn idle_check_at(&self, turn: &OpenTurn) -> Option<Instant> {
        if turn.request == Request::Open {
            return None;
        }
        let since = self.last_moved.max(turn.accepted?);
        let since = turn.idle_checked.map_or(since, |checked| checked.max(since));
        Some(since + IDLE_QUIET * (1 << turn.idle_checks.saturating_sub(1).min(5)))
    }

    pub(super) fn on_time(&mut self) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let late: Vec<MessageId> =
            state.deadlines.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        for id in late {
            let error = Error::new(ErrorKind::Timeout, "the turn has passed its deadline and was stopped");
            let feed = state.forget_turn(&id);
            let shared = self.shared.clone();
            tokio::spawn(async move {
                // Whoever hears of it may send the next prompt at once, which must not be stopped in its place.
                let _unanswered = tokio::time::timeout(STOPPING, shared.stop(&id)).await;
                if let Some(feed) = feed {
                    feed.end(Some(error));
                }
            });
        }
        let unanswered: Vec<_> = (state.asked.iter().filter(|(_, a)| a.until.is_some_and(|t| t <= now)))
            .map(|(id, a)| (id.clone(), a.question))
            .collect();
        for (id, question) in unanswered {
            state.asked.remove(&id);
            tracing::info!(%id, "nobody has answered in time, so the answer is no");
            self.answer(match question {
                true => AutoReply::RejectQuestion(id),
                false => AutoReply::Permission(id, PermissionReply::Reject { message: None }),
            });
        }
        if self.unreachable_since.is_some_and(|t| t + self.shared.options.give_up <= now) {
            let error = Error::new(ErrorKind::Unreachable, "the server cannot be reached any more")
                .with_hint("start it again; the conversation goes on where it was");
            let open: Vec<MessageId> = state.turns.iter().map(|t| t.message_id.clone()).collect();
            open.iter().for_each(|id| state.fail_turn(id, &error));
        }
        if self.quiet_until(&state).is_some_and(|at| at <= now) {
            let idle = state.scope.root().status().is_idle();
            drop(state);
            if idle {
                self.behind = true;
                self.read_state(Duration::ZERO);
            } else {
                let shared = self.shared.clone();
                self.reading =
                    Some(async move { Read::Status(shared.dialect.status(&shared.root).await) }.boxed());
            }
        }
    }
}
