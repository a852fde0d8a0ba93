//! The master key and what is derived from it (HKDF-SHA256, RFC 5869).

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{memory, random};

/// 32 random bytes: the key of one vault. It never leaves memory unwrapped.
///
/// On the heap, because a move leaves a copy behind that nobody clears.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct MasterKey(pub(super) Box<[u8; 32]>);

/// A key of 32 bytes that is cleared when it is dropped. On the heap for the same reason.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key(Box<[u8; 32]>);

impl Key {
    /// A key of zeros, to be filled in place.
    pub(crate) fn zeroed() -> Self {
        Self(Box::new([0; 32]))
    }

    /// A new random one.
    pub(crate) fn generate() -> crate::Result<Self> {
        let mut key = Self::zeroed();
        random::fill(&mut *key.0)?;
        Ok(key)
    }

    /// A key of these bytes; `None` when there are not 32 of them.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self::zeroed();
        if bytes.len() != key.0.len() {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes, to be filled in.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }

    /// Another key for the purpose that `label` and `context` name.
    ///
    /// The key must be uniformly random, or come out of [`extract`]: the first step of HKDF is left out then (RFC 5869
    /// §3.3).
    pub(crate) fn derive(&self, label: &[u8], context: &[u8]) -> Key {
        let mut key = Key::zeroed();
        expand(&self.0, &[label, &[0], context], &mut *key.0);
        memory::clear_stack();
        key
    }
}

/// HKDF-Expand into `out`. The pieces of `info` are joined; a label never holds a zero byte, so that label, zero and
/// context have one reading.
fn expand(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) {
    // Neither can fail: the key is as long as a hash, and no caller asks for more than 255 hashes.
    if let Ok(hkdf) = Hkdf::<Sha256>::from_prk(key) {
        let done = hkdf.expand_multi_info(info, out);
        debug_assert!(done.is_ok());
    }
}

/// HKDF-Extract: a key of material that is secret, though not uniform.
pub(super) fn extract(salt: &[u8], material: &[&[u8]]) -> Key {
    let mut extract = hkdf::HkdfExtract::<Sha256>::new(Some(salt));
    for piece in material {
        extract.input_ikm(piece);
    }
    let (mut prk, _) = extract.finalize();
    let mut key = Key::zeroed();
    key.0.copy_from_slice(&prk);
    prk.as_mut_slice().zeroize();
    memory::clear_stack();
    key
}

impl MasterKey {
    /// A new one from the randomness of the operating system.
    pub(crate) fn generate() -> crate::Result<Self> {
        let mut key = Self(Box::new([0; 32]));
        random::fill(&mut *key.0)?;
        Ok(key)
    }

    /// A key of these bytes; `None` when there are not 32 of them.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Box::new([0; 32]));
        if bytes.len() != key.0.len() {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// The key of the database file; `salt` names the file so that a new file gets a new key.
    pub(crate) fn database_key(&self, salt: &[u8]) -> Key {
        self.derive(b"nexus-vault/1/database", salt)
    }

    /// The key that wraps the keys of groups.
    pub(crate) fn record_kek(&self) -> Key {
        self.derive(b"nexus-vault/1/record-kek", &[])
    }

    /// The key of the sums that show whether rows were put back.
    pub(crate) fn sum_key(&self) -> Key {
        self.derive(b"nexus-vault/1/sum", &[])
    }

    /// The key of the sum over the file of key slots.
    pub(crate) fn slots_key(&self) -> Key {
        self.derive(b"nexus-vault/1/slots", &[])
    }

    fn derive(&self, label: &[u8], context: &[u8]) -> Key {
        let mut key = Key::zeroed();
        expand(&self.0, &[label, &[0], context], &mut *key.0);
        memory::clear_stack();
        key
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
    }

    /// RFC 5869, appendix A, cases 1 to 3: material, salt, info, extracted key, output.
    const RFC_5869: [[&str; 5]; 3] = [
        [
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ],
        [
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\
             303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
            "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f\
             909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
            "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf\
             e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
             da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ],
        [
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            "",
            "",
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ],
    ];

    #[test]
    fn the_vectors_of_rfc_5869_come_out() {
        for [material, salt, info, extracted, output] in RFC_5869 {
            let key = extract(&bytes(salt), &[&bytes(material)]);
            assert_eq!(key.bytes()[..], bytes(extracted));
            let mut out = vec![0; output.len() / 2];
            expand(key.bytes(), &[&bytes(info)], &mut out);
            assert_eq!(out, bytes(output));
        }
    }

    #[test]
    fn keys_for_different_purposes_differ_and_are_the_same_each_time() {
        let master = MasterKey::generate().expect("random");
        let all = || {
            [
                master.database_key(b"a"),
                master.database_key(b"b"),
                master.record_kek(),
                master.sum_key(),
                master.slots_key(),
            ]
        };
        let (first, second) = (all(), all());
        for (i, key) in first.iter().enumerate() {
            assert_eq!(key.bytes(), second[i].bytes());
            assert!(key.bytes() != &*master.0);
            assert!(first[..i].iter().all(|other| other.bytes() != key.bytes()));
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let master = MasterKey(Box::new([0x41; 32]));
        assert_eq!(format!("{master:?} {:?}", master.sum_key()), "MasterKey Key");
    }
}
