//! A kept session as text. No server is needed.

use opencode_nexus::Result;
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
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let history = super::history().await?;
        let found = super::find(&history, &self.session).await?;
        let conversation = history.conversation(&found.session.id).await?;
        if json {
            output::print_json(&json!(conversation));
            return Ok(());
        }
        let stored = &conversation.session;
        let state = format!("{}, as of {}", stored.server, output::date(stored.stored));
        output::print_heading(stored.session.id.as_str(), &stored.session.title, &state);
        conversation.messages.iter().for_each(|message| output::print_message(message, self.full));
        Ok(())
    }
}
