//! What is counted, and how long one has to wait. Pure: the time comes from the caller.

use std::time::Duration;

/// So many failures are free.
const FREE: usize = 5;
/// Within this time.
const WINDOW: u64 = 15 * MINUTE;
/// The first wait; each further failure doubles it.
const FIRST_WAIT: u64 = MINUTE / 2;
/// The longest wait.
const LONGEST_WAIT: u64 = 60 * MINUTE;
/// After a day without a failure it begins anew: somebody who tries slowly gets no more than one attempt per wait.
const FORGOTTEN: u64 = 24 * 60 * MINUTE;
const MINUTE: u64 = 60_000;

/// The failures of one account. Times are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counter {
    /// How many waits have begun. First, so that the larger of two counters is the stricter one.
    strikes: u32,
    /// Failures of the last minutes, at most five; kept while there are strikes.
    recent: Vec<u64>,
    /// The last failure.
    last: u64,
}

impl Counter {
    /// Nobody knows what was counted: a wait begins now.
    pub(super) fn unknown(now: u64) -> Self {
        Self { strikes: 1, recent: vec![now; FREE], last: now }
    }

    /// At least as strict as `other`, and waiting from now on.
    pub(super) fn locked_at_least(mut self, other: &Self) -> Self {
        self.strikes = self.strikes.max(other.strikes);
        self
    }

    /// Failures that count.
    pub(super) fn failures(&self) -> u32 {
        self.recent.len() as u32 + self.strikes.saturating_sub(1)
    }

    /// Brings it to the present. A clock that was set back restarts the wait; whether it was.
    pub(super) fn advance(&mut self, now: u64) -> bool {
        let set_back = now < self.last;
        if set_back {
            self.last = now;
            self.recent.iter_mut().for_each(|time| *time = (*time).min(now));
        }
        if now - self.last >= FORGOTTEN {
            *self = Self { last: self.last, ..Self::default() };
        }
        if self.strikes == 0 {
            self.recent.retain(|time| now.saturating_sub(*time) < WINDOW);
        }
        set_back
    }

    /// How long the next attempt has to wait. Of a counter that was brought to the present.
    pub(super) fn wait(&self, now: u64) -> Option<Duration> {
        let doubled = FIRST_WAIT.checked_shl(self.strikes.checked_sub(1)?).filter(|_| self.strikes < 32);
        let until = self.last.saturating_add(doubled.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT));
        (now < until).then(|| Duration::from_millis(until - now))
    }

    /// Counts a failure. Of a counter that was brought to the present and need not wait.
    pub(super) fn fail(&mut self, now: u64) {
        self.last = now;
        match self.strikes {
            0 => {
                self.recent.push(now);
                self.strikes = u32::from(self.recent.len() >= FREE);
            }
            _ => self.strikes = self.strikes.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Attempts at `now` unless it has to wait; the wait then.
    fn attempt(counter: &mut Counter, now: u64) -> Option<u64> {
        counter.advance(now);
        let wait = counter.wait(now).map(|wait| wait.as_millis() as u64);
        if wait.is_none() {
            counter.fail(now);
        }
        wait
    }

    #[test]
    fn five_failures_cost_half_a_minute_and_each_further_one_twice_as_much_up_to_an_hour() {
        let (mut counter, mut now) = (Counter::default(), 1_000_000);
        for _ in 0..5 {
            assert_eq!(attempt(&mut counter, now), None);
        }
        for minutes in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0] {
            let wait = (minutes * MINUTE as f64) as u64;
            assert_eq!(attempt(&mut counter, now), Some(wait));
            assert_eq!(attempt(&mut counter, now + wait - 1), Some(1));
            now += wait;
            assert_eq!(attempt(&mut counter, now), None);
        }
    }

    #[test]
    fn four_failures_in_any_quarter_of_an_hour_are_free() {
        let mut counter = Counter::default();
        for number in 0..100 {
            assert_eq!(attempt(&mut counter, 1_000_000 + number * WINDOW / 4), None);
            assert!(counter.failures() <= 4);
        }
    }

    #[test]
    fn a_day_without_failures_is_forgotten_and_an_hour_is_not() {
        let mut counter = Counter::unknown(1_000_000);
        counter.strikes = 9;
        let mut later = counter.clone();
        assert_eq!(attempt(&mut later, 1_000_000 + LONGEST_WAIT), None);
        assert_eq!(later.strikes, 10);
        assert_eq!(attempt(&mut counter, 1_000_000 + FORGOTTEN), None);
        assert_eq!(counter.failures(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_restarts_the_wait_and_does_not_make_it_longer() {
        let mut counter = Counter::unknown(1_000_000_000);
        assert_eq!(attempt(&mut counter, 1_000), Some(FIRST_WAIT));
        assert_eq!(attempt(&mut counter, 1_000 + FIRST_WAIT - 1), Some(1));
        assert_eq!(attempt(&mut counter, 1_000 + FIRST_WAIT), None);
    }

    proptest! {
        #[test]
        fn nobody_is_locked_out_for_more_than_an_hour_whatever_the_clock_does(
            steps in prop::collection::vec(any::<u64>(), 0..60),
            strikes in any::<u32>(),
            recent in prop::collection::vec(any::<u64>(), 0..9),
            last in any::<u64>(),
        ) {
            let mut counter = Counter { strikes, recent, last };
            for now in steps {
                if let Some(wait) = attempt(&mut counter, now) {
                    prop_assert!(wait > 0 && wait <= LONGEST_WAIT);
                    // Whoever waits is let through, unless that is beyond the end of time.
                    if let Some(then) = now.checked_add(wait) {
                        prop_assert_eq!(attempt(&mut counter, then), None);
                    }
                }
            }
        }

        #[test]
        fn in_an_hour_nobody_has_more_than_twenty_one_attempts(gaps in prop::collection::vec(0..400_000u64, 1..400)) {
            let (mut counter, mut now, mut tried) = (Counter::default(), 1_000_000, Vec::new());
            for gap in gaps {
                now += gap;
                if attempt(&mut counter, now).is_none() {
                    tried.push(now);
                    let within = tried.iter().filter(|time| now - **time < 60 * MINUTE).count();
                    // Slowly, four in each quarter of an hour are free. The fifth begins the waits; four of them (0.5, 1, 2
                    // and 4 minutes) leave time for three quarters before: 3 × 4 + 5 + 4.
                    prop_assert!(within <= 21, "{within}");
                }
            }
        }
    }
}
