//! `plain_client MODE URL`: reqwest alone, as somebody uses it who needs no SDK. It is the yardstick.
//!
//! Modes: `stream` counts the bytes and line feeds of the body and decodes nothing; `latency` reads the time in each
//! delta; `rest` decodes a session into a struct; `start` asks once whether the server is healthy.
#![allow(clippy::print_stdout)] // the runner reads it

use std::hint::black_box;

use opencode_nexus_bench::{Stopwatch, memory, now, report_latencies};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error>;

/// How the stub's last event ends.
const END: &[u8] = b"\"server.instance.disposed\",\"properties\":{\"directory\":\"/home/dev/project\"}}\n\n";

#[derive(Deserialize)]
#[allow(dead_code)] // what a person would read
struct Session {
    id: String,
    title: String,
    directory: String,
    version: String,
    #[serde(rename = "parentID")]
    parent: Option<String>,
    time: Time,
    cost: Option<f64>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Time {
    created: f64,
    updated: f64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    properties: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct Delta {
    delta: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (mode, url) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    // The features of the workspace leave the choice of a provider to the program. That there is one already is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    match mode.as_str() {
        "stream" => stream(&client, &url).await,
        "latency" => latency(&client, &url).await,
        "rest" => rest(&client, &url).await,
        _ => {
            black_box(client.get(format!("{url}/global/health")).send().await?.bytes().await?);
            println!("{{\"peak_kb\":{}}}", memory("VmHWM"));
            Ok(())
        }
    }
}

async fn stream(client: &reqwest::Client, url: &str) -> Result<(), Failure> {
    let clock = Stopwatch::start();
    let mut response = client.get(format!("{url}/event")).send().await?;
    let (mut bytes, mut lines) = (0, 0);
    while let Some(chunk) = response.chunk().await? {
        bytes += chunk.len();
        lines += memchr::memchr_iter(b'\n', &chunk).count() as u64;
        if chunk.ends_with(END) {
            break;
        }
    }
    clock.report(lines / 2, &format!(",\"bytes\":{bytes}"));
    Ok(())
}

async fn latency(client: &reqwest::Client, url: &str) -> Result<(), Failure> {
    let mut response = client.get(format!("{url}/event")).send().await?;
    let mut all = Vec::new();
    let mut buffer = Vec::new();
    'stream: while let Some(chunk) = response.chunk().await? {
        buffer.extend_from_slice(&chunk);
        while let Some(end) = memchr::memmem::find(&buffer, b"\n\n") {
            let envelope: Envelope<'_> = serde_json::from_slice(&buffer[b"data: ".len()..end])?;
            match &*envelope.kind {
                "message.part.delta" => {
                    let delta: Delta = serde_json::from_str(envelope.properties.get())?;
                    all.push(now() - delta.delta.parse::<u64>()?);
                }
                "server.instance.disposed" => break 'stream,
                _ => {}
            }
            buffer.drain(..end + 2);
        }
    }
    report_latencies(all);
    Ok(())
}

async fn rest(client: &reqwest::Client, url: &str) -> Result<(), Failure> {
    let address = format!("{url}/session/ses_200000000000benchsessio");
    for _ in 0..50 {
        session(client, &address).await?;
    }
    let clock = Stopwatch::start();
    for _ in 0..2_000 {
        black_box(session(client, &address).await?);
    }
    clock.report(2_000, "");
    Ok(())
}

async fn session(client: &reqwest::Client, address: &str) -> Result<Session, Failure> {
    Ok(serde_json::from_slice(&client.get(address).send().await?.bytes().await?)?)
}
