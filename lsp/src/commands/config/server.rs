//! `nexus config server`: the server's own configuration, read and changed through the server. What a change does is shown
//! before it is applied.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::model::ServerConfiguration;
use opencode_nexus::{Client, Error, ErrorKind, Result};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::connect::ServerArguments;
use crate::output;

#[derive(clap::Args)]
pub(super) struct ServerConfig {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Subcommand)]
enum Verb {
    /// The configuration that holds; with a name only that part of it (dots lead inwards: agent.build.model).
    Get { key: Option<String> },
    /// Sets a value: JSON, or a text where it is none.
    Set {
        key: String,
        value: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Removes a value.
    Unset {
        key: String,
        #[command(flatten)]
        consent: Consent,
    },
}

/// Whether a change is only shown, or applied without a question.
#[derive(clap::Args, Clone, Copy)]
pub(super) struct Consent {
    /// Apply without asking.
    #[arg(long, short)]
    yes: bool,
    /// Show what would change, and change nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

impl Consent {
    pub(super) fn dry_run(self) -> bool {
        self.dry_run
    }
}

impl ServerConfig {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let connected = self.server.connect().await?;
        let client = &connected.client;
        let code = match &self.verb {
            Verb::Get { key } => get(&client.configuration().await?, key.as_deref(), json),
            Verb::Set { key, value, consent } => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
                apply(client, &patch(key, value), *consent, json).await
            }
            Verb::Unset { key, consent } => apply(client, &patch(key, Value::Null), *consent, json).await,
        };
        connected.close().await?;
        code
    }
}

/// Exit code 1 when there is no such value.
fn get(configuration: &ServerConfiguration, key: Option<&str>, json: bool) -> Result<ExitCode> {
    let mut value = Some(&configuration.effective);
    for name in key.into_iter().flat_map(|key| key.split('.')) {
        value = value.and_then(|v| v.get(name));
    }
    match (value, json) {
        (Some(value), true) => output::print_json(value),
        (Some(Value::String(text)), false) => output::print_line(text),
        (Some(value), false) => output::print_line(&pretty(value)),
        (None, true) => output::print_json(&Value::Null),
        (None, false) => {}
    }
    Ok(if value.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// `a.b = value` as a merge patch.
fn patch(key: &str, value: Value) -> Value {
    key.rsplit('.').fold(value, |inner, name| json!({ name: inner }))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Shows what a patch changes, asks, and applies it.
pub(super) async fn apply(client: &Client, patch: &Value, consent: Consent, json: bool) -> Result<ExitCode> {
    let before = client.configuration().await?;
    let after = before.after(patch);
    let changes = after != before.changeable;
    if !json {
        match changes {
            true => eprint!("{}", difference(&pretty(&before.changeable), &pretty(&after))),
            false => eprintln!("the server has it already"),
        }
    }
    let applied = changes && !consent.dry_run && (consent.yes || agreed(json).await?);
    if applied {
        client.patch_configuration(patch).await?;
        if !json {
            eprintln!("applied");
        }
    }
    if json {
        output::print_json(&json!({
            "ok": true, "changes": changes, "applied": applied, "before": before.changeable, "after": after,
        }));
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines that differ, with three lines around them.
fn difference(before: &str, after: &str) -> String {
    let (difference, colours) = (TextDiff::from_lines(before, after), output::colours());
    let groups = difference.grouped_ops(3);
    let changes = groups.iter().flatten().flat_map(|operation| difference.iter_changes(operation));
    changes
        .map(|change| {
            let line = format!("{} {}", change.tag(), change.value().trim_end_matches('\n'));
            output::coloured(&line, colours) + "\n"
        })
        .collect()
}

async fn agreed(json: bool) -> Result<bool> {
    if json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::new(ErrorKind::InvalidInput, "nobody can be asked whether to apply this")
            .with_hint("give --yes to apply it, or --dry-run to look only"));
    }
    output::is_yes("apply this to the server?").await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn dots_lead_inwards() {
        assert_eq!(super::patch("a.b.c", json!(1)), json!({"a": {"b": {"c": 1}}}));
        assert_eq!(super::patch("a", json!(null)), json!({"a": null}));
    }
}
