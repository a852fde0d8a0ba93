//! The sessions of the history in lines.

use opencode_nexus::Result;
use opencode_nexus::history::{SessionQuery, StoredSession};
use serde_json::json;

use crate::output;

/// Which sessions are listed.
#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    which: Which,
    /// At most so many; 0 is all.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// Pass over so many first.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    offset: usize,
    /// Also sessions that agents have started.
    #[arg(long)]
    all: bool,
}

/// What sessions must have.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Which {
    /// Only sessions whose title holds this; capitals do not count.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Only sessions of this folder and those below.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<std::path::PathBuf>,
    /// Only sessions of this server: its address, or `local` for those that we start.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

impl Which {
    pub(super) fn query(&self) -> SessionQuery {
        SessionQuery {
            server: self.from.as_deref().map(server),
            directory: self.folder.as_deref().map(directory),
            title: self.title.clone(),
            ..SessionQuery::default()
        }
    }
}

/// A server as the history calls it: what stands behind the port of an address does not count.
pub(super) fn server(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(url) if url.host().is_some() => url.origin().ascii_serialization(),
        _ => text.to_owned(),
    }
}

/// A folder as servers call it. One that is not here may have been on another machine, and is taken as it is written.
pub(super) fn directory(folder: &std::path::Path) -> String {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).to_string_lossy().into_owned()
}

impl List {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let mut sessions = super::history().await?.sessions(&self.which.query()).await?;
        sessions.retain(|stored| self.all || stored.session.parent_id.is_none());
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        let more = sessions.len().saturating_sub(self.offset) > limit;
        let shown: Vec<StoredSession> = sessions.into_iter().skip(self.offset).take(limit).collect();
        if json {
            output::print_json(&json!({ "sessions": shown, "more": more }));
            return Ok(());
        }
        if shown.is_empty() {
            eprintln!("no sessions; `nexus history sync` fetches what the server has");
        }
        shown.iter().for_each(print);
        if more {
            eprintln!("there are more: --offset {}", self.offset + shown.len());
        }
        Ok(())
    }
}

fn print(stored: &StoredSession) {
    let session = &stored.session;
    let cost =
        session.usage.filter(|u| u.cost > 0.0).map(|u| format!("  ${:.4}", u.cost)).unwrap_or_default();
    let line = format!(
        "{}  {:>8}  {}{cost}  ({}, {})",
        session.id,
        output::age(session.updated),
        session.title,
        session.directory,
        stored.server
    );
    output::print_line(&output::clean(&line));
}
