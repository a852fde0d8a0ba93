//! Checksums of archives and binaries: SHA-256 and SHA-512, written in hexadecimal or in base64.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Sha256, Sha512};

use crate::{Error, ErrorKind, Result};

/// What an archive must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-512.
    Sha512([u8; 64]),
}

impl Checksum {
    /// A SHA-256 in hexadecimal, as `sha256sum` prints it, or in base64.
    ///
    /// # Errors
    /// `user.invalid_input` when it is neither.
    pub fn sha256(text: &str) -> Result<Self> {
        decode(text, "sha256").map(Self::Sha256)
    }

    /// A SHA-512 in hexadecimal, or in base64 as npm writes it, with or without `sha512-` before it.
    ///
    /// # Errors
    /// `user.invalid_input` when it is neither.
    pub fn sha512(text: &str) -> Result<Self> {
        decode(text, "sha512").map(Self::Sha512)
    }

    /// The one of a file, by the same algorithm. `said` gets the bytes that were read so far.
    pub(in crate::server) fn of_same_kind(&self, path: &Path, said: &mut dyn FnMut(u64)) -> Result<Self> {
        Ok(match self {
            Self::Sha256(_) => Self::Sha256(digest::<Sha256>(path, said)?.into()),
            Self::Sha512(_) => Self::Sha512(digest::<Sha512>(path, said)?.into()),
        })
    }
}

impl std::fmt::Display for Checksum {
    /// `sha256-…` or `sha512-…` in base64: Subresource Integrity, as npm writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sha256(bytes) => write!(f, "sha256-{}", BASE64.encode(bytes)),
            Self::Sha512(bytes) => write!(f, "sha512-{}", BASE64.encode(bytes)),
        }
    }
}

fn decode<const N: usize>(text: &str, name: &str) -> Result<[u8; N]> {
    let text = text.trim();
    let text = text.strip_prefix(name).and_then(|t| t.strip_prefix(['-', ':'])).unwrap_or(text);
    let bytes = if text.len() == N * 2 { from_hex(text) } else { BASE64.decode(text).ok() };
    bytes.and_then(|b| b.try_into().ok()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a {name}"))
            .with_hint(format!("give {} hexadecimal digits, as `{name}sum FILE` prints them", N * 2))
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    // A number parser would take a plus sign as well.
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// Lower-case hexadecimal digits.
pub(in crate::server) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest<D: sha2::Digest>(path: &Path, said: &mut dyn FnMut(u64)) -> Result<sha2::digest::Output<D>> {
    let mut file = File::open(path)?;
    let mut hash = D::new();
    let (mut block, mut done) = (vec![0; 1 << 18], 0);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hash.finalize()),
            n => {
                hash.update(&block[..n]);
                done += n as u64;
                said(done);
            }
        }
    }
}

/// The SHA-512 of a Subresource Integrity value, which may list several algorithms.
pub(in crate::server) fn of_integrity(integrity: &str) -> Option<Checksum> {
    let found = integrity.split_whitespace().find_map(|one| one.strip_prefix("sha512-"))?;
    Checksum::sha512(found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix C.1 and B.1: the message "abc".
    const ABC_512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                           2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    const ABC_256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn checksums_are_those_of_the_standard_in_every_spelling() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        for wanted in [Checksum::sha512(ABC_512).unwrap(), Checksum::sha256(ABC_256).unwrap()] {
            let mut seen = 0;
            assert_eq!(wanted.of_same_kind(&path, &mut |done| seen = done).unwrap(), wanted);
            assert_eq!(seen, 3);
        }
        let five = Checksum::sha512(ABC_512).unwrap();
        assert!(five.to_string().starts_with("sha512-3a81oZ"));
        assert_eq!(Checksum::sha512(&five.to_string()).unwrap(), five);
        assert_eq!(of_integrity(&format!("sha1-x {five}")).unwrap(), five);
        assert_eq!(of_integrity("sha1-x"), None);
        let Checksum::Sha256(bytes) = Checksum::sha256(&ABC_256.to_uppercase()).unwrap() else { panic!() };
        assert_eq!(hex(&bytes), ABC_256);
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        for bad in ["", "abc", &ABC_256[1..], &format!("{}é", &ABC_256[2..]), &"+f".repeat(32)] {
            assert!(Checksum::sha256(bad).is_err(), "{bad}");
            assert!(Checksum::sha512(bad).is_err(), "{bad}");
        }
        assert!(Checksum::sha256(ABC_512).is_err());
    }
}
