//! The way of a body to the client: splits it, delays it and breaks it off where the fault says.

use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::WriteHalf;

use super::Shared;
use super::count::FaultKind;
use super::http::Length;
use super::plan::{At, Cut, End, Fault, LineEnds, Split};
use super::shape::Splitter;

/// Whether the body goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Break(End),
}

pub(super) struct Out<'a, 'b> {
    to: &'a mut WriteHalf<'b>,
    shared: &'a Shared,
    fault: &'a Fault,
    chunked: bool,
    shaping: bool,
    splitter: Splitter,
    cut: Option<Cut>,
    sent: u64,
}

impl<'a, 'b> Out<'a, 'b> {
    pub(super) fn new(
        to: &'a mut WriteHalf<'b>,
        shared: &'a Shared,
        fault: &'a Fault,
        length: Length,
    ) -> Self {
        for (active, kind) in [
            (fault.split != Split::Keep, FaultKind::Split),
            (fault.line_ends != LineEnds::Keep, FaultKind::LineEnds),
            (fault.delay.is_some(), FaultKind::Delay),
        ] {
            if active {
                shared.counts.add(kind);
            }
        }
        Self {
            to,
            shared,
            fault,
            chunked: length == Length::Chunked,
            shaping: !fault.is_none(),
            splitter: Splitter::new(fault.split),
            cut: fault.cut,
            sent: 0,
        }
    }

    /// Whether bytes are changed or counted at all; else they pass as they came.
    pub(super) fn is_shaping(&self) -> bool {
        self.shaping
    }

    pub(super) fn count(&self, kind: FaultKind) {
        self.shared.counts.add(kind);
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes).await
    }

    /// Sends bytes of the body, up to the cut when it lies within them.
    pub(super) async fn payload(&mut self, bytes: &[u8]) -> io::Result<Flow> {
        if let Some(Cut { at: At::Byte(at), .. }) = self.cut
            && self.sent + bytes.len() as u64 >= at
        {
            let (before, after) = bytes.split_at(usize::try_from(at - self.sent).unwrap_or(bytes.len()));
            self.write(before).await?;
            return match self.breaks().await? {
                Flow::Go => self.write(after).await.map(|()| Flow::Go),
                end => Ok(end),
            };
        }
        self.write(bytes).await.map(|()| Flow::Go)
    }

    /// Tells that so many frames were sent.
    pub(super) async fn at_frame(&mut self, number: u64) -> io::Result<Flow> {
        let here = match self.cut.map(|cut| cut.at) {
            Some(At::Frame(at)) => at == number,
            Some(At::Byte(at)) => at == 0 && number == 0,
            None => false,
        };
        if here { self.breaks().await } else { Ok(Flow::Go) }
    }

    pub(super) async fn last_chunk(&mut self) -> io::Result<()> {
        if self.chunked { self.to.write_all(b"0\r\n\r\n").await } else { Ok(()) }
    }

    /// The cut is here; it is used up.
    async fn breaks(&mut self) -> io::Result<Flow> {
        let Some(Cut { end, .. }) = self.cut.take().filter(|_| !self.shared.passes()) else {
            return Ok(Flow::Go);
        };
        match end {
            End::Stall(time) => {
                self.count(FaultKind::Stall);
                if let Some(time) = time {
                    tokio::time::sleep(time).await;
                    return Ok(Flow::Go);
                }
            }
            End::CleanEof if self.chunked => {
                self.count(FaultKind::CleanEof);
                self.last_chunk().await?;
            }
            End::CleanEof | End::Fin => self.count(FaultKind::Fin),
            End::Reset => self.count(FaultKind::Reset),
        }
        Ok(Flow::Break(end))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in self.splitter.cut(bytes) {
            if let Some(delay) = self.fault.delay {
                tokio::time::sleep(delay).await;
            }
            if self.chunked {
                // One write: the pieces of a chunk are not what is to be split here.
                let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
                chunk.extend_from_slice(part);
                chunk.extend_from_slice(b"\r\n");
                self.to.write_all(&chunk).await?;
            } else {
                self.to.write_all(part).await?;
            }
        }
        self.sent += bytes.len() as u64;
        Ok(())
    }
}
