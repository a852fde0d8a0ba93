//! What the editor writes to us: read by a thread of its own, checked message by message, and with a word when it has ended.

use std::io::Read as _;
use std::time::Duration;

use opencode_nexus::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::oneshot;

use super::frames::Frames;

/// So much is read ahead.
const AHEAD: usize = 256 * 1024;

/// So much is read at once.
const PIECE: usize = 64 * 1024;

/// How long requests that are under way may take when the editor is gone.
const LAST: Duration = Duration::from_secs(1);

/// Standard input: the messages that can be read, and a future that is done a moment after it has ended. Its thread is not
/// waited for at the end, as the runtime would wait for one of its own: the editor may keep the pipe open after it has said
/// `exit`.
///
/// # Errors
/// When there can be no more threads.
pub(super) fn stdin() -> Result<(impl AsyncRead + Send + Unpin, impl Future<Output = ()>)> {
    let (reader, mut writer) = tokio::io::duplex(AHEAD);
    let (sender, ended) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let (mut input, mut buffer) = (std::io::stdin().lock(), vec![0; PIECE]);
        let mut checking = Checking::default();
        loop {
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    if runtime.block_on(checking.hand_on(&buffer[..count], &mut writer)).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // Nobody may listen any more.
        let _ = sender.send(());
    })?;
    Ok((reader, a_moment_after(ended)))
}

/// The same for any other input.
pub(super) fn checked(
    mut input: impl AsyncRead + Send + Unpin + 'static,
) -> (impl AsyncRead + Send + Unpin, impl Future<Output = ()>) {
    let (reader, mut writer) = tokio::io::duplex(AHEAD);
    let (sender, ended) = oneshot::channel();
    tokio::spawn(async move {
        let (mut checking, mut buffer) = (Checking::default(), vec![0; PIECE]);
        while let Ok(count @ 1..) = input.read(&mut buffer).await {
            if checking.hand_on(&buffer[..count], &mut writer).await.is_err() {
                break;
            }
        }
        let _ = sender.send(());
    });
    (reader, a_moment_after(ended))
}

/// Bytes on their way to the library.
#[derive(Default)]
struct Checking {
    frames: Frames,
    out: Vec<u8>,
}

impl Checking {
    async fn hand_on(&mut self, bytes: &[u8], to: &mut DuplexStream) -> std::io::Result<()> {
        self.frames.push(bytes, &mut self.out);
        let handed = to.write_all(&self.out).await;
        self.out.clear();
        self.out.shrink_to(PIECE);
        handed
    }
}

async fn a_moment_after(ended: oneshot::Receiver<()>) {
    // A sender that is gone has ended as well.
    let _ = ended.await;
    tokio::time::sleep(LAST).await;
}
