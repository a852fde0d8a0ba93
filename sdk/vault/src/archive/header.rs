//! The first bytes of an archive: `magic(8) version(1) algorithm(1) Argon2id parameters(12) salt(16) verifier(16)`.
//!
//! Everything before the verifier goes into the derivation of the key. The verifier tells a wrong passphrase from a damaged
//! block.

use std::io::Read;

use secrecy::SecretString;

use crate::error::{Error, ErrorKind, Result};
use crate::keys::{KdfParameters, Key, kdf, random};

const MAGIC: &[u8; 8] = b"NEXUSARC";
const VERSION: u8 = 1;
/// Argon2id, HKDF-SHA256, AES-256-GCM in STREAM with blocks of 64 KiB.
const ALGORITHM: u8 = 1;
const SALT: usize = 16;
const VERIFIER: usize = 16;
/// Bytes that the key is made of.
const FIXED: usize = MAGIC.len() + 2 + 12 + SALT;
const LENGTH: usize = FIXED + VERIFIER;

/// A header that was read, and whose key is not known.
#[derive(Debug)]
pub(super) struct Header([u8; LENGTH]);

pub(super) fn recognizes(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

impl Header {
    /// The bytes of a new one, and its key.
    pub(super) fn make(passphrase: &SecretString, kdf: KdfParameters) -> Result<([u8; LENGTH], Key)> {
        Self::with_salt(passphrase, kdf, random::array()?)
    }

    pub(super) fn with_salt(
        passphrase: &SecretString,
        kdf: KdfParameters,
        salt: [u8; SALT],
    ) -> Result<([u8; LENGTH], Key)> {
        let mut header = [0; LENGTH];
        header[..8].copy_from_slice(MAGIC);
        header[8..10].copy_from_slice(&[VERSION, ALGORITHM]);
        header[10..22].copy_from_slice(&kdf.bytes());
        header[22..FIXED].copy_from_slice(&salt);
        let root = kdf::derive(passphrase, &salt, kdf)?;
        let (verifier, key) = keys(&root, &header[..FIXED]);
        header[FIXED..].copy_from_slice(&verifier);
        Ok((header, key))
    }

    /// Reads one. The parameters are not looked at yet.
    pub(super) fn read(from: &mut impl Read) -> Result<Self> {
        let mut bytes = Vec::with_capacity(LENGTH);
        from.take(LENGTH as u64).read_to_end(&mut bytes)?;
        if !recognizes(&bytes) {
            return Err(match MAGIC.starts_with(&bytes) {
                true => cut(),
                false => Error::new(ErrorKind::Foreign, "this is not a sealed archive")
                    .with_hint("look whether it is the right file"),
            });
        }
        // Of a newer one nothing else is known, not even its length.
        match (bytes.get(8), bytes.get(9)) {
            (Some(&VERSION), Some(&ALGORITHM)) => {}
            (None, _) | (Some(&VERSION), None) => return Err(cut()),
            _ => {
                return Err(Error::new(ErrorKind::Newer, "the archive was made by a newer version")
                    .with_hint("update and try again"));
            }
        }
        bytes.try_into().map(Self).map_err(|_| cut())
    }

    /// The key, if the passphrase is right.
    pub(super) fn key(&self, passphrase: &SecretString) -> Result<Key> {
        let mut parameters = [0; 12];
        parameters.copy_from_slice(&self.0[10..22]);
        let root = kdf::derive(passphrase, &self.0[22..FIXED], KdfParameters::from_bytes(&parameters))?;
        let (verifier, key) = keys(&root, &self.0[..FIXED]);
        match verifier == self.0[FIXED..] {
            true => Ok(key),
            false => Err(Error::new(ErrorKind::WrongKey, "the passphrase of the archive is wrong")
                .with_hint("try again; if it is surely right, the archive is damaged")),
        }
    }
}

fn keys(root: &Key, header: &[u8]) -> ([u8; VERIFIER], Key) {
    let key = root.derive(b"nexus-vault/1/archive-verifier", header);
    let mut verifier = [0; VERIFIER];
    verifier.copy_from_slice(&key.bytes()[..VERIFIER]);
    (verifier, root.derive(b"nexus-vault/1/archive", header))
}

fn cut() -> Error {
    Error::new(ErrorKind::Damaged, "the archive ends within its header").with_hint("use another copy of it")
}
