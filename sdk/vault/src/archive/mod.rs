//! A sealed stream with a passphrase of its own: what an encrypted export is.
//!
//! A header (magic, version, algorithm, Argon2id parameters, salt, verifier), then blocks of 64 KiB under AES-256-GCM in
//! the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a cut, reordered or forged archive does not open.
//! The key comes of passphrase and header, so that a changed header is another key; it is used for one archive alone. The
//! last block is marked as such by its nonce, and only it may be shorter.

mod header;

use std::io::{self, Read, Write};

use aead_stream::{NewStream, StreamBE32, StreamPrimitive};
use aes_gcm::Aes256Gcm;
use secrecy::SecretString;
use zeroize::Zeroizing;

use header::Header;

use crate::error::{Error, ErrorKind, Result};
use crate::keys::{KdfParameters, Key, memory};

/// Plain bytes in a block.
const BLOCK: usize = 64 * 1024;
const TAG: usize = 16;

type Stream = StreamBE32<Aes256Gcm>;

/// The stream of a key, on the heap: a move would leave a copy of the key schedule behind.
fn stream(key: &Key) -> Box<Stream> {
    // Seven bytes of nonce are left beside the block's number. The key belongs to this archive alone, so they are zero.
    let stream = Box::new(Stream::new(key.bytes().into(), &[0; 7].into()));
    memory::clear_stack();
    stream
}

/// Seals what is written to it.
pub struct SealedWriter<W: Write> {
    to: W,
    stream: Box<Stream>,
    position: u32,
    /// Plain bytes that are in no block yet; room for the tag.
    block: Zeroizing<Vec<u8>>,
    /// A block was written in part: nothing can follow it.
    is_broken: bool,
}

impl<W: Write> SealedWriter<W> {
    /// Writes the header. Costs what `kdf` says.
    ///
    /// # Errors
    /// An empty passphrase, parameters out of bounds, what `to` says.
    pub fn new(mut to: W, passphrase: &SecretString, kdf: KdfParameters) -> Result<Self> {
        let (header, key) = Header::make(passphrase, kdf)?;
        to.write_all(&header)?;
        let block = Zeroizing::new(Vec::with_capacity(BLOCK + TAG));
        Ok(Self { to, stream: stream(&key), position: 0, block, is_broken: false })
    }

    /// Writes the last block. Without it the archive is cut.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> Result<W> {
        self.seal(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("a block of this archive could not be written before"));
        }
        let next = self.position.checked_add(1);
        if next.is_none() && !is_last {
            return Err(io::Error::from(Error::new(
                ErrorKind::InvalidInput,
                "the archive has become too large",
            )));
        }
        self.stream
            .encrypt_in_place(self.position, is_last, &[], &mut *self.block)
            .map_err(|_| io::Error::from(Error::new(ErrorKind::Internal, "a block cannot be sealed")))?;
        self.is_broken = true;
        self.to.write_all(&self.block)?;
        self.is_broken = false;
        self.position = next.unwrap_or(u32::MAX);
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full block is sealed when more follows: only then it is known not to be the last.
        if self.block.len() >= BLOCK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Flushes whole blocks; a part of one stays here.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Opens a sealed stream. Bytes come out only after their block was verified; the end only when the last block was there.
pub struct SealedReader<R: Read> {
    from: R,
    stream: Box<Stream>,
    position: u32,
    /// What was read of the next block, and one byte more, which tells whether another follows.
    sealed: Vec<u8>,
    /// A verified block, and how much of it has come out.
    plain: Zeroizing<Vec<u8>>,
    given: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    More,
    Ended,
    Damaged,
}

impl<R: Read> SealedReader<R> {
    /// Reads the header. Costs what it says, within the bounds of [`KdfParameters`].
    ///
    /// # Errors
    /// `Foreign`, `Newer`, `Parameters`, `WrongKey` (also for a damaged header), `Damaged` for a cut one, what `from` says.
    pub fn new(mut from: R, passphrase: &SecretString) -> Result<Self> {
        let key = Header::read(&mut from)?.key(passphrase)?;
        Ok(Self {
            from,
            stream: stream(&key),
            position: 0,
            sealed: Vec::with_capacity(BLOCK + TAG + 1),
            plain: Zeroizing::new(Vec::with_capacity(BLOCK + TAG)),
            given: 0,
            state: State::More,
        })
    }

    /// Whether these first bytes of a file are those of a sealed stream.
    pub fn recognizes(start: &[u8]) -> bool {
        header::recognizes(start)
    }

    /// Makes the next block plain.
    fn open(&mut self) -> io::Result<()> {
        let missing = BLOCK + TAG + 1 - self.sealed.len();
        // Interrupted by an error, it goes on where it was: what was read is kept.
        self.from.by_ref().take(missing as u64).read_to_end(&mut self.sealed)?;
        let is_last = self.sealed.len() <= BLOCK + TAG;
        let whole = self.sealed.len().min(BLOCK + TAG);
        self.plain.clear();
        self.plain.extend_from_slice(&self.sealed[..whole]);
        self.given = 0;
        let opened = self.stream.decrypt_in_place(self.position, is_last, &[], &mut *self.plain);
        // An empty block is written for an empty archive alone: everything has one way to be sealed.
        let is_one_way = !self.plain.is_empty() || self.position == 0;
        if opened.is_err() || !is_one_way || (!is_last && self.position == u32::MAX) {
            self.plain.clear();
            self.state = State::Damaged;
            return Err(damaged());
        }
        self.sealed.drain(..whole);
        self.position = self.position.saturating_add(1);
        if is_last {
            self.state = State::Ended;
        }
        Ok(())
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        while self.given == self.plain.len() {
            match self.state {
                State::More => self.open()?,
                State::Ended => return Ok(0),
                State::Damaged => return Err(damaged()),
            }
        }
        let given = into.len().min(self.plain.len() - self.given);
        into[..given].copy_from_slice(&self.plain[self.given..][..given]);
        self.given += given;
        Ok(given)
    }
}

fn damaged() -> io::Error {
    Error::new(ErrorKind::Damaged, "the archive is cut or was changed")
        .with_hint("use another copy of it")
        .into()
}

impl<W: Write> std::fmt::Debug for SealedWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedWriter")
    }
}

impl<R: Read> std::fmt::Debug for SealedReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedReader")
    }
}

#[cfg(test)]
mod tests;
