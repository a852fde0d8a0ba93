//! `nexus server list`: the versions of OpenCode that are installed here.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::server::{InstalledVersion, Versions};
use serde_json::{Value, json};

use crate::output;

/// Show the installed versions of OpenCode, and which one is used.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus server list\n  nexus server list --json | jq '.versions[].version'"
)]
pub(crate) struct List {
    /// One JSON object: {"ok": true, "folder": …, "versions": [{"version": …, "selected": …, …}]}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl List {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let listing = Versions::open()?.list()?;
        if self.json {
            let versions: Vec<Value> = listing.versions.iter().map(object).collect();
            output::print_json(&json!({ "ok": true, "folder": listing.cache, "versions": versions }));
            return Ok(ExitCode::SUCCESS);
        }
        if listing.versions.is_empty() {
            eprintln!("no version of OpenCode is installed; `nexus server install` does that");
        }
        let width = listing.versions.iter().map(|v| v.version.len()).max().unwrap_or_default();
        for version in &listing.versions {
            output::print_line(&line(version, width));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn object(version: &InstalledVersion) -> Value {
    json!({
        "version": version.version,
        "path": version.path,
        "usable": version.usable,
        "bytes": version.bytes,
        "record": version.record,
        "selected": version.selected,
        "previous": version.previous,
        "pinned": version.pinned,
        "running": version.running,
        "failure": version.failure,
    })
}

/// `* 1.18.33  185 MB  npm opencode-linux-x64  (pinned, running)`, with the reason below when it failed.
fn line(version: &InstalledVersion, width: usize) -> String {
    let mark = if version.selected { '*' } else { ' ' };
    let size = match &version.path {
        Some(_) => format!("{} MB", version.bytes / 1_000_000),
        None => "removed".to_owned(),
    };
    let origin = version.record.as_ref().map(|record| format!("  {}", record.origin)).unwrap_or_default();
    let words = [
        (version.pinned, "pinned"),
        (version.previous, "previous"),
        (version.running, "running"),
        (version.path.is_some() && !version.usable, "damaged"),
        (version.failure.is_some(), "failed"),
    ];
    let words: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let words = if words.is_empty() { String::new() } else { format!("  ({})", words.join(", ")) };
    let why = version.failure.as_ref().map(|f| format!("\n      {}", f.reason)).unwrap_or_default();
    format!("{mark} {:width$}  {size:>7}{origin}{words}{why}", version.version)
}
