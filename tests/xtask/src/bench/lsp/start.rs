//! From the start of the process to the answer to `initialize`, and the memory of one that has nothing to do.

use std::time::{Duration, Instant};

use opencode_nexus_testkit::language_client::{ClientOptions, LanguageClient};
use serde_json::json;

use super::report::Report;
use super::{Desk, quantile, send, server};
use opencode_nexus_testkit::scripted::Behaviour;

/// So long it may come to rest before its memory is looked at.
const REST: Duration = Duration::from_secs(1);

pub async fn measure(desk: &Desk, rounds: usize, report: &mut Report) -> Result<(), String> {
    let fail = |failure: opencode_nexus_testkit::language_client::Failure| failure.to_string();
    let folder = desk.folder.path();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        let client =
            LanguageClient::spawn(desk.command(None), ClientOptions::in_folders([folder])).map_err(fail)?;
        client.initialize().await.map_err(fail)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        client.finish().await.map_err(fail)?;
    }
    report.add("spawn → initialized, least", "ms", quantile(&mut times, 0.0), None);
    report.add("spawn → initialized, median", "ms", quantile(&mut times, 0.5), Some(50.0));

    let client =
        LanguageClient::start(desk.command(None), ClientOptions::in_folders([folder])).await.map_err(fail)?;
    client.request("nexus/ping", json!({})).await.map_err(fail)?;
    tokio::time::sleep(REST).await;
    report.add("memory, idle", "MB", resident(&client)?, Some(30.0));
    client.finish().await.map_err(fail)?;

    let server = server(Behaviour::default()).await?;
    let client = desk.editor(&server.url, &server.directory).await?;
    for turn in 0..5 {
        let (mut watch, _) = send(&client, &server.directory, &format!("Hello {turn}")).await?;
        watch.until_end().await.map_err(fail)?;
    }
    tokio::time::sleep(REST).await;
    report.add("memory, idle after five conversations", "MB", resident(&client)?, None);
    client.finish().await.map_err(fail)
}

/// In megabytes, as Linux counts it.
pub fn resident(client: &LanguageClient) -> Result<f64, String> {
    let pid = client.pid().ok_or("the language server is gone")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().map_err(|_| "no number")?;
    Ok(kilobytes / 1024.0)
}
