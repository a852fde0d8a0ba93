//! `nexus config check`: everything that is wrong, each with its line and column and what to do.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::config::Config;
use serde_json::json;

use crate::output;
use crate::settings::config;

#[derive(clap::Args)]
pub(super) struct Check {}

impl Check {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        report(&config()?, json)
    }
}

/// Exit code 2 when something is wrong.
pub(super) fn report(config: &Config, json: bool) -> Result<ExitCode> {
    let problems = config.problems();
    if json {
        let listed: Vec<_> = problems
            .iter()
            .map(|p| {
                let (line, column) = (p.place.line, p.place.column);
                json!({"line": line, "column": column, "key": p.key, "message": p.message, "hint": p.hint})
            })
            .collect();
        let (file, exists) = (config.path(), config.exists());
        output::print_json(
            &json!({"ok": problems.is_empty(), "file": file, "exists": exists, "problems": listed}),
        );
    } else {
        for problem in &problems {
            output::print_line(&format!("{}; {}", config.describe(problem), problem.hint));
        }
        let file = config.path().display();
        match (problems.len(), config.exists()) {
            (0, true) => eprintln!("{file} is good"),
            (0, false) => eprintln!("{file} does not exist; the defaults hold"),
            (1, _) => eprintln!("1 problem"),
            (count, _) => eprintln!("{count} problems"),
        }
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
