//! Writing what is kept into a file: for people, for another machine, or sealed.

use std::path::PathBuf;

use opencode_nexus::auth::SecretString;
use opencode_nexus::history::{ExportFormat, ExportOptions, Exported, History};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use super::count;
use super::list::Which;
use crate::{output, secret};

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line of JSON for each session and message; `nexus history import` takes it back.
    Jsonl,
    /// For people.
    Markdown,
}

/// What is written where.
#[derive(clap::Args)]
pub(super) struct Export {
    /// The sessions: ids, beginnings of ids, or `last`. Without any, all that the options below let through.
    sessions: Vec<String>,
    /// Into this new file; otherwise to standard output.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// In which form.
    #[arg(long, default_value = "jsonl")]
    format: Format,
    /// Hide what looks like a secret: keys of providers, tokens, private keys, passwords in addresses.
    #[arg(long)]
    redact: bool,
    /// Seal the file with a passphrase of its own, which is asked for.
    #[arg(long)]
    encrypt: bool,
    /// Read that passphrase from this open file descriptor: one line.
    #[arg(long, value_name = "N", requires = "encrypt")]
    archive_passphrase_fd: Option<i32>,
    #[command(flatten)]
    which: Which,
}

impl Export {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        if self.encrypt && self.to.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a sealed export is no text for standard output",
            )
            .with_hint("name a file: --to archive.nexus"));
        }
        if json && self.to.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "standard output cannot hold the export and a result",
            )
            .with_hint("name a file with --to, or leave --json out"));
        }
        if let Some(number) = self.archive_passphrase_fd {
            secret::keep_to_ourselves(number);
        }
        let history = super::history().await?;
        let options = self.options(&history).await?;
        let bar = output::Bar::new("exporting messages", json || self.to.is_none());
        let Some(path) = &self.to else {
            return written(history.export_to(std::io::stdout(), options, bar.counter()).await);
        };
        let exported = history.export(path, options, bar.counter()).await;
        drop(bar);
        let exported = exported.map_err(|error| match error.kind() {
            ErrorKind::Conflict => error.with_hint("name a new file with --to"),
            _ => error,
        })?;
        if json {
            output::print_json(&json!({ "file": path, "exported": exported }));
        } else {
            tell(path, &exported, self.redact);
        }
        Ok(())
    }

    async fn options(&self, history: &History) -> Result<ExportOptions> {
        let chosen = super::find_all(history, &self.sessions).await?;
        Ok(ExportOptions {
            format: match self.format {
                Format::Jsonl => ExportFormat::JsonLines,
                Format::Markdown => ExportFormat::Markdown,
            },
            sessions: chosen.into_iter().map(|stored| stored.session.id).collect(),
            query: self.which.query(),
            redact: self.redact,
            passphrase: self.passphrase().await?,
        })
    }

    async fn passphrase(&self) -> Result<Option<SecretString>> {
        match self.encrypt {
            true => secret::new(self.archive_passphrase_fd, "passphrase for the archive").await.map(Some),
            false => Ok(None),
        }
    }
}

/// A reader that has gone away is no failure.
fn written(exported: Result<Exported>) -> Result<()> {
    match exported {
        Err(error) if is_closed(&error) => Ok(()),
        other => other.map(drop),
    }
}

fn is_closed(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
        {
            return true;
        }
        source = cause.source();
    }
    false
}

fn tell(path: &std::path::Path, exported: &Exported, redacted: bool) {
    let (sessions, messages) = (count(exported.sessions, "session"), count(exported.messages, "message"));
    let hidden = match redacted {
        true => format!(", {} hidden", count(exported.redacted, "secret")),
        false => String::new(),
    };
    output::print_line(&output::clean(&format!(
        "{sessions}, {messages}{hidden} in {} ({})",
        path.display(),
        output::size(exported.bytes)
    )));
}
