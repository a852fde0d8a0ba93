//! Lists of sessions: those of the folder, and those below one.

use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::model::Session;
use opencode_nexus::{Client, Result};

use crate::output;

/// Which sessions are listed.
#[derive(clap::Args)]
pub(super) struct List {
    /// Only sessions whose title holds this.
    #[arg(long)]
    search: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Also sessions that agents have started.
    #[arg(long)]
    all: bool,
}

impl List {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        // The limit counts after sorting, and servers sort by other things than the latest change.
        let filter = SessionFilter { search: self.search, roots_only: !self.all, limit: None };
        let mut sessions = client.sessions(&filter).await?;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.updated));
        sessions.truncate(self.limit.unwrap_or(usize::MAX));
        print(&sessions, json);
        Ok(())
    }
}

/// Whose children are listed.
#[derive(clap::Args)]
pub(super) struct Children {
    /// The session: its id, the beginning of it, or `last`.
    session: String,
}

impl Children {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        print(&super::open(client, &self.session).await?.children().await?, json);
        Ok(())
    }
}

fn print(sessions: &[Session], json: bool) {
    if json {
        return output::print_json(&serde_json::json!({ "sessions": sessions }));
    }
    if sessions.is_empty() {
        eprintln!("no sessions");
    }
    for session in sessions {
        let cost =
            session.usage.filter(|u| u.cost > 0.0).map(|u| format!("  ${:.4}", u.cost)).unwrap_or_default();
        let shared = if session.share_url.is_some() { "  shared" } else { "" };
        let line =
            format!("{}  {:>8}  {}{cost}{shared}", session.id, output::age(session.updated), session.title);
        output::print_line(&output::clean(&line));
    }
}
