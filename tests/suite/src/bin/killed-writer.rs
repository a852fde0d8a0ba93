//! `killed-writer URL DIRECTORY FOLDER`: has a conversation that is kept below `FOLDER`, and says how long the answer is with
//! each piece of it, until it is killed. `tests/history/killed.rs` does that.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use opencode_nexus::Client;
use opencode_nexus::chat::ChatEvent;
use opencode_nexus::history::History;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, directory, folder] = &arguments[..] else { return Err("URL DIRECTORY FOLDER".into()) };
    let history = History::new(opencode_nexus_suite::open_vault(Path::new(folder)));
    let client = Client::builder(url).directory(directory).history(history).connect().await?;
    let conversation = client.create(Some("To be killed")).await?;
    println!("session {}", conversation.session_id());
    conversation.prompt("first").await?.finish().await?;
    conversation.flush_history(Duration::from_secs(60)).await?;
    let mut turn = conversation.prompt("SLOW please").await?;
    let (mut told, started) = (0, Instant::now());
    while let Some(event) = turn.next().await {
        if let ChatEvent::Text { delta, .. } = event? {
            told += delta.len();
            println!("told {told} at {}", started.elapsed().as_millis());
        }
    }
    Ok(())
}
