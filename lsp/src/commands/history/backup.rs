//! A copy of the account, encrypted as it is.

use std::path::PathBuf;

use opencode_nexus::Result;
use serde_json::json;

use crate::{account, output};

/// Where to.
#[derive(clap::Args)]
pub(super) struct Backup {
    /// A folder that does not exist yet, or is empty.
    folder: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let account = account::open().await?;
        let bar = output::Bar::new("copying", json);
        let copied = account.backup(&self.folder, bar.counter()).await;
        drop(bar);
        copied?;
        if json {
            output::print_json(&json!({ "account": account.name(), "folder": self.folder }));
            return Ok(());
        }
        output::print_line(&format!("{} is copied to {}", account.name().as_str(), self.folder.display()));
        eprintln!(
            "it opens with the same passphrase and recovery key; put it back by: nexus account restore NAME {}",
            self.folder.display()
        );
        Ok(())
    }
}
