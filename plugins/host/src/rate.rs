//! So many in so long, and no more. Pure, but for the clock that is handed in.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A sliding window.
#[derive(Debug)]
pub(crate) struct Rate {
    most: usize,
    within: Duration,
    taken: Mutex<VecDeque<Instant>>,
}

impl Rate {
    pub(crate) fn new(most: usize, within: Duration) -> Self {
        Self { most, within, taken: Mutex::default() }
    }

    /// One more, if there is room for it.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while taken.front().is_some_and(|first| now.saturating_duration_since(*first) >= self.within) {
            taken.pop_front();
        }
        let free = taken.len() < self.most;
        if free {
            taken.push_back(now);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_so_many_within_any_such_time() {
        let (rate, begin) = (Rate::new(3, Duration::from_secs(60)), Instant::now());
        let taken: Vec<u64> =
            (0..200).filter(|second| rate.take(begin + Duration::from_secs(*second))).collect();
        assert_eq!(taken, [0, 1, 2, 60, 61, 62, 120, 121, 122, 180, 181, 182]);
    }
}
