//! How bytes of a body are changed on the way; pure.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::plan::{LineEnds, Split};

/// Collects bytes until they are whole frames of an event stream, by the blank line.
#[derive(Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
}

impl Frames {
    /// The frames that these bytes complete, each with its blank line. The server ends lines with LF.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.buffer.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(end) = self.buffer.windows(2).position(|w| w == b"\n\n") {
            frames.push(self.buffer.drain(..end + 2).collect());
        }
        frames
    }

    /// What never became a frame.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }
}

pub(super) fn with_line_ends(frame: Vec<u8>, ends: LineEnds) -> Vec<u8> {
    let end: &[u8] = match ends {
        LineEnds::Keep => return frame,
        LineEnds::CrLf => b"\r\n",
        LineEnds::Cr => b"\r",
    };
    let mut out = Vec::with_capacity(frame.len() + 4);
    for byte in frame {
        if byte == b'\n' {
            out.extend_from_slice(end);
        } else {
            out.push(byte);
        }
    }
    out
}

/// Cuts bytes into writes.
pub(super) struct Splitter {
    split: Split,
    random: StdRng,
}

impl Splitter {
    pub(super) fn new(split: Split) -> Self {
        let seed = if let Split::Random { seed, .. } = split { seed } else { 0 };
        Self { split, random: StdRng::seed_from_u64(seed) }
    }

    pub(super) fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let size = match self.split {
                Split::Keep => bytes.len(),
                Split::Every(size) => size.max(1),
                Split::Random { max, .. } => self.random.random_range(1..=max.max(1)),
            };
            let (part, rest) = bytes.split_at(size.min(bytes.len()));
            parts.push(part);
            bytes = rest;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_come_in() {
        let stream = "data: é\n\n: c\n\ndata: x\ndata: y\n\ndata: half".as_bytes();
        for size in 1..stream.len() {
            let mut frames = Frames::default();
            let all: Vec<_> = stream.chunks(size).flat_map(|c| frames.push(c)).collect();
            assert_eq!(all, [&b"data: \xc3\xa9\n\n"[..], b": c\n\n", b"data: x\ndata: y\n\n"], "{size}");
            assert_eq!(frames.rest(), b"data: half");
        }
    }

    #[test]
    fn splitting_loses_nothing_and_repeats_itself() {
        let bytes: Vec<u8> = (0..=255).collect();
        for split in [Split::Keep, Split::Every(1), Split::Every(0), Split::Random { max: 9, seed: 4 }] {
            let parts = Splitter::new(split).cut(&bytes).concat();
            assert_eq!(parts, bytes);
            assert_eq!(Splitter::new(split).cut(&bytes), Splitter::new(split).cut(&bytes));
        }
        assert_eq!(Splitter::new(Split::Every(1)).cut(&bytes).len(), 256);
        assert_eq!(with_line_ends(b"a\n\n".to_vec(), LineEnds::CrLf), b"a\r\n\r\n");
        assert_eq!(with_line_ends(b"a\n\n".to_vec(), LineEnds::Cr), b"a\r\r");
    }
}
