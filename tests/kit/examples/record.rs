//! Records what a server does while somebody talks to it, and replays it.
#![allow(clippy::print_stdout)]

use opencode_nexus::Client;
use opencode_nexus::chat::{Recording, digest};
use opencode_nexus_testkit::expected;
use opencode_nexus_testkit::recorder::{Recorder, RecorderOptions};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

/// Public because the tests of this crate run it as well.
#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = TestServer::start(TestServerOptions::default()).await?;
    let folder = tempfile::tempdir()?;
    let mut options = RecorderOptions::new(&server.url, folder.path());
    options.directory = Some(server.directory.to_string_lossy().into_owned());
    let recorder = Recorder::start(options).await?;

    let client =
        Client::builder(recorder.url()).directory(server.directory.to_string_lossy()).connect().await?;
    client.create(None).await?.prompt("Hello").await?.finish().await?;
    let recorded = recorder.finish().await?;

    let folded = Recording::fold(&std::fs::read(&recorded.stream)?, 1 << 20)?;
    let transcript = folded.sessions.values().next().ok_or("a session was recorded")?;
    let messages: serde_json::Value = serde_json::from_slice(&std::fs::read(&recorded.messages[0])?)?;
    assert_eq!(digest::messages(transcript.messages()), expected::messages(&messages));
    println!("{} events recorded; replayed, they are what the server has", recorded.events);
    Ok(())
}
