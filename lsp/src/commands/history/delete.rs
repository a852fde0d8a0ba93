//! Removing sessions from the history for good.

use opencode_nexus::Result;
use opencode_nexus::history::Deleted;
use serde_json::json;

use super::count;
use crate::output;

/// What is deleted.
#[derive(clap::Args)]
pub(super) struct Delete {
    /// The sessions: ids, or beginnings of ids.
    #[arg(required = true)]
    sessions: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let history = super::history().await?;
        let mut wanted = Vec::new();
        for stored in super::find_all(&history, &self.sessions).await? {
            let session = stored.session;
            let question = format!("delete {} \"{}\" from the history for good?", session.id, session.title);
            if self.yes || super::agreed(&output::clean(&question), json).await? {
                wanted.push(session.id);
            } else {
                eprintln!("kept {}", session.id);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        tell(&history.delete(&wanted).await?, json);
        Ok(())
    }
}

pub(super) fn tell(deleted: &Deleted, json: bool) {
    if json {
        output::print_json(&json!({ "deleted": deleted }));
        return;
    }
    deleted.sessions.iter().for_each(|id| output::print_line(&output::clean(&format!("deleted {id}"))));
    eprintln!(
        "{} of {} gone",
        count(deleted.messages, "message"),
        count(deleted.sessions.len() as u64, "session")
    );
}
