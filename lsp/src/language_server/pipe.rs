//! What the editor writes to us: read by a thread of its own, checked message by message, and with a word when it has ended.

use std::io::Read as _;
use std::time::Duration;

use opencode_nexus::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::frames::Frames;

/// So much is read ahead.
const AHEAD: usize = 256 * 1024;

/// So much is read at once.
const PIECE: usize = 64 * 1024;

/// How long requests that are under way may take when the editor is gone.
const LAST: Duration = Duration::from_secs(1);

/// Standard input. Its thread is not waited for at the end, as the runtime would wait for one of its own: the editor may
/// keep the pipe open after it has said `exit`.
///
/// # Errors
/// When there can be no more threads.
pub(super) fn stdin() -> Result<impl AsyncRead + Send + Unpin> {
    let (reader, mut writer) = tokio::io::duplex(AHEAD);
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let (mut input, mut buffer) = (std::io::stdin().lock(), vec![0; PIECE]);
        loop {
            match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    if runtime.block_on(writer.write_all(&buffer[..count])).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    })?;
    Ok(reader)
}

/// The same input with messages that can be read, and a future that is done a moment after it has ended.
pub(super) fn checked(
    mut input: impl AsyncRead + Send + Unpin + 'static,
) -> (impl AsyncRead + Unpin, impl Future<Output = ()>) {
    let (reader, mut writer) = tokio::io::duplex(AHEAD);
    let (sender, ended) = oneshot::channel();
    tokio::spawn(async move {
        let (mut frames, mut buffer, mut out) = (Frames::default(), vec![0; PIECE], Vec::new());
        while let Ok(count @ 1..) = input.read(&mut buffer).await {
            frames.push(&buffer[..count], &mut out);
            if writer.write_all(&out).await.is_err() {
                break;
            }
            out.clear();
            out.shrink_to(PIECE);
        }
        // Nobody may listen any more.
        let _ = sender.send(());
    });
    let gone = async {
        let _ = ended.await;
        tokio::time::sleep(LAST).await;
    };
    (reader, gone)
}
