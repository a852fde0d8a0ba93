//! `nexus doctor`: what works on this machine, what is missing, and the command that fixes it.

mod configuration;
mod history;
mod machine;
mod opencode;

use std::process::ExitCode;

use opencode_nexus::{Error, Result};
use serde::Serialize;

use crate::connect::ServerArguments;
use crate::output;

/// Check what OpenCode and this program need, and say how to fix what is missing.
///
/// What servers have left whose owner was killed is ended, and told.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus doctor\n  nexus doctor --json | jq '.checks[] | select(.state != \"ok\")'\n  nexus doctor --url http://127.0.0.1:4096\n\nExit codes: 0 when nothing has failed (warnings may be left), 1 otherwise."
)]
pub(crate) struct Doctor {
    /// One JSON object: {"ok", "checks": [{"name", "state": "ok|warn|fail", "what", "fix"}]}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Something works less well than it could.
    Warn,
    /// Something cannot work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    /// What was seen.
    what: String,
    /// What to do about it.
    fix: Option<String>,
}

impl Check {
    fn ok(name: &'static str, what: impl Into<String>) -> Self {
        Self { name, state: State::Ok, what: what.into(), fix: None }
    }

    fn warn(name: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Warn, what: what.into(), fix: Some(fix.into()) }
    }

    fn fail(name: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Fail, what: what.into(), fix: Some(fix.into()) }
    }

    fn failed(name: &'static str, error: &Error) -> Self {
        Self::fail(name, error.message().to_owned(), error.hint().unwrap_or("run again with -v").to_owned())
    }
}

impl Doctor {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let mut checks = machine::checks().await;
        checks.push(configuration::check());
        checks.extend(history::checks().await);
        checks.extend(opencode::checks(&self.server).await);
        let ok = checks.iter().all(|check| check.state != State::Fail);
        if self.json {
            output::print_json(&serde_json::json!({"ok": ok, "checks": checks}));
        } else {
            checks.iter().for_each(print);
        }
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn print(check: &Check) {
    let mark = match check.state {
        State::Ok => "ok  ",
        State::Warn => "warn",
        State::Fail => "FAIL",
    };
    output::print_line(&output::clean(&format!("{mark}  {:13}  {}", check.name, check.what)));
    if let Some(fix) = &check.fix {
        output::print_line(&output::clean(&format!("      {:13}  → {fix}", "")));
    }
}
