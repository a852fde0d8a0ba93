//! `nexus server stop`: ends background servers, with everything that they have started.

use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::server::{DEFAULT_INSTANCE, Instances};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use crate::output;

/// End a background server, and whatever an earlier crash has left.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus server stop\n  nexus server stop review\n  nexus server stop --all"
)]
pub(crate) struct Stop {
    /// Its name.
    #[arg(default_value = DEFAULT_INSTANCE, conflicts_with = "all")]
    name: String,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// One JSON object: {"stopped": [NAME…], "orphans": [PID…]}.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A start that is under way is waited for: ended in the middle, it would say that the server is broken.
const LOCK_BOUND: Duration = Duration::from_secs(90);

impl Stop {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let instances = Instances::open()?;
        let names = match self.all {
            true => instances.all()?.into_iter().map(|record| record.name).collect(),
            false => vec![self.name.clone()],
        };
        for name in &names {
            let lock = tokio::time::timeout(LOCK_BOUND, instances.lock(name)).await.map_err(|_| {
                Error::new(
                    ErrorKind::Timeout,
                    format!("another command starts or ends {name} and is not done"),
                )
                .with_hint("end that command, and try again")
            })??;
            instances.stop(name).await?;
            drop(lock);
            if !self.json {
                output::print_line(&format!("{name} has ended"));
            }
        }
        let swept = if self.all { instances.sweep().await?.processes } else { Vec::new() };
        if self.json {
            output::print_json(&json!({"stopped": names, "orphans": swept}));
        } else if !swept.is_empty() {
            output::print_line(&format!("{} processes of an earlier crash have ended", swept.len()));
        } else if names.is_empty() {
            output::print_line("no background server runs");
        }
        Ok(ExitCode::SUCCESS)
    }
}
