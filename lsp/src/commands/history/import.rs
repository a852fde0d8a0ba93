//! Taking an export back.

use std::path::PathBuf;

use opencode_nexus::history::{ImportOptions, Imported};
use opencode_nexus::{ErrorKind, Result};
use serde_json::json;

use super::count;
use crate::{output, secret};

/// What is taken back.
#[derive(clap::Args)]
pub(super) struct Import {
    /// The file that `nexus history export` has written as JSON lines, plain or sealed.
    file: PathBuf,
    /// Only look whether it could be imported.
    #[arg(long)]
    dry_run: bool,
    /// Read the passphrase of a sealed file from this open file descriptor: one line. Otherwise it is asked for.
    #[arg(long, value_name = "N")]
    archive_passphrase_fd: Option<i32>,
}

impl Import {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        if let Some(number) = self.archive_passphrase_fd {
            secret::keep_to_ourselves(number);
        }
        let history = super::history().await?;
        let passphrase = match (self.archive_passphrase_fd, is_sealed(&self.file)) {
            (Some(number), _) => Some(secret::line(number).await?),
            (None, true) => {
                Some(secret::ask("Passphrase of the archive").await.map_err(|error| match error.kind() {
                    ErrorKind::InvalidInput => error.with_hint("give it by --archive-passphrase-fd"),
                    _ => error,
                })?)
            }
            (None, false) => None,
        };
        let bar = output::Bar::new("importing messages", json);
        let options = ImportOptions { passphrase, dry_run: self.dry_run };
        let imported = history.import(&self.file, options, bar.counter()).await;
        drop(bar);
        let imported = imported?;
        if json {
            output::print_json(&json!({ "dry_run": self.dry_run, "imported": imported }));
        } else {
            tell(&imported, self.dry_run);
        }
        Ok(())
    }
}

/// Whether the file is no text. What it is, and whether it is whole, the import finds out; this only decides whether a
/// passphrase is asked for.
fn is_sealed(path: &std::path::Path) -> bool {
    use std::io::Read as _;
    let mut start = [0];
    std::fs::File::open(path).and_then(|mut file| file.read(&mut start)).is_ok_and(|read| read == 1)
        && start[0] != b'{'
}

fn tell(imported: &Imported, dry_run: bool) {
    let would = if dry_run { "would be " } else { "" };
    output::print_line(&format!(
        "{} with {} {would}written, {} here already",
        count(imported.sessions, "session"),
        count(imported.messages, "message"),
        imported.unchanged
    ));
}
