//! Fetching what the server has and the history has not.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::history::SyncOptions;
use serde_json::json;

use super::count;
use crate::connect::ServerArguments;
use crate::{account, output};

/// What is fetched.
#[derive(clap::Args)]
pub(super) struct Sync {
    /// Read every session anew, also those that look unchanged and those that were deleted here.
    #[arg(long)]
    full: bool,
    /// Only the sessions of this folder.
    #[arg(long)]
    this_directory: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Sync {
    /// Exit code 1 when sessions could not be read.
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        // Who is not logged in shall not wait for a server first.
        let account = account::open().await?;
        let history = account.history();
        let connected = self.server.connect_as(account, None).await?;
        let bar = output::Bar::new("fetching sessions", json);
        let options = SyncOptions { full: self.full, this_directory: self.this_directory };
        let synchronised = history
            .sync(&connected.client, options, |progress| {
                bar.at(progress.done, progress.total);
                bar.about(&progress.title);
            })
            .await;
        drop(bar);
        connected.close().await?;
        let report = synchronised?;
        if json {
            output::print_json(&json!({ "ok": report.failed.is_empty(), "report": report }));
        } else {
            output::print_line(&format!(
                "{}, {} new or changed, {} written",
                count(report.sessions, "session"),
                report.changed,
                count(report.messages, "message")
            ));
            for line in &report.failed {
                eprintln!("{}", output::clean(&format!("not read: {line}")));
            }
            if !report.failed.is_empty() {
                eprintln!("the next `nexus history sync` tries them again");
            }
        }
        Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
