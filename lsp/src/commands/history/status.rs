//! How the history stands.

use opencode_nexus::Result;
use opencode_nexus::history::Retention;
use serde_json::json;

use super::count;
use crate::settings::settings;
use crate::{account, output};

/// Nothing to choose.
#[derive(clap::Args)]
pub(super) struct Status {}

impl Status {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let account = account::open().await?;
        let history = account.history();
        let (status, rules) = (history.status().await?, history.retention().await?);
        let warnings = account.warnings().await;
        let settings = settings()?;
        let enabled = &settings.history;
        if json {
            output::print_json(&json!({
                "account": account.name(), "enabled": enabled, "status": status, "retention": rules,
                "warnings": warnings,
            }));
            return Ok(());
        }
        let line = |name: &str, text: &str| output::print_line(&output::clean(&format!("{name:10}  {text}")));
        line("account", account.name().as_str());
        line(
            "kept",
            match enabled.as_str() {
                "off" => "nothing new (history.enabled is off)",
                "on" => "always (history.enabled is on)",
                _ => "when the account is open (history.enabled is auto)",
            },
        );
        let usage = status.usage;
        let (sessions, messages) = (count(usage.groups, "session"), count(usage.records, "message"));
        line("stored", &format!("{sessions}, {messages}, {}", output::size(usage.bytes)));
        for (server, synchronised) in &status.servers {
            let when = match synchronised {
                Some(when) => format!("synchronised {} ({})", output::date(*when), output::age(*when)),
                None => "never synchronised whole".to_owned(),
            };
            line("server", &format!("{server}  {when}"));
        }
        line("rules", &words(&rules));
        line(
            "outbox",
            &match status.outbox {
                0 => "empty".to_owned(),
                waiting => format!("{} (nexus history outbox list)", count(waiting as u64, "prompt")),
            },
        );
        Ok(())
    }
}

/// What the rules keep, in words.
pub(super) fn words(rules: &Retention) -> String {
    let mut words = Vec::new();
    words.extend(rules.days.map(|days| format!("what has changed within {}", count(u64::from(days), "day"))));
    words.extend(rules.sessions.map(|sessions| format!("at most {}", count(sessions, "session"))));
    words.extend(rules.bytes.map(|bytes| format!("at most {}", output::size(bytes))));
    if words.is_empty() { "everything is kept".to_owned() } else { format!("keeps {}", words.join(", ")) }
}
