//! What the measured programs share: one clock for all processes, what a process has used, and the line they report.
#![deny(missing_docs)]
#![allow(clippy::print_stdout)] // the runner reads it

mod memory;
pub mod sqlite;
pub mod store;

use std::time::Duration;

pub use memory::memory;

/// `CLOCK_MONOTONIC` in nanoseconds, the clock of Node's `process.hrtime` and Python's `time.monotonic_ns`: times of
/// different processes compare.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live value of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The CPU time of this process so far, user and system.
pub fn cpu() -> Duration {
    // SAFETY: all zeros is a valid value, and the pointer is to a live value of the right type.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let of = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1_000);
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// Measures a piece of work from here on.
pub struct Stopwatch {
    wall: u64,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self { wall: now(), cpu: cpu() }
    }

    /// Prints the line that the runner reads.
    pub fn report(&self, count: u64, more: &str) {
        let wall = (now() - self.wall) as f64 / 1e9;
        let used = (cpu() - self.cpu).as_secs_f64();
        println!(
            "{{\"count\":{count},\"wall_s\":{wall:.6},\"cpu_s\":{used:.6},\"peak_kb\":{}{more}}}",
            memory("VmHWM")
        );
    }
}

/// Prints the percentiles of latencies in nanoseconds; the first tenth is warm-up and left out.
pub fn report_latencies(mut all: Vec<u64>) {
    let mut rest = all.split_off(all.len() / 10);
    rest.sort_unstable();
    let at = |part: f64| {
        rest.get(((rest.len().max(1) - 1) as f64 * part) as usize).copied().unwrap_or_default() as f64 / 1e3
    };
    println!(
        "{{\"count\":{},\"p50_us\":{:.1},\"p99_us\":{:.1},\"max_us\":{:.1},\"cpu_s\":{:.6},\"peak_kb\":{}}}",
        rest.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        cpu().as_secs_f64(),
        memory("VmHWM")
    );
}
