//! What `cargo xtask bench plugins` measures, one way a run: `bare` (wasmtime alone), `host` (this crate), `extism LIBRARY`.
//!
//! The work is the same for all: a text goes into the plugin's memory and comes back out of it. The last line is JSON.
#![allow(clippy::print_stdout, reason = "it reports to standard output")]

#[path = "plugin_bench/bare.rs"]
mod bare;
#[path = "plugin_bench/events.rs"]
mod events;
#[cfg(unix)]
#[path = "plugin_bench/extism.rs"]
mod extism;
#[allow(dead_code, reason = "the threat tests use all of it")]
#[path = "../tests/threats/guest.rs"]
mod guest;
#[path = "plugin_bench/host.rs"]
mod host;

use std::time::{Duration, Instant};

use opencode_nexus_plugins::manifest::World;

use guest::Guest;

/// How many plugins are opened to see what one takes.
pub const PLUGINS: usize = 10;

/// Bytes of the two texts.
pub const SMALL: usize = 100;
/// The larger one.
pub const LARGE: usize = 100_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let figures = match arguments.first().map(String::as_str) {
        Some("bare") => bare::measure(),
        Some("host") => host::measure(),
        #[cfg(unix)]
        Some("extism") => extism::measure(&arguments[1]),
        _ => panic!("bare, host, or extism LIBRARY"),
    };
    println!("{}", serde_json::Value::Object(figures));
}

/// A plugin that gives its argument back as a text. `number` makes it another one.
pub fn echo(number: usize) -> Guest {
    Guest::new(&[World::ContextProvider])
        .module(&format!(
            "(data (i32.const 128) \"\\90\\00\\00\\00\\01\\00\\00\\00\")
             (data (i32.const 144) \"\\c8\\00\\00\\00\\05\\00\\00\\00\\c8\\00\\00\\00\\05\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\")
             (data (i32.const 200) \"thing\") (data (i32.const 600) \"{number}\")
             (data (i32.const 256) \"\\00\\00\\00\\00\\10\\01\\00\\00\\01\\00\\00\\00\")
             (func (export \"cabi_post_nexus:plugin/context-guest@0.1.0#provide\") (param i32)
               (global.set $free (i32.const 1024)))"
        ))
        .does("describe", "(i32.const 128)")
        .does(
            "provide",
            "(i32.store (i32.const 284) (local.get 3)) (i32.store (i32.const 288) (local.get 4)) (i32.const 256)",
        )
}

/// The median of what one call takes in several batches, in microseconds.
pub fn timed(count: usize, mut batch: impl FnMut(usize)) -> f64 {
    batch(count / 10 + 1);
    let mut all: Vec<f64> = (0..7)
        .map(|_| {
            let began = Instant::now();
            batch(count);
            microseconds(began.elapsed()) / count as f64
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// A time in µs.
pub fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// What this process has in memory, in KiB.
pub fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4.0
}
