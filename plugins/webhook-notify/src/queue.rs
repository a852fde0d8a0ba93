//! What waits to be told: in the order in which it happened, one at a time, again after a growing pause.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::deliver::Delivery;
use crate::watch::Message;

/// So many messages wait at most: a room that is away for a night is not flooded in the morning.
const WAITING: usize = 100;
/// The first pause, and the longest, in milliseconds.
const FIRST_PAUSE: u64 = 1_000;
const LONGEST_PAUSE: u64 = 60_000;
/// A server that asks for a longer pause than this is not waited for.
const LONGEST_ASKED: u64 = 3_600_000;

/// A message and how often it was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub message: Message,
    pub attempts: u32,
    at: u64,
}

/// What waits.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Queue(VecDeque<Waiting>);

impl Queue {
    /// Adds a message; false when too many wait already.
    pub fn add(&mut self, message: Message, now: u64) -> bool {
        let fits = self.0.len() < WAITING;
        if fits {
            self.0.push_back(Waiting { message, attempts: 0, at: now });
        }
        fits
    }

    /// What is to be tried now.
    pub fn due(&self, now: u64) -> Option<&Waiting> {
        self.0.front().filter(|waiting| waiting.at <= now)
    }

    /// When something is to be tried next.
    pub fn next(&self) -> Option<u64> {
        self.0.front().map(|waiting| waiting.at)
    }

    /// What was due was tried. Gives the reason when it is given up.
    pub fn tried(&mut self, delivery: Delivery, now: u64, attempts: u32) -> Option<String> {
        let mut waiting = self.0.pop_front()?;
        waiting.attempts += 1;
        match delivery {
            Delivery::Done => None,
            Delivery::Never { why } => Some(why),
            Delivery::Again { why, .. } if waiting.attempts >= attempts => Some(why),
            Delivery::Again { pause, .. } => {
                let grown =
                    FIRST_PAUSE.saturating_mul(1 << (waiting.attempts - 1).min(16)).min(LONGEST_PAUSE);
                waiting.at = now + pause.unwrap_or(0).min(LONGEST_ASKED).max(grown);
                // Those behind it wait as well: they would meet the same closed door, and come out of order.
                self.0.push_front(waiting);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Kind;

    fn message(title: &str) -> Message {
        Message { kind: Kind::Ended, title: title.to_owned(), body: String::new(), urgent: false }
    }

    fn again(pause: Option<u64>) -> Delivery {
        Delivery::Again { why: "503".to_owned(), pause }
    }

    #[test]
    fn pauses_grow_to_a_minute_and_then_it_is_given_up() {
        let mut queue = Queue::default();
        queue.add(message("a"), 0);
        let mut now = 0;
        for pause in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert_eq!(queue.tried(again(None), now, 9), None);
            assert_eq!(queue.due(now + pause - 1), None);
            now = queue.next().unwrap();
            assert!(queue.due(now).is_some());
        }
        assert_eq!(queue.tried(again(None), now, 9).as_deref(), Some("503"));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn a_server_says_itself_how_long_to_wait() {
        let mut queue = Queue::default();
        queue.add(message("a"), 0);
        queue.tried(again(Some(30_000)), 0, 6);
        assert_eq!(queue.next(), Some(30_000));
    }

    #[test]
    fn messages_are_told_in_their_order() {
        let mut queue = Queue::default();
        queue.add(message("a"), 0);
        queue.add(message("b"), 0);
        queue.tried(again(None), 0, 6);
        assert_eq!(queue.due(1_000).unwrap().message.title, "a");
        queue.tried(Delivery::Done, 1_000, 6);
        assert_eq!(queue.due(1_000).unwrap().message.title, "b");
        assert!(queue.tried(Delivery::Never { why: "404".to_owned() }, 1_000, 6).is_some());
    }

    #[test]
    fn only_so_many_wait() {
        let mut queue = Queue::default();
        let added = (0..WAITING + 5).filter(|_| queue.add(message("a"), 0)).count();
        assert_eq!(added, WAITING);
    }
}
