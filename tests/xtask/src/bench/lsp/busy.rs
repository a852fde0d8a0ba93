//! While 64 turns are in flight: how fast the server answers a ping, and how fast a stop is acknowledged.

use std::time::{Duration, Instant};

use opencode_nexus_testkit::language_client::{ChatScreen, LanguageClient, Watch};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::TestServer;
use serde_json::{Value, json};

use super::report::Report;
use super::start::resident;
use super::{Desk, quantile, send, server};

const TURNS: usize = 64;
/// Words a second of each.
const PACE: f64 = 5.0;
/// So many that no turn ends by itself while it is measured.
const WORDS: usize = 4_000;
const PINGS: usize = 2000;
/// Between two pings, so that they meet what else happens.
const PAUSE: Duration = Duration::from_millis(3);
/// How many of the turns are stopped while it is measured; each time another one takes the place.
const STOPS: usize = 40;

pub async fn measure(desk: &Desk, report: &mut Report) -> Result<(), String> {
    let words = vec![Action::text("It begins. "), Action::tokens(WORDS, 5).at(PACE)];
    let server = server(Behaviour::new(vec![Conversation::new("^BUSY", vec![words])])).await?;
    let client = desk.editor(&server.url, &server.directory).await?;
    let mut alone = pings(&client, PINGS / 4).await?;
    report.add("ping with nothing else to do, p50", "µs", quantile(&mut alone, 0.5), None);

    let mut turns = std::collections::VecDeque::new();
    for turn in 0..TURNS {
        turns.push_back(begin(&client, &server, turn).await?);
    }
    let mut busy = pings(&client, PINGS).await?;
    report.add("ping with 64 turns in flight, p50", "µs", quantile(&mut busy, 0.5), Some(250.0));
    report.add("ping with 64 turns in flight, p99", "µs", quantile(&mut busy, 0.99), Some(5000.0));
    report.add("memory with 64 turns in flight", "MB", resident(&client)?, None);

    let mut stops = Vec::new();
    for turn in TURNS..TURNS + STOPS {
        if let Some((watch, session)) = turns.pop_front() {
            stops.push(stop(&client, watch, &session).await?);
        }
        turns.push_back(begin(&client, &server, turn).await?);
    }
    report.add("cancel acknowledged, 64 turns in flight, p50", "ms", quantile(&mut stops, 0.5), None);
    report.add("cancel acknowledged, 64 turns in flight, most", "ms", quantile(&mut stops, 1.0), Some(50.0));
    for (watch, session) in turns {
        stop(&client, watch, &session).await?;
    }
    client.finish().await.map_err(|failure| failure.to_string())
}

/// Begins a turn and waits until it streams.
async fn begin(client: &LanguageClient, server: &TestServer, turn: usize) -> Result<(Watch, String), String> {
    let (mut watch, session) = send(client, &server.directory, &format!("BUSY {turn}")).await?;
    let begun = |_: &Value, screen: &ChatScreen| screen.said.contains("It begins.");
    watch.until(&mut ChatScreen::default(), begun).await.map_err(|failure| failure.to_string())?;
    Ok((watch, session))
}

/// Stops a turn and waits for its end; how long the answer took, in milliseconds.
async fn stop(client: &LanguageClient, mut watch: Watch, session: &str) -> Result<f64, String> {
    let begun = Instant::now();
    let answer = client.request("nexus/chat/cancel", json!({ "sessionId": session })).await;
    answer.map_err(|failure| failure.to_string())?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let screen = watch.until_end().await.map_err(|failure| failure.to_string())?;
    match screen.end.as_ref().and_then(|end| end["reason"].as_str()) {
        Some("aborted") => Ok(took),
        reason => Err(format!("a turn that was stopped ended as {reason:?}")),
    }
}

/// How long pings take, one after the other, in microseconds.
async fn pings(client: &LanguageClient, count: usize) -> Result<Vec<f64>, String> {
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        client.request("nexus/ping", json!({})).await.map_err(|failure| failure.to_string())?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(times)
}
