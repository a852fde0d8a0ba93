//! Rules for how long and how much is kept.

use opencode_nexus::Result;
use opencode_nexus::history::Retention;
use serde_json::json;

use super::status::words;
use super::{count, delete};
use crate::output;

/// The rules. Without any option those that hold are shown.
#[derive(clap::Args)]
pub(super) struct Retain {
    /// Sessions that have not changed for so many days go.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// At most so many sessions stay: those that changed last.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    sessions: Option<u64>,
    /// At most so many MiB stay.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    megabytes: Option<u64>,
    /// Keep everything from now on.
    #[arg(long, conflicts_with_all = ["days", "sessions", "megabytes", "apply"])]
    off: bool,
    /// Remove what the rules that hold do not keep.
    #[arg(long)]
    apply: bool,
    /// Only say what would go; nothing is changed.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Retain {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let history = super::history().await?;
        let before = history.retention().await?;
        let rules = self.rules(&before);
        let removes = self.apply || self.dry_run || (rules != before && !self.off);
        if !removes {
            if self.off && !self.dry_run {
                history.set_retention(&rules).await?;
            }
            show(&rules, json);
            return Ok(());
        }
        let going = history.apply_retention(&rules, true).await?;
        if self.dry_run {
            if json {
                output::print_json(&json!({ "retention": rules, "would_delete": going }));
            } else {
                show(&rules, false);
                going.sessions.iter().for_each(|id| {
                    output::print_line(&output::clean(&format!("would delete {id}")));
                });
                eprintln!("{} would go", count(going.sessions.len() as u64, "session"));
            }
            return Ok(());
        }
        if !going.sessions.is_empty() && !self.yes {
            let (sessions, messages) = (going.sessions.len() as u64, going.messages);
            let question = format!(
                "{}; delete {} with {} for good?",
                words(&rules),
                count(sessions, "session"),
                count(messages, "message")
            );
            if !super::agreed(&question, json).await? {
                eprintln!("nothing was changed");
                return Ok(());
            }
        }
        history.set_retention(&rules).await?;
        let deleted = history.apply_retention(&rules, false).await?;
        if json {
            output::print_json(&json!({ "retention": rules, "deleted": deleted }));
            return Ok(());
        }
        show(&rules, false);
        if !deleted.sessions.is_empty() {
            delete::tell(&deleted, false);
        }
        Ok(())
    }

    /// Those that hold, with what is said now laid over them.
    fn rules(&self, before: &Retention) -> Retention {
        if self.off {
            return Retention::default();
        }
        Retention {
            days: self.days.or(before.days),
            sessions: self.sessions.or(before.sessions),
            bytes: self.megabytes.map(|megabytes| megabytes << 20).or(before.bytes),
        }
    }
}

fn show(rules: &Retention, json: bool) {
    match json {
        true => output::print_json(&json!({ "retention": rules })),
        false => output::print_line(&words(rules)),
    }
}
