//! `nexus logout`: a server's credentials are forgotten.

use std::process::ExitCode;

use opencode_nexus::Result;
use serde_json::json;

use super::login::address;
use crate::{account, output};

/// Forget a server's credentials. (`nexus account logout` is about your own account.)
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nexus logout https://opencode.example.org\n  nexus account logout")]
pub(crate) struct Logout {
    /// The address of the server.
    url: String,
    /// Results as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Logout {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let url = address(&self.url)?;
        let removed = account::open().await?.credentials().remove(url.as_str()).await?;
        if self.json {
            output::print_json(&json!({ "url": url.as_str(), "removed": removed }));
        } else {
            let said = if removed { "forgotten" } else { "there were none" };
            output::print_line(&format!("{}: {said}", url.origin().ascii_serialization()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
