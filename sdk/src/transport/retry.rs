//! When to try again, and how long to wait before. Pure: the clock and the dice are the caller's.

use std::time::Duration;

use crate::error::{Error, Retry};

/// How long to wait between attempts: exponential, with full jitter in the upper half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffPolicy {
    /// The first wait. Default 100 ms.
    pub base: Duration,
    /// The longest wait. Default 10 s.
    pub cap: Duration,
    /// How often to try again before giving up; `None` means for ever. Default 4.
    pub attempts: Option<u32>,
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(10), attempts: Some(4) }
    }
}

/// The state of one row of attempts.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    pub fn new(policy: BackoffPolicy) -> Self {
        Self { policy, failures: 0 }
    }

    /// It worked: the next failure is the first again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures there were in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and says how long to wait before the next attempt; `None` means to give up.
    ///
    /// `dice` is uniform in `0.0..1.0`. A time that the server named is kept, up to five times the cap.
    pub fn after(&mut self, error: &Error, dice: f64) -> Option<Duration> {
        let named = match error.retry() {
            Retry::Never => return None,
            Retry::Now => None,
            Retry::After(wait) => Some(wait.min(self.policy.cap * 5)),
        };
        if self.policy.attempts.is_some_and(|limit| self.failures >= limit) {
            return None;
        }
        let full = self.policy.base.saturating_mul(1 << self.failures.min(20)).min(self.policy.cap);
        self.failures += 1;
        let jittered = full.mul_f64(0.5 + 0.5 * dice.clamp(0.0, 1.0));
        Some(named.map_or(jittered, |n| n.max(jittered)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn failure(retry: Retry) -> Error {
        Error::new(ErrorKind::Unreachable, "x").with_retry(retry)
    }

    #[test]
    fn waits_grow_up_to_the_cap_and_begin_anew_after_success() {
        let policy = BackoffPolicy { attempts: None, ..BackoffPolicy::default() };
        let mut backoff = Backoff::new(policy);
        let waits: Vec<_> = (0..30).map(|_| backoff.after(&failure(Retry::Now), 1.0).unwrap()).collect();
        assert_eq!(waits[0], policy.base);
        assert_eq!(waits[1], policy.base * 2);
        assert_eq!(*waits.last().unwrap(), policy.cap);
        backoff.reset();
        assert_eq!(backoff.after(&failure(Retry::Now), 0.0).unwrap(), policy.base / 2);
    }

    #[test]
    fn an_error_that_must_not_be_retried_is_not() {
        assert_eq!(Backoff::new(BackoffPolicy::default()).after(&failure(Retry::Never), 0.5), None);
    }

    #[test]
    fn attempts_end_and_a_named_time_is_kept() {
        let mut backoff = Backoff::new(BackoffPolicy { attempts: Some(2), ..BackoffPolicy::default() });
        assert_eq!(
            backoff.after(&failure(Retry::After(Duration::from_secs(3))), 0.5),
            Some(Duration::from_secs(3))
        );
        assert!(backoff.after(&failure(Retry::Now), 0.5).is_some());
        assert_eq!(backoff.after(&failure(Retry::Now), 0.5), None);
    }
}
