//! Logging out: the keyring forgets the account.

use opencode_nexus::Result;
use serde_json::json;

use crate::{account, output};

/// Who logs out.
#[derive(clap::Args)]
pub(super) struct Logout {
    /// The account; otherwise the one that is used.
    name: Option<String>,
}

impl Logout {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let accounts = account::accounts()?;
        let wanted = account::named_or(self.name.as_deref())?;
        let name = account::info(&accounts, wanted.as_ref()).await?.name;
        let was = accounts.logout(Some(&name)).await?;
        if json {
            output::print_json(&json!({ "name": name, "was_logged_in": was }));
        } else {
            let said = if was { "logged out" } else { "was not logged in" };
            output::print_line(&format!("{} {said}", name.as_str()));
        }
        Ok(())
    }
}
