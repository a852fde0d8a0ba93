//! `--later`: a prompt for a server that is away waits in the outbox.

use opencode_nexus::chat::Prompt;
use opencode_nexus::{Error, ErrorKind, Result};

use super::Run;
use super::ending::Ending;
use crate::account;
use crate::commands::history::keep_prompt;

/// Whether nobody was there to take the prompt. After anything else it may have been taken.
pub(super) fn is_away(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::LocalServer)
}

/// Keeps the prompt.
///
/// # Errors
/// Those of the account; `user.unsupported` for a prompt with files; those of writing.
pub(super) async fn keep(run: &Run, prompt: &Prompt, why: &Error) -> Result<Ending> {
    let history = account::open().await?.history();
    let item = keep_prompt(&history, &run.server, run.session.as_deref(), prompt).await?;
    Ok(Ending::Later(item.number, why.message().to_owned()))
}
