//! Who has made something: keys and signatures as minisign writes them (Ed25519 over BLAKE2b-512, text files).
//!
//! Everything here can be made and checked with the program `minisign` as well. Only signatures of the hashed kind are taken,
//! the one that minisign makes by default. A key is known by its fingerprint and not by minisign's key identifier: that one is
//! chosen by whoever makes the key.

use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opencode_nexus::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bytes of a public key with algorithm and identifier, of a signature with the same, and of a signature alone.
const KEY: usize = 42;
const SIGNATURE: usize = 74;
const BARE_SIGNATURE: usize = 64;
/// What a text with a key or a signature has at most.
const TEXT: usize = 4 << 10;

/// A public key. Two are equal when they are so in every byte.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; KEY]);

impl PublicKey {
    /// Reads a `.pub` file: a line of comment, and the key in a line of its own; or that line alone.
    ///
    /// # Errors
    /// `user.invalid_input` when it is none.
    pub fn from_text(text: &str) -> Result<Self> {
        let line = match text.strip_prefix("untrusted comment:") {
            Some(rest) => rest.lines().nth(1).unwrap_or_default(),
            None => text,
        };
        line.trim().parse()
    }

    /// As a `.pub` file.
    pub fn to_text(&self) -> String {
        format!("untrusted comment: public key of an author of OpenCode Nexus plugins\n{self}\n")
    }

    /// What people compare: 128 bits of the SHA-256 of the key, in eight groups.
    pub fn fingerprint(&self) -> String {
        let sum = Sha256::digest(self.0);
        let groups: Vec<String> =
            sum[..16].chunks(2).map(|pair| format!("{:02x}{:02x}", pair[0], pair[1])).collect();
        groups.join(" ")
    }

    /// Checks that this key has signed these bytes.
    ///
    /// # Errors
    /// `security.forbidden` when the signature is none, is another key's, or is of other bytes.
    pub fn verify(&self, bytes: &[u8], signature: &str) -> Result<()> {
        let refused = |why: &str| {
            Error::new(ErrorKind::Forbidden, format!("the signature is not good: {why}"))
                .with_hint("get it again from its author; if it stays so, do not use it")
        };
        let lines: Vec<&str> = signature.lines().collect();
        // minisign reads what is there; a comment's signature that is cut short would end the process there.
        let [_, first, _, second] = lines.as_slice() else {
            return Err(refused("it does not have four lines"));
        };
        let size = |line: &str| STANDARD.decode(line.trim()).map(|bytes| bytes.len()).unwrap_or_default();
        if signature.len() > TEXT || size(first) != SIGNATURE || size(second) != BARE_SIGNATURE {
            return Err(refused("it is cut or damaged"));
        }
        let signature = minisign::SignatureBox::from_string(signature)
            .map_err(|_| refused("it is not in minisign's format"))?;
        let key = minisign::PublicKey::from_bytes(&self.0).map_err(|_| refused("its key is none"))?;
        if signature.keynum() != key.keynum() {
            return Err(refused("another key has made it"));
        }
        minisign::verify(&key, &signature, Cursor::new(bytes), true, false, false)
            .map_err(|_| refused("something was changed after it was made"))
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let none = || {
            Error::new(ErrorKind::InvalidInput, "this is no public key of minisign's")
                .with_hint("it begins with RW and has 56 characters; `nexus plugin key` makes one")
        };
        let bytes: [u8; KEY] =
            STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(none)?;
        match bytes.starts_with(b"Ed") {
            true => Ok(Self(bytes)),
            false => Err(none()),
        }
    }
}

impl fmt::Display for PublicKey {
    /// The line of a `.pub` file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl TryFrom<String> for PublicKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

/// A secret key. It is shown nowhere.
pub struct SecretKey {
    key: minisign::SecretKey,
    public: PublicKey,
}

impl fmt::Debug for SecretKey {
    /// minisign's own would print the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public)
    }
}

impl SecretKey {
    /// A new one, and what stands in its file. With a passphrase the file is encrypted (scrypt, as minisign does it; takes
    /// about 100 ms and 32 MiB).
    ///
    /// # Errors
    /// `system.internal` when the machine has no random numbers.
    pub fn make(passphrase: Option<&SecretString>) -> Result<(Self, SecretString)> {
        let failed = |error: minisign::PError| {
            Error::new(ErrorKind::Internal, "no key can be made").with_source(error)
        };
        let pair = match passphrase {
            None => minisign::KeyPair::generate_unencrypted_keypair(),
            Some(phrase) => {
                minisign::KeyPair::generate_encrypted_keypair(Some(phrase.expose_secret().to_owned()))
            }
        };
        let pair = pair.map_err(failed)?;
        let comment = match passphrase {
            None => "secret key of an author of OpenCode Nexus plugins, not encrypted",
            Some(_) => "secret key of an author of OpenCode Nexus plugins, encrypted",
        };
        let text = SecretString::from(pair.sk.to_box(Some(comment)).map_err(failed)?.into_string());
        Ok((Self::from_text(&text, passphrase)?, text))
    }

    /// Whether the file of a key asks for a passphrase.
    pub fn is_encrypted(text: &str) -> bool {
        text.lines()
            .nth(1)
            .and_then(|line| STANDARD.decode(line.trim()).ok())
            .is_some_and(|bytes| bytes.get(2..4) == Some(b"Sc"))
    }

    /// Reads the file of a key: ours or minisign's.
    ///
    /// # Errors
    /// `user.invalid_input` when it is none; `security.wrong_passphrase`.
    pub fn from_text(text: &SecretString, passphrase: Option<&SecretString>) -> Result<Self> {
        let file = text.expose_secret();
        let none = || {
            Error::new(ErrorKind::InvalidInput, "this is no secret key of minisign's")
                .with_hint("`nexus plugin key` makes one")
        };
        if file.len() > TEXT {
            return Err(none());
        }
        let file = minisign::SecretKeyBox::from_string(file).map_err(|_| none())?;
        let key = match (Self::is_encrypted(text.expose_secret()), passphrase) {
            (false, _) => file.into_unencrypted_secret_key().map_err(|_| none())?,
            (true, Some(phrase)) => {
                file.into_secret_key(Some(phrase.expose_secret().to_owned())).map_err(|error| match error
                    .kind()
                {
                    minisign::ErrorKind::Verify => {
                        Error::new(ErrorKind::WrongPassphrase, "the passphrase of the secret key is wrong")
                    }
                    _ => none(),
                })?
            }
            (true, None) => {
                return Err(Error::new(ErrorKind::InvalidInput, "the secret key is encrypted")
                    .with_hint("give its passphrase"));
            }
        };
        let public = minisign::PublicKey::from_secret_key(&key).map_err(|_| none())?.to_bytes();
        let public = PublicKey(public.try_into().map_err(|_| none())?);
        Ok(Self { key, public })
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs bytes; `comment` is one line that is signed along with them.
    ///
    /// # Errors
    /// `system.internal` when the machine has no random numbers.
    pub fn sign(&self, bytes: &[u8], comment: &str) -> Result<String> {
        let comment = comment.trim().replace(['\r', '\n'], " ");
        minisign::sign(
            None,
            &self.key,
            Cursor::new(bytes),
            Some(&comment),
            Some("signature of an OpenCode Nexus plugin"),
        )
        .map(minisign::SignatureBox::into_string)
        .map_err(|error| Error::new(ErrorKind::Internal, "nothing can be signed").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_good_and_any_other_byte_is_not() {
        let (key, _) = SecretKey::make(None).unwrap();
        let signature = key.sign(b"the bytes", "of\na test").unwrap();
        key.public().verify(b"the bytes", &signature).unwrap();
        let error = key.public().verify(b"the bytes!", &signature).unwrap_err();
        assert_eq!(error.code(), "security.forbidden");
        let (other, _) = SecretKey::make(None).unwrap();
        let error = other.public().verify(b"the bytes", &signature).unwrap_err();
        assert!(error.message().contains("another key"), "{error}");
    }

    #[test]
    fn a_signature_that_is_cut_or_changed_anywhere_is_refused_and_nothing_panics() {
        let (key, _) = SecretKey::make(None).unwrap();
        let signature = key.sign(b"x", "comment").unwrap();
        for end in 0..signature.len() - 1 {
            assert!(key.public().verify(b"x", &signature[..end]).is_err(), "{end}");
        }
        // The first line is a comment that nobody has signed.
        let first = signature.find('\n').unwrap() + 1;
        for place in first..signature.len() - 1 {
            let mut bytes = signature.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(key.public().verify(b"x", &changed).is_err(), "{place}: {changed}");
        }
    }

    #[test]
    fn a_key_with_a_passphrase_opens_with_it_only() {
        let phrase = SecretString::from("four words for tests");
        let (key, file) = SecretKey::make(Some(&phrase)).unwrap();
        assert!(SecretKey::is_encrypted(file.expose_secret()));
        let again = SecretKey::from_text(&file, Some(&phrase)).unwrap();
        assert_eq!(again.public(), key.public());
        let wrong = SecretString::from("other words");
        assert_eq!(
            SecretKey::from_text(&file, Some(&wrong)).unwrap_err().code(),
            "security.wrong_passphrase"
        );
        assert_eq!(SecretKey::from_text(&file, None).unwrap_err().code(), "user.invalid_input");
        assert!(!format!("{key:?}").contains(file.expose_secret()));
    }

    #[test]
    fn a_public_key_is_read_as_a_file_and_as_a_line() {
        let (key, file) = SecretKey::make(None).unwrap();
        assert!(!SecretKey::is_encrypted(file.expose_secret()));
        let public = key.public();
        assert_eq!(&PublicKey::from_text(&public.to_text()).unwrap(), public);
        assert_eq!(&PublicKey::from_text(&public.to_string()).unwrap(), public);
        assert_eq!(public.fingerprint().len(), 39);
        for wrong in ["", "RW", "untrusted comment: x", &"A".repeat(56)] {
            assert_eq!(PublicKey::from_text(wrong).unwrap_err().code(), "user.invalid_input", "{wrong}");
        }
    }
}
