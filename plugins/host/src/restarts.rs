//! When a plugin that has failed may start again. Pure: time is given.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long it waits after the first, the second, and every later failure in a row.
const DELAYS: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(10)];

/// So many failures within this time, and it is disabled.
const MOST: usize = 3;
const WITHIN: Duration = Duration::from_secs(5 * 60);

/// The failures of a plugin.
#[derive(Default)]
pub(crate) struct Restarts {
    /// Those that count, the oldest first.
    recent: VecDeque<Instant>,
    /// Failures in a row, none of which is older than [`WITHIN`] before the next.
    row: usize,
    disabled: bool,
}

/// Whether it may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayStart {
    Now,
    In(Duration),
    Never,
}

impl Restarts {
    pub fn failed(&mut self, now: Instant) {
        let is_row = self.recent.back().is_some_and(|last| now.saturating_duration_since(*last) < WITHIN);
        self.row = if is_row { self.row + 1 } else { 1 };
        while self.recent.front().is_some_and(|first| now.saturating_duration_since(*first) >= WITHIN) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.disabled |= self.recent.len() >= MOST;
    }

    pub fn may_start(&self, now: Instant) -> MayStart {
        if self.disabled {
            return MayStart::Never;
        }
        let Some(last) = self.recent.back() else { return MayStart::Now };
        let delay = DELAYS[self.row.clamp(1, DELAYS.len()) - 1];
        match (*last + delay).checked_duration_since(now) {
            Some(rest) if !rest.is_zero() => MayStart::In(rest),
            _ => MayStart::Now,
        }
    }

    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_after_each_failure_and_is_disabled_after_three_in_five_minutes() {
        let (mut restarts, begin) = (Restarts::default(), Instant::now());
        assert_eq!(restarts.may_start(begin), MayStart::Now);
        restarts.failed(begin);
        assert_eq!(restarts.may_start(begin), MayStart::In(DELAYS[0]));
        assert_eq!(restarts.may_start(begin + DELAYS[0]), MayStart::Now);
        let second = begin + Duration::from_secs(60);
        restarts.failed(second);
        assert_eq!(restarts.may_start(second), MayStart::In(DELAYS[1]));
        let third = begin + Duration::from_secs(299);
        restarts.failed(third);
        assert_eq!(restarts.may_start(third + WITHIN * 10), MayStart::Never);
        assert!(restarts.is_disabled());
        restarts.forget();
        assert_eq!(restarts.may_start(third), MayStart::Now);
    }

    #[test]
    fn failures_that_are_far_apart_disable_nothing() {
        let (mut restarts, mut now) = (Restarts::default(), Instant::now());
        for _ in 0..20 {
            restarts.failed(now);
            assert_eq!(restarts.may_start(now), MayStart::In(DELAYS[0]));
            now += WITHIN;
        }
        // Every four minutes: two at most are recent, and the row grows.
        for _ in 0..3 {
            restarts.failed(now);
            now += Duration::from_secs(240);
        }
        assert_eq!(restarts.may_start(now - Duration::from_secs(240)), MayStart::In(DELAYS[2]));
        assert!(!restarts.is_disabled());
    }
}
