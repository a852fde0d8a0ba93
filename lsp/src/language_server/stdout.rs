//! Standard output. Small messages are written at once where that cannot block: a way through another thread costs more than
//! the writing, and every answer would pay for it.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// What a pipe that can be written takes without blocking (POSIX, `PIPE_BUF` is 4,096 on Linux and 512 elsewhere).
#[cfg(unix)]
const AT_ONCE: usize = libc::PIPE_BUF;

/// Standard output; nothing else of this process may write to it.
pub(super) struct Stdout {
    /// For everything that may have to wait: a thread writes it.
    slow: tokio::io::Stdout,
    /// That thread may still be writing.
    is_behind: bool,
}

impl Stdout {
    pub(super) fn new() -> Self {
        Self { slow: tokio::io::stdout(), is_behind: false }
    }
}

impl AsyncWrite for Stdout {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.is_behind && Pin::new(&mut self.slow).poll_flush(cx)?.is_ready() {
            self.is_behind = false;
        }
        if !self.is_behind
            && let Some(done) = at_once(bytes)
        {
            return Poll::Ready(done);
        }
        self.is_behind = true;
        Pin::new(&mut self.slow).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let flushed = Pin::new(&mut self.slow).poll_flush(cx);
        self.is_behind &= flushed.is_pending();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.slow).poll_shutdown(cx)
    }
}

/// Writes what surely does not block; `None` when it might.
#[cfg(unix)]
fn at_once(bytes: &[u8]) -> Option<std::io::Result<usize>> {
    if bytes.is_empty() || bytes.len() > AT_ONCE {
        return None;
    }
    let mut output = libc::pollfd { fd: libc::STDOUT_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one descriptor is looked at, and its record outlives the call.
    let ready = unsafe { libc::poll(&raw mut output, 1, 0) };
    if ready != 1 || output.revents != libc::POLLOUT {
        return None;
    }
    // SAFETY: the bytes live as long as the call.
    let written = unsafe { libc::write(libc::STDOUT_FILENO, bytes.as_ptr().cast(), bytes.len()) };
    match usize::try_from(written) {
        Ok(written) => Some(Ok(written)),
        Err(_) => match std::io::Error::last_os_error() {
            error if error.kind() == std::io::ErrorKind::Interrupted => None,
            error if error.kind() == std::io::ErrorKind::WouldBlock => None,
            error => Some(Err(error)),
        },
    }
}

#[cfg(not(unix))]
fn at_once(_: &[u8]) -> Option<std::io::Result<usize>> {
    None
}
