//! `nexus plugin info`: one plugin, installed or in a file.

use std::process::ExitCode;

use opencode_nexus::{ErrorKind, Result};
use opencode_nexus_plugins::installed::{InstalledPlugin, Rules};
use opencode_nexus_plugins::manifest::is_id;
use serde_json::json;

use super::{consent, list, source};
use crate::output;

/// Which plugin.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus plugin info acme.jira\n  nexus plugin info ./jira.plugin\n  nexus plugin info ./jira.plugin --digests > list && minisign -Vm list -x signature.minisig -p publisher.pub"
)]
pub(super) struct Info {
    /// An id, or a file that is looked at without being installed.
    plugin: String,
    /// Of a file: print the list of digests that its signature is of.
    #[arg(long)]
    digests: bool,
}

impl Info {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let installed = super::installed()?;
        if !self.digests && is_id(&self.plugin) {
            let plugin = match installed.get(&self.plugin) {
                Err(error)
                    if error.kind() == ErrorKind::NotFound && std::path::Path::new(&self.plugin).exists() =>
                {
                    None
                }
                plugin => Some(plugin?),
            };
            if let Some(plugin) = plugin {
                if json {
                    output::print_json(
                        &json!({ "ok": true, "installed": true, "plugin": list::object(&plugin)? }),
                    );
                } else {
                    show(&plugin)?;
                }
                return Ok(ExitCode::SUCCESS);
            }
        }
        let found = source::find(&self.plugin).await?;
        if self.digests {
            output::print_line(found.bundle.digests().trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        let manifest = found.bundle.manifest();
        let rules = Rules { allow_unsigned: true, downgrade: true };
        // What would stand in the way of installing it is worth knowing before.
        let verdict = installed.judge(&found.bundle, rules);
        if json {
            let asks: Vec<_> = manifest.permissions.lines().iter().map(list::ask).collect();
            output::print_json(&json!({
                "ok": true, "installed": false, "plugin": {
                    "id": manifest.id, "version": manifest.version, "summary": manifest.summary, "worlds": manifest.worlds,
                    "publisher": found.bundle.publisher(),
                    "fingerprint": found.bundle.publisher().map(|key| key.fingerprint()),
                    "asks": asks, "size": found.bundle.size(),
                },
                "refused": verdict.as_ref().err().map(|error| error.to_string()),
            }));
            return Ok(ExitCode::SUCCESS);
        }
        let first = installed.find(&manifest.id).ok().flatten().is_none();
        consent::show(&found.bundle, &found.source, first);
        if let Err(error) = verdict {
            eprintln!("it would be refused: {error}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(plugin: &InstalledPlugin) -> Result<()> {
    let manifest = &plugin.manifest;
    let state = if plugin.enabled { "" } else { " (disabled)" };
    let line = |name: &str, text: &str| output::print_line(&format!("  {name:9} {}", output::clean(text)));
    output::print_line(&format!("{} {}{state}", plugin.id, plugin.version));
    line("summary", &manifest.summary);
    let worlds: Vec<&str> = manifest.worlds.iter().map(|world| consent::world_name(*world)).collect();
    line("is", &worlds.join(", "));
    let signed = match &plugin.publisher {
        Some(key) => format!("{} ({key})", key.fingerprint()),
        None => "by nobody".to_owned(),
    };
    line("signed", &signed);
    line("from", &format!("{}, {}", plugin.source, output::date(plugin.installed_at * 1_000)));
    let granted = super::granted(plugin)?;
    for asked in manifest.permissions.lines() {
        let may = if granted.contains(&asked.word) { "may" } else { "may not" };
        line(may, &format!("{asked}  [{}]", asked.word));
    }
    if let Some(warning) = manifest.permissions.warning() {
        line("beware", &warning);
    }
    if let Some(memory) = manifest.limits.memory_mib {
        line("memory", &format!("{memory} MiB"));
    }
    if let Some(schema) = &manifest.settings.schema {
        line("settings", &format!("[plugins.\"{}\".settings], by this schema: {schema}", plugin.id));
    }
    for (name, text) in &manifest.about {
        line(&output::clean(name), text);
    }
    if let Some(version) = &plugin.pending {
        line("waits", &format!("{version}, until you grant it: nexus plugin grant {}", plugin.id));
    }
    if let Some(version) = &plugin.previous {
        line("before", &format!("{version}; back to it: nexus plugin rollback {}", plugin.id));
    }
    Ok(())
}
