//! How many events a second one thread decodes, both steps, over the captured streams:
//! `cargo run --release -p opencode-api --example decode_speed [FILE.sse…]`
#![allow(clippy::print_stdout)]
use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use opencode_api::v1::{Event, EventHead};

fn main() -> io::Result<()> {
    let mut paths: Vec<_> = env::args_os().skip(1).map(Into::into).collect();
    if paths.is_empty() {
        for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sse")
                && !path.ends_with("global-event.sse")
            {
                paths.push(path);
            }
        }
    }
    let mut frames = Vec::new();
    for path in paths {
        let text = fs::read_to_string(path)?;
        frames.extend(
            text.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| data.as_bytes().to_vec()),
        );
    }
    let deltas: Vec<Vec<u8>> = frames
        .iter()
        .filter(|frame| EventHead::parse(frame).is_ok_and(|head| head.kind == "message.part.delta"))
        .cloned()
        .collect();
    measure("heads", &frames, |frame| EventHead::parse(frame).is_ok());
    measure("all events", &frames, |frame| Event::from_slice(frame).is_ok());
    measure("deltas only", &deltas, |frame| Event::from_slice(frame).is_ok());
    Ok(())
}

fn measure(what: &str, frames: &[Vec<u8>], decode: impl Fn(&[u8]) -> bool) {
    let bytes: usize = frames.iter().map(Vec::len).sum();
    let (mut rounds, mut failures) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        failures += frames.iter().filter(|frame| !black_box(decode(black_box(frame)))).count();
        rounds += 1;
    }
    let rate = (rounds * frames.len()) as f64 / start.elapsed().as_secs_f64();
    let average = bytes / frames.len().max(1);
    println!("{what}: {rate:.0} events/s, {average} bytes on average, {failures} failures");
}
