//! What a process takes of the machine: memory, and time of the processors.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What one process takes. Its children are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes in memory (resident).
    pub memory: u64,
    /// Percent of one processor since the last measurement; two busy processors are 200.
    pub cpu: f32,
}

/// Measures one process again and again.
pub(in crate::server) struct Meter {
    system: System,
    pid: Pid,
}

impl Meter {
    pub(in crate::server) fn new(pid: u32) -> Self {
        let mut meter = Self { system: System::new(), pid: Pid::from_u32(pid) };
        // The first measurement only sets the point from which the next one counts.
        meter.measure();
        meter
    }

    /// `None` when there is no such process.
    pub(in crate::server) fn measure(&mut self) -> Option<Usage> {
        let what = ProcessRefreshKind::nothing().with_memory().with_cpu();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), true, what);
        let process = self.system.process(self.pid)?;
        Some(Usage { memory: process.memory(), cpu: process.cpu_usage() })
    }
}

/// Measures a process over a while (at least 200 ms make sense). `None` when there is no such process. Cancel safe.
pub async fn usage(pid: u32, over: Duration) -> Option<Usage> {
    let mut meter = Meter::new(pid);
    tokio::time::sleep(over).await;
    meter.measure()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn our_own_process_takes_memory_and_one_that_is_not_there_nothing() {
        let ours = usage(std::process::id(), Duration::from_millis(1)).await.unwrap();
        assert!(ours.memory > 100_000, "{ours:?}");
        assert_eq!(usage(u32::MAX - 1, Duration::ZERO).await, None);
    }
}
