//! `nexus_client MODE URL`: ours, through the public interface of the SDK. Modes: stream, latency, rest, start.
#![allow(clippy::print_stdout)] // the runner reads it

use std::hint::black_box;

use opencode_api::v1::operations::session;
use opencode_nexus::model::Event;
use opencode_nexus::stream::StreamItem;
use opencode_nexus::{Client, Result};
use opencode_nexus_bench::{Stopwatch, memory, now, report_latencies};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mode, url) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let client = Client::connect(url).await?;
    match mode.as_str() {
        "stream" => stream(&client).await,
        "latency" => latency(&client).await,
        "rest" => rest(&client).await?,
        // Connecting is the work.
        "start" => println!("{{\"peak_kb\":{}}}", memory("VmHWM")),
        _ => eprintln!("unknown mode {mode}"),
    }
    Ok(())
}

async fn stream(client: &Client) {
    let clock = Stopwatch::start();
    let mut events = client.events();
    let (mut count, mut deltas, mut text, mut lost, mut early) = (0_u64, 0_u64, 0, 0, 0);
    while let Some(item) = events.next().await {
        match item {
            StreamItem::Event(event) => {
                count += 1;
                match &*event {
                    Event::Delta { text: piece, .. } => {
                        deltas += 1;
                        text += piece.len();
                    }
                    Event::Disposed => break,
                    other => drop(black_box(other.session_id())),
                }
                if count == 20_000 {
                    early = memory("VmRSS");
                }
            }
            StreamItem::Lagged(missed) => lost += missed,
            StreamItem::Opened => {}
            StreamItem::Closed(error) | StreamItem::Failed(error) => {
                eprintln!("{error}");
                return;
            }
        }
    }
    // The subscriber is told of the connection by an item instead of an event.
    let late = memory("VmRSS");
    clock.report(count + 1, &format!(",\"deltas\":{deltas},\"text\":{text},\"lost\":{lost},\"rss_early_kb\":{early},\"rss_late_kb\":{late}"));
}

async fn latency(client: &Client) {
    let mut events = client.events();
    let mut all = Vec::new();
    while let Some(item) = events.next().await {
        let StreamItem::Event(event) = item else { continue };
        match &*event {
            Event::Delta { text, .. } => all.extend(text.parse::<u64>().ok().map(|sent| now() - sent)),
            Event::Disposed => break,
            _ => {}
        }
    }
    report_latencies(all);
}

async fn rest(client: &Client) -> Result<()> {
    let operation = session::Get::new("ses_200000000000benchsessio");
    for _ in 0..50 {
        client.call(&operation).await?;
    }
    let clock = Stopwatch::start();
    for _ in 0..2_000 {
        black_box(client.call(&operation).await?);
    }
    clock.report(2_000, "");
    Ok(())
}
