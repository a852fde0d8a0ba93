//! How long a stream is made again and again, and when that is given up. Pure but for the dice.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Retry};
use crate::transport::{Backoff, BackoffPolicy};

/// Too large an event, or no event at all, this many times in a row is for good.
const HOPELESS: u32 = 5;

/// The attempts of one stream.
pub(super) struct Patience {
    backoff: Backoff,
    hopeless: u32,
}

impl Patience {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self { backoff: Backoff::new(BackoffPolicy { attempts: None, ..policy }), hopeless: 0 }
    }

    /// A connection has given more than its opening event.
    pub(super) fn was_fruitful(&mut self) {
        self.backoff.reset();
    }

    /// How long to wait before the next attempt; `None` when waiting cannot heal it.
    pub(super) fn after(&mut self, error: &Error) -> Option<Duration> {
        self.hopeless = match error.kind() {
            ErrorKind::TooLarge | ErrorKind::Incompatible | ErrorKind::NotFound => self.hopeless + 1,
            _ => 0,
        };
        // A starting server or a proxy may answer with a page for a moment; credentials do not heal.
        let fatal = matches!(
            error.kind(),
            ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::Tls | ErrorKind::InvalidInput
        );
        if fatal || self.hopeless >= HOPELESS {
            return None;
        }
        let retry = match error.retry() {
            Retry::Never => error.duplicate().with_retry(Retry::Now),
            _ => error.duplicate(),
        };
        Some(self.backoff.after(&retry, rand::random()).unwrap_or_default())
    }
}
