//! The recovery key: 32 random bytes as a person can write them down, with a checksum that catches slips.
//!
//! 256 bits of key and 24 bits of checksum are 56 digits of Crockford's base 32, in groups of four. Nobody has to tell O
//! from 0 or I and L from 1, and case, spaces and dashes do not matter.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::master::Key;
use crate::error::{Error, ErrorKind, Result};

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const KEY: usize = 32;
const CHECKSUM: usize = 3;
const BYTES: usize = KEY + CHECKSUM;
const LENGTH: usize = BYTES * 8 / 5;
const GROUP: usize = 4;

/// A key on paper. It opens the vault when the passphrase is forgotten and the keyring gone. Shown once.
pub struct RecoveryKey(pub(super) SecretString);

impl RecoveryKey {
    /// The text to print: groups of letters and digits.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A key as it is printed.
    pub(crate) fn of(key: &Key) -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        bytes[..KEY].copy_from_slice(key.bytes());
        bytes[KEY..].copy_from_slice(&checksum(key.bytes()));
        let mut text = String::with_capacity(LENGTH + LENGTH / GROUP);
        for (number, digit) in digits(&bytes).enumerate() {
            if number > 0 && number % GROUP == 0 {
                text.push('-');
            }
            text.push(DIGITS[usize::from(digit)] as char);
        }
        Self(text.into())
    }

    /// The key of what a person typed.
    pub(crate) fn parse(text: &SecretString) -> Result<Key> {
        let slip = |what: String| {
            Error::new(ErrorKind::InvalidInput, what).with_hint("compare it with the paper, group by group")
        };
        let mut bits = Zeroizing::new([0u8; BYTES]);
        let mut length = 0;
        for letter in text.expose_secret().chars().filter(|letter| !is_separator(*letter)) {
            let digit = value(letter)
                .ok_or_else(|| slip("the recovery key has a letter that is in no such key".to_owned()))?;
            if length < LENGTH {
                put(&mut bits, length, digit);
            }
            length += 1;
        }
        if length != LENGTH {
            return Err(slip(format!(
                "the recovery key has {length} letters and digits instead of {LENGTH}"
            )));
        }
        let key = Key::from_slice(&bits[..KEY])
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a recovery key of another length"))?;
        match bits[KEY..] == checksum(key.bytes()) {
            true => Ok(key),
            false => Err(slip("the recovery key has a slip in it".to_owned())),
        }
    }
}

fn checksum(key: &[u8; KEY]) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new_with_prefix(b"nexus-vault/1/recovery-checksum\0").chain_update(key).finalize();
    let first = [hash[0], hash[1], hash[2]];
    hash.as_mut_slice().zeroize();
    first
}

/// The bits in groups of five, from the front.
fn digits(bytes: &[u8; BYTES]) -> impl Iterator<Item = u8> {
    (0..LENGTH).map(|number| {
        let bit = number * 5;
        let pair = u16::from_be_bytes([bytes[bit / 8], *bytes.get(bit / 8 + 1).unwrap_or(&0)]);
        ((pair >> (11 - bit % 8)) & 31) as u8
    })
}

fn put(bytes: &mut [u8; BYTES], number: usize, digit: u8) {
    let bit = number * 5;
    let [high, low] = (u16::from(digit) << (11 - bit % 8)).to_be_bytes();
    bytes[bit / 8] |= high;
    if let Some(next) = bytes.get_mut(bit / 8 + 1) {
        *next |= low;
    }
}

fn value(letter: char) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => b'0',
        'I' | 'L' => b'1',
        letter => u8::try_from(letter).ok()?,
    };
    DIGITS.iter().position(|digit| *digit == letter).map(|position| position as u8)
}

fn is_separator(letter: char) -> bool {
    // The dashes that a word processor makes of ours, too.
    letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '_' | '.')
}

impl std::fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryKey")
    }
}
