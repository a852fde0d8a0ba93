//! A session as a file: for people (Markdown), for programs (JSON), for streams (JSON lines).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use opencode_nexus::chat::Transcript;
use opencode_nexus::model::{Message, PartBody};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use serde_json::json;

use crate::commands::run::fenced;
use crate::output;

/// In which form.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people.
    Markdown,
    /// One object: {"session", "messages"}.
    Json,
    /// The session, then a message a line.
    Jsonl,
}

/// What is written where.
#[derive(clap::Args)]
pub(super) struct Export {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
    /// In which form.
    #[arg(long, default_value = "markdown")]
    format: Format,
    /// Into this file; otherwise to standard output.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let conversation = super::open(client, &self.session).await?;
        let (text, count) = conversation.with_transcript(|t| (written(t, self.format), t.messages().len()));
        let Some(path) = &self.to else {
            // A reader that has gone away is no failure.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            return Ok(());
        };
        let wrong = |error: std::io::Error| {
            Error::new(ErrorKind::InvalidInput, format!("cannot write {}: {error}", path.display()))
                .with_hint("give --to a file in a folder that exists")
        };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        std::fs::write(&partial, &text).map_err(wrong)?;
        std::fs::rename(&partial, path).map_err(wrong)?;
        if json {
            output::print_json(&json!({"file": path, "messages": count, "bytes": text.len()}));
        } else {
            eprintln!("{count} messages in {}", path.display());
        }
        Ok(())
    }
}

fn written(transcript: &Transcript, format: Format) -> String {
    let (session, messages) = (transcript.session(), transcript.messages());
    match format {
        Format::Json => format!("{}\n", json!({"session": session, "messages": messages})),
        Format::Jsonl => {
            let mut lines = format!("{}\n", json!({"session": session}));
            messages.iter().for_each(|message| {
                let _ = writeln!(lines, "{}", json!({"message": message}));
            });
            lines
        }
        Format::Markdown => {
            let mut text = format!("# {}\n", session.map_or("A session", |s| s.title.as_str()));
            messages.iter().for_each(|message| markdown(&mut text, message));
            text
        }
    }
}

fn markdown(text: &mut String, message: &Message) {
    let model = message.model.as_ref().map(|m| format!(" ({}/{})", m.provider, m.model)).unwrap_or_default();
    let _ = write!(text, "\n## {}{model}\n", message.role.word());
    for part in &message.parts {
        match &part.body {
            PartBody::Text { text: said, synthetic: false, .. } if !said.trim().is_empty() => {
                let _ = write!(text, "\n{}\n", said.trim_end());
            }
            PartBody::Reasoning { text: thought } if !thought.trim().is_empty() => {
                let quoted: Vec<String> = thought.trim().lines().map(|line| format!("> {line}")).collect();
                let _ = write!(text, "\n{}\n", quoted.join("\n"));
            }
            PartBody::Tool(call) => {
                let title = call.title.as_deref().unwrap_or_default().replace('\n', " ");
                let _ = write!(text, "\n**{}** {title} ({})\n\n", call.tool, call.status.word());
                let _ = writeln!(text, "{}", fenced("json", &call.input.to_string()));
                if let Some(result) = call.output.as_deref().or(call.error.as_deref()) {
                    let _ = write!(text, "\n{}\n", fenced("", result));
                }
            }
            PartBody::File { filename, mime, .. } => {
                let _ =
                    write!(text, "\n_File: {} ({mime})_\n", filename.as_deref().unwrap_or("without a name"));
            }
            _ => {}
        }
    }
    if let Some(error) = &message.error {
        let _ = write!(text, "\n**Error:** {}\n", error.message);
    }
}
