//! Identifiers: those of the wire as neutral ones, and new ones, made as servers of both lines make them: 48 bits of time (milliseconds × 4096 + a counter) in hex, then 14
//! random characters. The server orders messages by them and decides with them whether a prompt is answered, so
//! ours are made with the server's clock, read from its own event ids: a client whose clock runs ahead would
//! otherwise make prompts that the server takes for unanswered for ever.

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::Rng as _;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MASK: u64 = (1 << 48) - 1;

/// An identifier of the wire as a neutral one.
pub(super) fn neutral<N: From<String>>(wire: impl Into<String>) -> N {
    N::from(wire.into())
}

/// The server's clock, as its ids show it.
#[derive(Debug, Default)]
pub(crate) struct IdClock {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    anchor: Option<(u64, Instant)>,
    last: u64,
}

impl IdClock {
    /// Sets the clock by an id that the server has just made.
    pub(crate) fn observe(&self, id: &str) {
        if let Some(stamp) = stamp(id) {
            self.lock().anchor = Some((stamp, Instant::now()));
        }
    }

    /// A new id with a prefix, greater than `after` and than all that were made before.
    pub(crate) fn next(&self, prefix: &str, after: Option<&str>) -> String {
        let mut state = self.lock();
        let now = match state.anchor {
            Some((stamp, at)) => stamp.wrapping_add(millis(at.elapsed().as_millis()) << 12),
            None => {
                millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()) << 12
            }
        } & MASK;
        let floor = after.and_then(stamp).unwrap_or(0).max(state.last);
        state.last = if now > floor || wrapped(now, floor) { now } else { floor + 1 };
        let mut rng = rand::rng();
        let tail: String =
            (0..14).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect();
        format!("{prefix}_{:012x}{tail}", state.last & MASK)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX) & (MASK >> 12)
}

/// 48 bits are used up every 2.2 years; the server starts again from zero then, and so do we.
fn wrapped(now: u64, floor: u64) -> bool {
    floor - now > MASK / 2
}

fn stamp(id: &str) -> Option<u64> {
    let hex = id.split_once('_')?.1.get(..12)?;
    u64::from_str_radix(hex, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_servers_form_and_time() {
        let clock = IdClock::default();
        clock.observe("evt_201f3cf63001ymeg20K5HIMJER");
        let id = clock.next("msg", None);
        assert_eq!(id.len(), "msg_201f3cf8b001L0vab62WnfsZO1".len());
        let ahead = stamp(&id).unwrap() - 0x201f_3cf6_3001;
        assert!(
            ahead >> 12 < 60_000,
            "made within a minute of the server's time, whatever our own clock says"
        );
    }

    #[test]
    fn ids_grow_even_within_one_millisecond_and_past_the_last_message() {
        let clock = IdClock::default();
        clock.observe("evt_201f3cf63001ymeg20K5HIMJER");
        let ids: Vec<_> =
            (0..5000).map(|_| clock.next("msg", Some("msg_201f3cf8b001L0vab62WnfsZO1"))).collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]));
        assert!(ids[0].as_str() > "msg_201f3cf8b001L0vab62WnfsZO1");
    }

    #[test]
    fn the_clock_starts_again_from_zero_as_the_servers_does() {
        let clock = IdClock::default();
        clock.observe("evt_000000001000aaaaaaaaaaaaaa");
        let id = clock.next("msg", Some("msg_ffffffffffffaaaaaaaaaaaaaa"));
        assert!(stamp(&id).unwrap() < 1 << 40, "{id}");
    }
}
