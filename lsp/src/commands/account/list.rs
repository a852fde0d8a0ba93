//! All accounts in lines.

use opencode_nexus::Result;
use serde_json::json;

use crate::{account, output};

/// All accounts.
#[derive(clap::Args)]
pub(super) struct List {}

impl List {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let all = account::accounts()?.list().await?;
        if json {
            output::print_json(&json!({ "accounts": all }));
            return Ok(());
        }
        if all.is_empty() {
            eprintln!("no account; make one: nexus account create");
        }
        let width = all.iter().map(|info| info.name.as_str().chars().count()).max().unwrap_or_default();
        for info in &all {
            let mark = if info.current { '*' } else { ' ' };
            let state = if info.logged_in { "logged in" } else { "locked" };
            output::print_line(&format!(
                "{mark} {:width$}  {state:9}  {:>9}  made {}",
                info.name.as_str(),
                output::size(info.bytes),
                output::date(info.created),
            ));
        }
        Ok(())
    }
}
