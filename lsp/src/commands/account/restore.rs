//! Putting a backup back.

use std::path::PathBuf;

use opencode_nexus::Result;
use opencode_nexus::auth::AccountName;
use serde_json::json;

use crate::{account, output};

/// What is put where.
#[derive(clap::Args)]
pub(super) struct Restore {
    /// The name of the account that it becomes.
    name: String,
    /// The folder that `nexus history backup` has made.
    backup: PathBuf,
}

impl Restore {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let name = AccountName::new(&self.name)?;
        account::accounts()?.restore(&name, &self.backup).await?;
        if json {
            output::print_json(&json!({ "name": name }));
        } else {
            output::print_line(&format!("account {} is there again", name.as_str()));
            eprintln!(
                "it opens with the passphrase and the recovery key that it had then: nexus account login {}",
                name.as_str()
            );
        }
        Ok(())
    }
}
