//! `nexus replay`: folds a recorded event stream and shows the conversations in it. No server is needed.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use opencode_nexus::chat::{Recording, Transcript, digest};
use opencode_nexus::model::{PartBody, SessionId};
use opencode_nexus::stream::sse::DEFAULT_EVENT_LIMIT;
use opencode_nexus::{Error, ErrorKind, Result};

use crate::output;

/// Show the conversations in a recorded event stream.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  curl -N http://127.0.0.1:4096/event > stream.sse\n  nexus replay stream.sse\n  nexus replay stream.sse --json | jq .sessions\n  nexus replay - < stream.sse"
)]
pub(crate) struct Replay {
    /// The body of an event stream (GET /event); `-` reads standard input.
    file: PathBuf,
    /// One JSON object: {"sessions": {ID: {"messages": […], "status": …}}}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Replay {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let recording = Recording::fold(&self.read()?, DEFAULT_EVENT_LIMIT)?;
        if let Some(first) = recording.damaged.first() {
            tracing::warn!(frames = recording.damaged.len(), %first, "some frames could not be read");
        }
        if self.json {
            let sessions: serde_json::Map<_, _> = (recording.sessions.iter())
                .map(|(id, transcript)| (id.to_string(), digest::transcript(transcript)))
                .collect();
            output::print_json(&serde_json::json!({ "sessions": sessions }));
        } else {
            recording.sessions.iter().for_each(|(id, transcript)| show(id, transcript));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.file.as_os_str() == "-" {
            std::io::stdin().lock().read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        std::fs::read(&self.file).map_err(|e| {
            Error::new(ErrorKind::InvalidInput, format!("cannot read {}: {e}", self.file.display()))
                .with_hint("give the file of a recorded event stream")
        })
    }
}

fn show(id: &SessionId, transcript: &Transcript) {
    let title = transcript.session().map_or("", |s| s.title.as_str());
    output::print_line(&format!("── {id} {title} ({})", transcript.status().word()));
    for message in transcript.messages() {
        output::print_line(&format!("{}:", message.role.word()));
        for part in &message.parts {
            match &part.body {
                PartBody::Text { text, .. } => output::print_line(&format!("  {text}")),
                PartBody::Reasoning { text } => output::print_line(&format!("  (thinks) {text}")),
                PartBody::Tool(call) => {
                    let result = call.output.as_deref().or(call.error.as_deref()).unwrap_or_default();
                    output::print_line(&format!(
                        "  [{} {}] {} → {result}",
                        call.tool,
                        call.status.word(),
                        call.input
                    ));
                }
                _ => {}
            }
        }
        if let Some(error) = &message.error {
            output::print_line(&format!("  ! {}", error.message));
        }
    }
}
