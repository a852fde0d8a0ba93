//! The timers of a plugin: each calls once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// So many wait at once.
const TIMERS: usize = 16;

/// The shortest delay; shorter ones become this one.
const SHORTEST: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(crate) struct Timers {
    waiting: Mutex<HashMap<u32, Instant>>,
    changed: Notify,
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets one, in place of one with the same token. False when too many wait already.
    pub(crate) fn set(&self, delay: Duration, token: u32) -> bool {
        let mut waiting = self.lock();
        if waiting.len() >= TIMERS && !waiting.contains_key(&token) {
            return false;
        }
        waiting.insert(token, Instant::now() + delay.max(SHORTEST));
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// The instance that has set them is gone.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Waits for the next; it is not set any more then. Cancel-safe.
    pub(crate) async fn next(&self) -> u32 {
        loop {
            let first = self.lock().iter().map(|(token, at)| (*at, *token)).min();
            match first {
                None => self.changed.notified().await,
                Some((at, token)) if at <= Instant::now() => {
                    // It may have been set anew meanwhile.
                    let mut waiting = self.lock();
                    if waiting.get(&token) == Some(&at) {
                        waiting.remove(&token);
                        return token;
                    }
                }
                Some((at, _)) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn timers_come_in_order_once_and_a_token_set_again_replaces() {
        let timers = Timers::default();
        assert!(timers.set(Duration::from_secs(3600), 1));
        assert!(timers.set(Duration::from_millis(90), 2));
        assert!(timers.set(Duration::ZERO, 3));
        assert!(timers.set(Duration::from_millis(60), 1));
        assert_eq!([timers.next().await, timers.next().await, timers.next().await], [3, 1, 2]);
        assert!(timers.lock().is_empty());
    }

    #[tokio::test]
    async fn no_more_than_sixteen_wait_and_a_new_instance_has_none() {
        let timers = Timers::default();
        for token in 0..16 {
            assert!(timers.set(Duration::from_secs(60), token));
        }
        assert!(!timers.set(Duration::from_secs(60), 16));
        assert!(timers.set(Duration::from_secs(60), 15));
        timers.clear();
        assert!(timers.set(Duration::from_secs(60), 16));
    }
}
