//! Warnings of the log as `window/logMessage`, beside the file: where the editor shows what language servers have to say.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::mpsc;
use tower_lsp_server::gen_lsp_types::MessageType;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

use super::backend::Backend;

/// So many lines wait for an editor that is not there yet or reads slowly; further ones stand in the file only.
const WAITING: usize = 64;

type Lines = (mpsc::Sender<String>, Mutex<Option<mpsc::Receiver<String>>>);

fn lines() -> &'static Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES.get_or_init(|| {
        let (sender, receiver) = mpsc::channel(WAITING);
        (sender, Mutex::new(Some(receiver)))
    })
}

/// A writer for the log that passes warnings and errors on. What the library says of sending is left out: it would be sent.
pub(crate) fn for_the_editor() -> impl for<'a> MakeWriter<'a> + Send + Sync + 'static {
    let line = || Line(Vec::new());
    line.with_filter(|said| *said.level() <= Level::WARN && !said.target().starts_with("tower_lsp_server"))
}

/// One line, passed on when it is done.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = String::from_utf8_lossy(&self.0).trim().to_owned();
        if !line.is_empty() {
            // The file has it in any case.
            let _ = lines().0.try_send(line);
        }
    }
}

/// Passes the lines on, for as long as the editor is there.
pub(super) async fn pass_on(backend: Backend) {
    let receiver = lines().1.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut receiver) = receiver else { return };
    while let Some(line) = receiver.recv().await {
        backend.editor.client().log_message(MessageType::Warning, line).await;
    }
}
