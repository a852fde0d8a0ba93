//! `nexus plugin search`: what the index has.

use std::process::ExitCode;

use opencode_nexus::Result;
use serde_json::json;

use super::source;
use crate::output;

/// What to look for.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus plugin search\n  nexus plugin search ticket")]
pub(super) struct Search {
    /// A part of the id or of the summary; otherwise all.
    word: Option<String>,
}

impl Search {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let index = source::index().await?;
        let word = self.word.unwrap_or_default().to_lowercase();
        let fits = |text: &str| text.to_lowercase().contains(&word);
        let found: Vec<_> =
            index.plugins().iter().filter(|plugin| fits(&plugin.id) || fits(&plugin.summary)).collect();
        let newest = |id: &str| index.newest(id).ok().map(|(_, version)| version.version.clone());
        if json {
            let plugins: Vec<_> = found
                .iter()
                .map(|plugin| {
                    json!({
                        "id": plugin.id, "summary": plugin.summary, "version": newest(&plugin.id),
                        "publisher": plugin.publisher, "fingerprint": plugin.publisher.fingerprint(),
                    })
                })
                .collect();
            output::print_json(&json!({ "ok": true, "plugins": plugins }));
            return Ok(ExitCode::SUCCESS);
        }
        if found.is_empty() {
            eprintln!("the index has no such plugin");
        }
        let width = found.iter().map(|plugin| plugin.id.len()).max().unwrap_or_default();
        for plugin in found {
            let version = newest(&plugin.id).unwrap_or_else(|| "-".to_owned());
            let line = format!("{:width$}  {version:8}  {}", plugin.id, plugin.summary);
            output::print_line(&output::clean(&line));
        }
        Ok(ExitCode::SUCCESS)
    }
}
