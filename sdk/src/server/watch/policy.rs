//! How closely a server is watched, and what is done about it.

use std::time::Duration;

/// How a server is watched, and when it is given up.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchPolicy {
    /// Time between two questions whether it is well. Default 2 s.
    pub probe_interval: Duration,
    /// How long one question may take. Default 2 s.
    pub probe_bound: Duration,
    /// After so many unanswered questions in a row it is unreachable, and one of ours is ended and started again.
    /// Default 3.
    pub misses: u32,
    /// Pause before the first new start; it doubles with every further one. Default 200 ms.
    pub backoff: Duration,
    /// The longest pause before a new start. Default 10 s.
    pub backoff_cap: Duration,
    /// So many crashes within [`window`](Self::window) and it is given up. Default 5.
    pub crashes: usize,
    /// Crashes that are older do not count any more. Default 60 s.
    pub window: Duration,
    /// Bytes of memory above which the server is degraded. Default none.
    pub memory_limit: Option<u64>,
    /// Percent of one processor above which the server is degraded. Default none.
    pub cpu_limit: Option<f32>,
    /// Whether a server of ours that is above a limit is started again. Default false.
    pub restart_over_limit: bool,
    /// The only version that will do. Default any that this SDK can speak to.
    pub version: Option<String>,
}

impl Default for WatchPolicy {
    fn default() -> Self {
        Self {
            probe_interval: Duration::from_secs(2),
            probe_bound: Duration::from_secs(2),
            misses: 3,
            backoff: Duration::from_millis(200),
            backoff_cap: Duration::from_secs(10),
            crashes: 5,
            window: Duration::from_secs(60),
            memory_limit: None,
            cpu_limit: None,
            restart_over_limit: false,
            version: None,
        }
    }
}
