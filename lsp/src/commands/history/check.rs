//! Opening everything and checking it.

use std::process::ExitCode;

use opencode_nexus::Result;
use serde_json::json;

use super::count;
use crate::output;

/// Nothing to choose.
#[derive(clap::Args)]
pub(super) struct Check {}

impl Check {
    /// Exit code 5 when something is wrong.
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let history = super::history().await?;
        let bar = output::Bar::new("checking", json);
        let checked = history.check(bar.counter()).await;
        drop(bar);
        let report = checked?;
        let ok = report.problems.is_empty();
        if json {
            output::print_json(&json!({ "ok": ok, "report": report }));
        } else {
            let (sessions, messages) = (count(report.groups, "session"), count(report.records, "message"));
            output::print_line(&format!(
                "{sessions}, {messages} opened; {}",
                match ok {
                    true => "all is well".to_owned(),
                    false => format!("{} wrong", count(report.problems.len() as u64, "thing")),
                }
            ));
            report.problems.iter().for_each(|line| eprintln!("{}", output::clean(&format!("wrong: {line}"))));
            if !ok {
                eprintln!(
                    "what is damaged cannot be mended: put a backup back (nexus account restore), or fetch it anew (nexus history sync --full)"
                );
            }
        }
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(5) })
    }
}
