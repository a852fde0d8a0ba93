//! A session as text, and what it has changed as a diff.

use std::io::IsTerminal as _;

use opencode_nexus::chat::{Conversation, digest};
use opencode_nexus::model::{Message, MessageId, Part, PartBody, Role};
use opencode_nexus::{Client, Result};
use serde_json::json;

use crate::output;

/// What is shown.
#[derive(clap::Args)]
pub(super) struct Show {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
    /// Also what the model thought and what tools gave.
    #[arg(long)]
    full: bool,
}

impl Show {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let conversation = super::open(client, &self.session).await?;
        conversation.with_transcript(|transcript| {
            if json {
                let mut value = digest::transcript(transcript);
                value["session"] = json!(transcript.session());
                return output::print_json(&value);
            }
            let title = transcript.session().map_or("", |session| session.title.as_str());
            let heading =
                format!("── {} {title} ({})", conversation.session_id(), transcript.status().word());
            output::print_line(&output::clean(&heading));
            transcript.messages().iter().for_each(|message| show(message, self.full));
        });
        Ok(())
    }
}

fn show(message: &Message, full: bool) {
    output::print_line(&output::clean(&format!("\n{}  {}", message.role.word(), message.id)));
    let lines = message.parts.iter().filter_map(|part| line(part, full));
    lines.for_each(|text| {
        text.lines().for_each(|line| output::print_line(&output::clean(&format!("  {line}"))))
    });
    if let Some(error) = &message.error {
        output::print_line(&output::clean(&format!("  ! {}", error.message)));
    }
}

fn line(part: &Part, full: bool) -> Option<String> {
    match &part.body {
        PartBody::Text { text, synthetic: false, .. } => Some(text.clone()),
        PartBody::Reasoning { text } if full => Some(format!("(thinks) {text}")),
        PartBody::File { filename, mime, .. } => {
            Some(format!("[file] {} ({mime})", filename.as_deref().unwrap_or_default()))
        }
        PartBody::Tool(call) => {
            let title = call.title.clone().unwrap_or_else(|| call.input.to_string());
            let head = format!("[{} {}] {title}", call.tool, call.status.word());
            let result = call.output.as_deref().or(call.error.as_deref()).unwrap_or_default();
            Some(if full && !result.is_empty() { format!("{head}\n{result}") } else { head })
        }
        _ => None,
    }
}

/// Whose changes are shown.
#[derive(clap::Args)]
pub(super) struct Diff {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
    /// Only what this message has changed.
    #[arg(long, value_name = "ID")]
    message: Option<String>,
}

impl Diff {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let conversation = super::open(client, &self.session).await?;
        let message = self.message.as_deref().map(MessageId::from);
        let mut files = conversation.diff(message.as_ref()).await?;
        if files.is_empty() && message.is_none() {
            // 1.18.33 has the changes of each prompt and, without one, none (seen).
            for prompt in prompts(&conversation) {
                files.extend(conversation.diff(Some(&prompt)).await?);
            }
        }
        if json {
            output::print_json(&json!({ "files": files }));
            return Ok(());
        }
        if files.is_empty() {
            eprintln!("no files were changed");
        }
        let colours = std::io::stdout().is_terminal() && output::colours();
        for file in files {
            let head = format!("{} (+{} -{})", file.path, file.additions, file.deletions);
            output::print_line(&output::clean(&head));
            for line in file.patch.iter().flat_map(|patch| patch.lines()) {
                output::print_line(&output::coloured(&output::clean(line), colours));
            }
        }
        Ok(())
    }
}

fn prompts(conversation: &Conversation) -> Vec<MessageId> {
    conversation.with_transcript(|t| {
        t.messages().iter().filter(|m| m.role == Role::User).map(|m| m.id.clone()).collect()
    })
}
