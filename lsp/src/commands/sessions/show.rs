//! A session as text, and what it has changed as a diff.

use std::io::IsTerminal as _;

use opencode_nexus::chat::{Conversation, digest};
use opencode_nexus::model::{MessageId, Role};
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
            output::print_heading(conversation.session_id().as_str(), title, transcript.status().word());
            transcript.messages().iter().for_each(|message| output::print_message(message, self.full));
        });
        Ok(())
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
