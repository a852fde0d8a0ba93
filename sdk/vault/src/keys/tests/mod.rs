//! Keys against vectors of others, frozen files of our own, and whoever changes a byte.

mod disk;
mod envelope;
mod slots;

use secrecy::SecretString;

/// The passphrase of the frozen files: `é` in one letter, where it was made with two.
pub(super) fn passphrase() -> SecretString {
    SecretString::from("made-up pass\u{e9}")
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.trim().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

/// The slots of the first version, made by another implementation.
pub(super) const FROZEN: &[u8] = include_bytes!("../../../tests/frozen/keys-1.json");
