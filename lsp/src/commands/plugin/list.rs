//! `nexus plugin list`: what is installed.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus_plugins::installed::InstalledPlugin;
use serde_json::json;

use crate::output;

/// What is installed, and what each may do.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus plugin list\n  nexus plugin list --json | jq '.plugins[].id'")]
pub(super) struct List {}

impl List {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        let listing = super::installed()?.list()?;
        if json {
            let plugins: Vec<_> = listing.plugins.iter().map(object).collect::<Result<_>>()?;
            let broken: Vec<_> = listing
                .broken
                .iter()
                .map(|(id, error)| json!({ "id": id, "error": error.to_string(), "code": error.code() }))
                .collect();
            output::print_json(&json!({ "ok": true, "plugins": plugins, "broken": broken }));
            return Ok(ExitCode::SUCCESS);
        }
        if listing.plugins.is_empty() && listing.broken.is_empty() {
            eprintln!("no plugin is installed; `nexus plugin add FILE` does that");
        }
        let width = listing.plugins.iter().map(|plugin| plugin.id.len()).max().unwrap_or_default();
        for plugin in &listing.plugins {
            output::print_line(&line(plugin, width)?);
        }
        for (id, error) in &listing.broken {
            eprintln!("{id}: {error}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `acme.jira  1.2.0  Tickets by their number  (may: http:acme.example.org; 1.3.0 waits)`
fn line(plugin: &InstalledPlugin, width: usize) -> Result<String> {
    let granted = super::granted(plugin)?;
    let mut words = match granted.is_empty() {
        true => vec!["may nothing".to_owned()],
        false => vec![format!("may: {}", granted.join(", "))],
    };
    if !plugin.enabled {
        words.insert(0, "disabled".to_owned());
    }
    if plugin.publisher.is_none() {
        words.push("not signed".to_owned());
    }
    words.extend(plugin.pending.iter().map(|version| format!("{version} waits for a grant")));
    let line = format!(
        "{:width$}  {:8}  {}  ({})",
        plugin.id,
        plugin.version,
        plugin.manifest.summary,
        words.join("; ")
    );
    Ok(output::clean(&line).into_owned())
}

/// A plugin as JSON, for `info` as well.
pub(super) fn object(plugin: &InstalledPlugin) -> Result<serde_json::Value> {
    let asked: Vec<_> = plugin.manifest.permissions.lines().iter().map(ask).collect();
    Ok(json!({
        "id": plugin.id,
        "version": plugin.version,
        "summary": plugin.manifest.summary,
        "worlds": plugin.manifest.worlds,
        "enabled": plugin.enabled,
        "publisher": plugin.publisher,
        "fingerprint": plugin.publisher.as_ref().map(|key| key.fingerprint()),
        "asks": asked,
        "granted": super::granted(plugin)?,
        "pending": plugin.pending,
        "previous": plugin.previous,
        "source": plugin.source,
        "installed_at": plugin.installed_at,
        "folder": plugin.folder,
        "sha256": plugin.sha256,
    }))
}

/// A request as JSON.
pub(super) fn ask(line: &opencode_nexus_plugins::permissions::PermissionLine) -> serde_json::Value {
    json!({ "right": line.word, "what": line.what, "reason": line.reason })
}
