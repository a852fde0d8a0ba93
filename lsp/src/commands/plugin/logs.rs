//! `nexus plugin logs`: what a plugin has said.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitCode;

use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::imports::log_file;
use serde_json::json;

use crate::output;

/// The end of a log is read, and no more of it.
const MOST: u64 = 4 << 20;

/// Which plugin, and how much.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus plugin logs acme.jira\n  nexus plugin logs acme.jira --lines 1000"
)]
pub(super) struct Logs {
    /// The plugin.
    id: String,
    /// The newest lines.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100)]
    lines: usize,
}

impl Logs {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        super::installed()?.get(&self.id)?;
        let file = log_file(&super::folder()?, &self.id);
        let mut before = file.clone().into_os_string();
        before.push(".1");
        let text = [end_of(Path::new(&before))?, end_of(&file)?].concat();
        let all: Vec<&str> = text.lines().collect();
        let shown = &all[all.len().saturating_sub(self.lines)..];
        if json {
            output::print_json(&json!({ "ok": true, "id": self.id, "file": file, "lines": shown }));
            return Ok(ExitCode::SUCCESS);
        }
        if shown.is_empty() {
            eprintln!("{} has logged nothing", self.id);
        }
        for line in shown {
            output::print_line(&output::clean(line));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The end of a file, from a line's beginning on; nothing when there is none.
fn end_of(path: &Path) -> Result<String> {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(MOST);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(match start {
            0 => text,
            _ => text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default(),
        })
    };
    match read() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| {
            Error::new(ErrorKind::Io, format!("{} cannot be read: {error}", path.display()))
                .with_source(error)
        }),
    }
}
