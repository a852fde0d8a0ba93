//! A question that a person answers with yes or no.

use std::io::Write as _;

use opencode_nexus::{Error, ErrorKind, Result};

/// Asks on standard error; only a clear yes is one. The caller has seen to it that there is a terminal.
///
/// # Errors
/// `system.io` when no answer can be read.
pub(crate) async fn is_yes(question: &str) -> Result<bool> {
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let (send, receive) = tokio::sync::oneshot::channel();
    // A thread of its own: Ctrl-C must not wait for a line.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = send.send(std::io::stdin().read_line(&mut line).map(|_| line));
    });
    let line = receive.await.map_err(|_| Error::new(ErrorKind::Io, "no answer can be read"))??;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
