//! From the moment in which an event is on its way to the language server to the moment in which the editor has the
//! notification that holds it.
//!
//! The server joins what happens within 25 ms after something was told, and tells the first thing after a pause at once.
//! So deltas that come more slowly than that show what everything but the window costs, and faster ones show both.

use std::time::Instant;

use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use serde_json::Value;

use super::clock::Clock;
use super::report::Report;
use super::{Desk, quantile, send, server};

/// Deltas a second, slower than the window and faster.
const SPARSE: f64 = 12.0;
const DENSE: f64 = 200.0;

pub async fn measure(desk: &Desk, rounds: usize, report: &mut Report) -> Result<(), String> {
    let paced =
        |name: &str, words, pace| Conversation::new(name, vec![vec![Action::tokens(words, 5).at(pace)]]);
    let behaviour = Behaviour::new(vec![paced("^SPARSE", 60, SPARSE), paced("^DENSE", 800, DENSE)]);
    let server = server(behaviour).await?;
    let clock = Clock::start(server.server.port()).await?;
    let client = desk.editor(&format!("http://127.0.0.1:{}", clock.port()), &server.directory).await?;
    let (mut beside, mut whole) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for (name, times) in [("SPARSE", &mut beside), ("DENSE", &mut whole)] {
            let (mut watch, _) = send(&client, &server.directory, &format!("{name} {round}")).await?;
            let mut told = Vec::new();
            loop {
                let next = watch.next().await.map_err(|failure| failure.to_string())?;
                let ended = next.value["kind"] == "end";
                told.push((next.value, next.at));
                if ended {
                    break;
                }
            }
            add(&clock, &told, times);
        }
    }
    if beside.is_empty() || whole.is_empty() {
        return Err("no delta was seen on its way: the server's events have another form".to_owned());
    }
    let share = |times: &mut Vec<f64>, share| quantile(times, share);
    report.add(
        "event received → notification, beside the window, p50",
        "ms",
        share(&mut beside, 0.5),
        Some(2.0),
    );
    report.add("event received → notification, beside the window, p99", "ms", share(&mut beside, 0.99), None);
    report.add("the same with 200 deltas a second, window included, p50", "ms", share(&mut whole, 0.5), None);
    report.add(
        "the same with 200 deltas a second, window included, p99",
        "ms",
        share(&mut whole, 0.99),
        None,
    );
    client.finish().await.map_err(|failure| failure.to_string())
}

/// The delays of all deltas of a turn, in milliseconds.
fn add(clock: &Clock, told: &[(Value, Instant)], times: &mut Vec<f64>) {
    let mut lengths = std::collections::HashMap::<&str, usize>::new();
    for (value, at) in told.iter().filter(|(value, _)| value["kind"] == "delta") {
        let (Some(part), Some(text)) = (value["partId"].as_str(), value["text"].as_str()) else { continue };
        let length = lengths.entry(part).or_default();
        let from = std::mem::replace(length, *length + text.len());
        let passed = clock.between(part, from, *length);
        times.extend(passed.into_iter().map(|passed| (*at - passed).as_secs_f64() * 1e3));
    }
}
