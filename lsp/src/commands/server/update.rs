//! `nexus server update`: a newer OpenCode, or the old one again when the new one does not become healthy.

use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::server::{
    BinaryOrigin, FindOptions, RolledBack, UpdateOptions, UpdateOutcome, Versions, find,
};
use opencode_nexus::{ErrorKind, Result};
use serde_json::{Value, json};

use super::source::SourceArguments;
use crate::output;

/// Lines of the failed version that are shown; `list --json` has more.
const SHOWN_LINES: usize = 5;

/// Install the newest OpenCode, try it, and use it if it becomes healthy; otherwise go on with the one before.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 updated, or nothing newer; 3 the new version failed and the old one is used.\n\nExamples:\n  nexus server update\n  nexus server update 1.18.33 --offline\n  nexus server update 1.19.0 --trial-seconds 60 --json"
)]
pub(crate) struct Update {
    /// The version; otherwise the one that the registry calls the newest.
    version: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
    /// How long the new version may take until it is healthy.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=3600))]
    trial_seconds: u64,
    /// End with one line of JSON: {"ok": …, "outcome": "updated" | "current" | "rolled_back", …}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Update {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let options = UpdateOptions {
            version: self.version.clone(),
            install: self.source.options(self.json)?,
            trial_bound: Duration::from_secs(self.trial_seconds),
        };
        let outcome = Versions::open()?.update(options).await?;
        let code = match &outcome {
            UpdateOutcome::RolledBack(_) => ErrorKind::LocalServer.exit_code(),
            _ => 0,
        };
        if self.json {
            output::print_json(&object(&outcome));
        } else {
            say(&outcome);
        }
        Ok(ExitCode::from(code))
    }
}

fn object(outcome: &UpdateOutcome) -> Value {
    match outcome {
        UpdateOutcome::Updated { from, to, removed, .. } => {
            json!({ "ok": true, "outcome": "updated", "from": from, "to": to, "removed": removed })
        }
        UpdateOutcome::Current { version, .. } => {
            json!({ "ok": true, "outcome": "current", "version": version })
        }
        UpdateOutcome::RolledBack(RolledBack { from, tried, reason, output, .. }) => json!({
            "ok": false, "outcome": "rolled_back", "from": from, "tried": tried, "reason": reason, "output": output,
        }),
        other => json!({ "ok": true, "outcome": format!("{other:?}") }),
    }
}

fn say(outcome: &UpdateOutcome) {
    match outcome {
        UpdateOutcome::Updated { from, to, removed, .. } => {
            let from = from.as_ref().filter(|from| *from != to);
            let from = from.map(|from| format!(", instead of {from}")).unwrap_or_default();
            output::print_line(&format!("OpenCode {to} is healthy and used from now on{from}"));
            for old in removed {
                eprintln!("OpenCode {old} was removed");
            }
            warn_of_others(to);
        }
        UpdateOutcome::Current { version, .. } => {
            output::print_line(&format!("OpenCode {version} is used; there is nothing newer"));
        }
        UpdateOutcome::RolledBack(back) => say_rolled_back(back),
        other => output::print_line(&format!("{other:?}")),
    }
}

/// In plain words: what did not work, why, and what is used instead.
fn say_rolled_back(back: &RolledBack) {
    eprintln!("OpenCode {} did not become healthy: {}", back.tried, back.reason);
    for line in &back.output[back.output.len().saturating_sub(SHOWN_LINES)..] {
        eprintln!("  | {line}");
    }
    output::print_line(&match &back.from {
        Some(from) => {
            format!("rolled back: OpenCode {from} is used as before; {} is marked as failed", back.tried)
        }
        None => format!("OpenCode {} is marked as failed; there was no version before it", back.tried),
    });
}

/// Says it when something else comes before what was just updated.
fn warn_of_others(to: &str) {
    let options = FindOptions { allow_path: true, chosen: true, ..FindOptions::default() };
    if let Ok(Some(found)) = find(&options)
        && matches!(found.origin, BinaryOrigin::SearchPath | BinaryOrigin::Environment)
    {
        eprintln!("{} comes before it; `nexus server pin {to}` uses this one", found.path.display());
    }
}
