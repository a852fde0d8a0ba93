//! `permissions [PROMPT]`: shows the tools that an agent uses, and decides what it may do: commands that only look are allowed,
//! everything else is refused with a reason.
#![allow(clippy::print_stdout)] // this program talks to people

use std::process::ExitCode;

use opencode_nexus::chat::{ChatEvent, TextKind};
use opencode_nexus::model::{PartBody, Permission, PermissionReply};
use opencode_nexus::{Nexus, NexusOptions, Result};
use opencode_nexus_examples::ended;

/// Commands that change nothing.
const HARMLESS: &[&str] = &["ls", "cat ", "git status", "git log", "git diff"];

#[tokio::main]
async fn main() -> ExitCode {
    ended(run().await)
}

fn decide(permission: &Permission) -> PermissionReply {
    let harmless = |command: &String| HARMLESS.iter().any(|start| command.starts_with(start));
    match permission.patterns.iter().all(harmless) {
        true => PermissionReply::Once,
        false => PermissionReply::Reject { message: Some("only look, change nothing".to_owned()) },
    }
}

async fn run() -> Result<ExitCode> {
    let prompt = std::env::args().nth(1).unwrap_or_else(|| "List the files of this folder.".to_owned());
    let nexus = Nexus::open(NexusOptions::default()).await?;
    let conversation = nexus.client().create(None).await?;
    let mut turn = conversation.prompt(prompt).await?;
    while let Some(event) = turn.next().await {
        match event? {
            ChatEvent::Text { kind: TextKind::Text, delta, .. } => print!("{delta}"),
            ChatEvent::PermissionAsked(ask) => {
                let reply = decide(&ask);
                println!("\n[{} {}: {}]", ask.action, ask.patterns.join(", "), word(&reply));
                conversation.reply_permission(&ask.id, reply).await?;
            }
            ChatEvent::Part(part) => {
                if let PartBody::Tool(call) = &part.body {
                    println!("[{} {:?}]", call.tool, call.status);
                }
            }
            ChatEvent::TurnEnded { outcome, .. } => println!("\n{:?}", outcome.kind),
            _ => {}
        }
    }
    nexus.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn word(reply: &PermissionReply) -> &'static str {
    match reply {
        PermissionReply::Once => "allowed once",
        PermissionReply::Always => "always allowed",
        PermissionReply::Reject { .. } => "refused",
    }
}
