//! `nexus server install`: puts a version of OpenCode beside those that are installed.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::server::{PINNED, Versions, install};
use serde_json::json;

use super::source::SourceArguments;
use crate::output;

/// Install a version of OpenCode: with npm, or from a file or an address.
#[derive(clap::Args)]
#[command(
    after_help = "npm's own configuration counts: registry, proxy, certificates, offline cache.\n\nExamples:\n  nexus server install\n  nexus server install 1.18.33 --offline\n  nexus server install --archive opencode-linux-x64.tar.gz --sha256 …\n  nexus server install --url https://example.org/opencode-linux-x64.tar.gz"
)]
pub(crate) struct Install {
    /// The version; otherwise the one that this nexus is tested with, or whatever is in the file.
    version: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
    /// End with one line of JSON: {"ok": true, "version": …, "path": …, "record": …}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Install {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let mut options = self.source.options(self.json)?;
        options.version = match self.version {
            Some(version) => version,
            None if self.source.is_npm() => PINNED.to_owned(),
            None => String::new(),
        };
        let path = install(options).await?;
        let listing = Versions::open()?.list()?;
        let installed = listing.versions.iter().find(|v| v.path.as_ref() == Some(&path));
        let version = installed.map(|v| v.version.as_str()).unwrap_or_default();
        if self.json {
            let record = installed.and_then(|v| v.record.as_ref());
            output::print_json(&json!({ "ok": true, "version": version, "path": path, "record": record }));
            return Ok(ExitCode::SUCCESS);
        }
        output::print_line(&format!("OpenCode {version} is installed: {}", path.display()));
        if installed.is_some_and(|v| !v.selected) {
            eprintln!("another version is used; `nexus server pin {version}` makes it this one");
        }
        Ok(ExitCode::SUCCESS)
    }
}
