//! One account: what can be known of it while it is locked.

use opencode_nexus::Result;
use opencode_nexus::auth::{SlotInfo, SlotKind};
use serde_json::json;

use crate::{account, output};

/// Which account.
#[derive(clap::Args)]
pub(super) struct Show {
    /// The account; otherwise the one that is used.
    name: Option<String>,
}

impl Show {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let accounts = account::accounts()?;
        let wanted = account::named_or(self.name.as_deref())?;
        let info = account::info(&accounts, wanted.as_ref()).await?;
        if json {
            output::print_json(&json!({ "account": info }));
            return Ok(());
        }
        let used = if info.current { ", the one that is used" } else { "" };
        output::print_line(&format!("{}{used}", info.name.as_str()));
        output::print_line(&format!("  made       {}", output::date(info.created)));
        output::print_line(&format!("  size       {}", output::size(info.bytes)));
        output::print_line(&format!("  logged in  {}", if info.logged_in { "yes" } else { "no" }));
        for slot in &info.slots {
            output::print_line(&format!("  opened by  {}", words(slot)));
        }
        let lockout = info.lockout;
        match lockout.wait {
            Some(wait) => output::print_line(&format!(
                "  attempts   {} failed; the next is possible in {} s",
                lockout.failures,
                wait.as_secs().max(1)
            )),
            None => output::print_line(&format!("  attempts   {} failed", lockout.failures)),
        }
        Ok(())
    }
}

fn words(slot: &SlotInfo) -> String {
    let what = match slot.kind {
        SlotKind::Passphrase => "passphrase",
        SlotKind::Keyring => "keyring",
        SlotKind::Recovery => "recovery key",
        SlotKind::Both => "passphrase and keyring together",
    };
    let backend =
        slot.backend.map(|backend| format!(", {}", account::keyring_name(backend))).unwrap_or_default();
    let cost =
        slot.kdf.map(|kdf| format!(", {} MiB × {}", kdf.memory / 1_024, kdf.passes)).unwrap_or_default();
    format!("{what}{backend}{cost}, since {}", output::date(slot.created))
}
