//! `quickstart [PROMPT]`: asks an agent about the current folder and prints what it answers, while it answers.
#![allow(clippy::print_stdout)] // this program talks to people

use std::io::Write as _;
use std::process::ExitCode;

use opencode_nexus::chat::{ChatEvent, TextKind};
use opencode_nexus::{Nexus, NexusOptions, Result};
use opencode_nexus_examples::ended;

#[tokio::main]
async fn main() -> ExitCode {
    ended(run().await)
}

async fn run() -> Result<ExitCode> {
    let prompt = std::env::args().nth(1).unwrap_or_else(|| "What is in this folder?".to_owned());
    let nexus = Nexus::open(NexusOptions::default()).await?; // finds a server, or starts one
    let conversation = nexus.client().create(None).await?;
    let mut turn = conversation.prompt(prompt).await?;
    while let Some(event) = turn.next().await {
        match event? {
            // What we have said ourselves is a text of the conversation as well.
            ChatEvent::Text { message_id, kind: TextKind::Text, delta, .. }
                if message_id != *turn.message_id() =>
            {
                print!("{delta}");
                std::io::stdout().flush()?;
            }
            _ => {}
        }
    }
    println!();
    nexus.close().await?;
    Ok(ExitCode::SUCCESS)
}
