//! A system in which nothing is, for plugins whose toolchain asks for one: no environment, no arguments, no files, no network, no
//! input. Clocks go, and random numbers. What is written to the standard outputs becomes lines of the plugin's log.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::imports::Caller;

/// Random bytes in one call.
const RANDOM: u64 = 64 << 10;

/// A line that is longer is cut here, as the log cuts it.
const LINE: usize = 8 << 10;

pub(crate) fn empty(caller: &Arc<Caller>) -> WasiCtx {
    WasiCtxBuilder::new()
        .stdout(Output(caller.clone()))
        .stderr(Output(caller.clone()))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(RANDOM)
        .build()
}

/// A standard output.
#[derive(Clone)]
struct Output(Arc<Caller>);

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { caller: self.0.clone(), line: Vec::new() })
    }
}

/// Gathers bytes to lines.
struct Lines {
    caller: Arc<Caller>,
    line: Vec<u8>,
}

impl Lines {
    fn tell(&mut self) {
        self.caller.output(&String::from_utf8_lossy(&self.line));
        self.line.clear();
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        for byte in bytes {
            match byte {
                b'\n' => self.tell(),
                // What is too long is let go.
                byte if self.line.len() < LINE => self.line.push(*byte),
                _ => {}
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.tell();
    }
}
