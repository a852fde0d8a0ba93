//! One sealed piece of data: `version(1) algorithm(1) key id(4) nonce(12) ciphertext tag(16)`, AES-256-GCM (NIST SP
//! 800-38D) with a random nonce. What the piece is (store, table, group, name, revision) is authenticated with it.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};

use super::master::Key;
use super::{memory, random};
use crate::error::{Error, ErrorKind, Result};

const VERSION: u8 = 1;
/// AES-256-GCM with a nonce of 12 and a tag of 16 bytes.
const ALGORITHM: u8 = 1;
const HEADER: usize = 6;
const NONCE: usize = 12;
const TAG: usize = 16;

/// How much longer a sealed piece is than the plain one.
pub(super) const OVERHEAD: usize = HEADER + NONCE + TAG;

/// A key that seals pieces, with the number under which envelopes name it.
///
/// The caller counts: a key must not seal more than 2^32 pieces, because nonces are random (NIST SP 800-38D §8.3).
pub(crate) struct RecordKey {
    id: u32,
    /// On the heap, because a move would leave a copy of the key schedule behind.
    cipher: Box<Aes256Gcm>,
}

impl RecordKey {
    /// A key under its number.
    pub(crate) fn new(id: u32, key: &Key) -> Self {
        let cipher = Box::new(Aes256Gcm::new(key.bytes().into()));
        memory::clear_stack();
        Self { id, cipher }
    }

    /// Seals `plain`; `aad` fields are length-prefixed and authenticated together with the header.
    pub(crate) fn seal(&self, aad: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>> {
        self.seal_with_nonce(aad, plain, random::array()?)
    }

    pub(super) fn seal_with_nonce(&self, aad: &[&[u8]], plain: &[u8], nonce: [u8; NONCE]) -> Result<Vec<u8>> {
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(&[VERSION, ALGORITHM]);
        sealed.extend_from_slice(&self.id.to_be_bytes());
        let aad = AuthenticatedData::of(aad, &sealed)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let body = &mut sealed[HEADER + NONCE..];
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.into(), aad.bytes(), body.into())
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "the piece is too large to be sealed"))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) gave. [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when anything differs,
    /// [`ErrorKind::Newer`](crate::ErrorKind::Newer) for an unknown version or algorithm.
    pub(crate) fn open(&self, aad: &[&[u8]], sealed: &[u8]) -> Result<Vec<u8>> {
        let envelope = Envelope::parse(sealed)?;
        if envelope.key_id != self.id {
            return Err(damaged());
        }
        let aad = AuthenticatedData::of(aad, envelope.header)?;
        // GCM authenticates before it decrypts: a buffer that fails holds ciphertext alone.
        let mut plain = envelope.ciphertext.to_vec();
        self.cipher
            .decrypt_inout_detached(
                &envelope.nonce.into(),
                aad.bytes(),
                plain.as_mut_slice().into(),
                &envelope.tag_array.into(),
            )
            .map_err(|_| damaged())?;
        Ok(plain)
    }
}

impl std::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordKey({})", self.id)
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::Damaged, "a sealed piece is not what was written")
}

/// What can be read of an envelope without a key.
pub(crate) struct Envelope<'a> {
    /// The number of the key.
    pub key_id: u32,
    /// The tag at the end.
    pub tag: &'a [u8],
    header: &'a [u8],
    nonce: [u8; NONCE],
    ciphertext: &'a [u8],
    tag_array: [u8; TAG],
}

impl<'a> Envelope<'a> {
    /// Looks at the header.
    pub(crate) fn parse(sealed: &'a [u8]) -> Result<Self> {
        let (header, rest) = sealed.split_first_chunk::<HEADER>().ok_or_else(damaged)?;
        let [version, algorithm, key_id @ ..] = *header;
        if version == 0 || algorithm == 0 {
            return Err(damaged());
        }
        if version != VERSION || algorithm != ALGORITHM {
            return Err(Error::new(ErrorKind::Newer, "a piece was sealed by a newer version")
                .with_hint("update and try again"));
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or_else(damaged)?;
        Ok(Self {
            key_id: u32::from_be_bytes(key_id),
            tag,
            header,
            nonce: *nonce,
            ciphertext,
            tag_array: *tag,
        })
    }
}

/// Fields, each behind its length, then the header. Short ones, which is nearly all, stay on the stack.
#[expect(clippy::large_enum_variant, reason = "the large one is what saves an allocation")]
enum AuthenticatedData {
    Short([u8; 256], usize),
    Long(Vec<u8>),
}

impl AuthenticatedData {
    fn of(fields: &[&[u8]], header: &[u8]) -> Result<Self> {
        let length = fields.iter().map(|field| 4 + field.len()).sum::<usize>() + header.len();
        let mut data = match length {
            0..=256 => Self::Short([0; 256], 0),
            _ => Self::Long(Vec::with_capacity(length)),
        };
        for field in fields {
            let length = u32::try_from(field.len())
                .map_err(|_| Error::new(ErrorKind::InvalidInput, "the name of a piece is too long"))?;
            data.push(&length.to_be_bytes());
            data.push(field);
        }
        data.push(header);
        Ok(data)
    }

    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Short(buffer, used) => {
                buffer[*used..*used + bytes.len()].copy_from_slice(bytes);
                *used += bytes.len();
            }
            Self::Long(buffer) => buffer.extend_from_slice(bytes),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(buffer, used) => &buffer[..*used],
            Self::Long(buffer) => buffer,
        }
    }
}
