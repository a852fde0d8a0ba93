//! One key slot: the master key wrapped by a key-encryption key. Pure functions over bytes.
//!
//! A slot's root is 32 secret bytes: Argon2id of a passphrase, a secret of the keyring, a recovery key, or passphrase and
//! keyring joined by HKDF. Two keys come of it: a verifier, which tells a wrong key from damage, and the key-encryption
//! key. What a slot says about itself is authenticated with the wrapped key.

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::hex::{self, Hex};
use super::master::{self, Key, MasterKey};
use super::{KdfParameters, RecordKey, envelope, kdf, random};
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::Backend;

/// What opens a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// A passphrase.
    Passphrase,
    /// A random secret in the keyring of the operating system.
    Keyring,
    /// A key on paper.
    Recovery,
    /// A passphrase and a secret in the keyring, both.
    Both,
}

impl SlotKind {
    /// Its name in files.
    fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Keyring => "keyring",
            Self::Recovery => "recovery",
            Self::Both => "both",
        }
    }
}

/// What is known of a slot without any key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SlotInfo {
    /// Its name: eight hexadecimal digits.
    pub id: String,
    /// What opens it.
    pub kind: SlotKind,
    /// What a passphrase costs, where one is needed.
    pub kdf: Option<KdfParameters>,
    /// Which keyring holds its secret, where one does.
    pub backend: Option<Backend>,
    /// When it was made, Unix milliseconds.
    pub created: u64,
}

/// A slot to be made. Where a keyring is needed it is the one of [`Options`](crate::Options).
#[derive(Clone, Debug)]
pub enum NewSlot {
    /// Opened by a passphrase.
    Passphrase(SecretString, KdfParameters),
    /// Opened by the keyring alone.
    Keyring,
    /// Opened by passphrase and keyring together.
    Both(SecretString, KdfParameters),
}

/// What a person has to open a vault with.
#[derive(Clone, Debug)]
pub enum Unlock {
    /// A passphrase; tries the slots of its kind.
    Passphrase(SecretString),
    /// The keyring of the operating system.
    Keyring,
    /// The recovery key, as printed; spaces, dashes and case do not matter.
    Recovery(SecretString),
    /// Passphrase and keyring.
    Both(SecretString),
}

/// Bytes of a wrapped master key.
const WRAPPED: usize = 32 + envelope::OVERHEAD;

/// What a slot says of itself. All of it is authenticated with the wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    /// Its name, random.
    pub id: Hex<4>,
    /// What opens it.
    pub kind: SlotKind,
    /// When it was made, Unix milliseconds.
    pub created: u64,
    /// What the passphrase costs, where there is one.
    pub kdf: Option<KdfParameters>,
    /// For the passphrase, where there is one.
    pub salt: Option<Hex<16>>,
    /// Who keeps the other secret, where there is one.
    pub backend: Option<Backend>,
}

impl About {
    /// A new slot of a kind.
    pub(crate) fn new(
        kind: SlotKind,
        created: u64,
        kdf: Option<KdfParameters>,
        backend: Option<Backend>,
    ) -> Result<Self> {
        let id = Hex(random::array()?);
        let salt = kdf.map(|_| random::array()).transpose()?.map(Hex);
        Ok(Self { id, kind, created, kdf, salt, backend })
    }

    /// Its name as text.
    pub(crate) fn name(&self) -> String {
        hex::encode(&self.id.0)
    }

    /// What a person may know of it.
    pub(crate) fn info(&self) -> SlotInfo {
        let Self { kind, kdf, backend, created, .. } = *self;
        SlotInfo { id: self.name(), kind, kdf, backend, created }
    }

    /// The key of a passphrase for this slot. Costs what the slot says.
    pub(crate) fn passphrase_key(&self, passphrase: &SecretString) -> Result<Key> {
        match (self.kdf, &self.salt) {
            (Some(parameters), Some(salt)) => kdf::derive(passphrase, &salt.0, parameters),
            _ => Err(Error::new(ErrorKind::Internal, "a slot without a passphrase was given one")),
        }
    }

    /// Whether the fields belong together.
    fn is_consistent(&self) -> bool {
        let passphrase = matches!(self.kind, SlotKind::Passphrase | SlotKind::Both);
        let keyring = matches!(self.kind, SlotKind::Keyring | SlotKind::Both);
        self.kdf.is_some() == passphrase
            && self.salt.is_some() == passphrase
            && self.backend.is_some() == keyring
    }

    fn fields(&self) -> [Vec<u8>; 6] {
        [
            self.id.0.to_vec(),
            self.kind.name().into(),
            self.created.to_be_bytes().to_vec(),
            self.kdf.map(|kdf| kdf.bytes().to_vec()).unwrap_or_default(),
            self.salt.map(|salt| salt.0.to_vec()).unwrap_or_default(),
            self.backend.map(|backend| backend.name().into()).unwrap_or_default(),
        ]
    }
}

/// A slot as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slot {
    /// What it says of itself.
    pub about: About,
    verifier: Hex<16>,
    wrapped: Hex<WRAPPED>,
}

impl Slot {
    /// Wraps a master key for the slot that `about` describes.
    pub(crate) fn wrap(vault: &[u8; 16], about: About, root: &Key, master: &MasterKey) -> Result<Self> {
        let sealed = wrapping_key(&about, root)
            .seal(&authenticated(vault, &about).each_ref().map(Vec::as_slice), &master.0[..])?;
        let wrapped = sealed
            .try_into()
            .map_err(|_| Error::new(ErrorKind::Internal, "a wrapped key has another length than expected"))?;
        Ok(Self { verifier: verifier(&about, root), about, wrapped: Hex(wrapped) })
    }

    /// The master key; `None` when `root` is not the key of this slot.
    pub(crate) fn unwrap(&self, vault: &[u8; 16], root: &Key) -> Result<Option<MasterKey>> {
        // Whoever has the file can try keys against the wrapped key as well, so the time that this takes tells nothing.
        if verifier(&self.about, root) != self.verifier {
            return Ok(None);
        }
        let changed = || {
            Error::new(ErrorKind::Damaged, "the key is right, but its slot was changed")
                .with_hint("open the vault in another way, or restore a backup")
        };
        let aad = authenticated(vault, &self.about);
        let opened =
            wrapping_key(&self.about, root).open(&aad.each_ref().map(Vec::as_slice), &self.wrapped.0);
        let opened = Zeroizing::new(opened.map_err(|error| changed().with_source(error))?);
        MasterKey::from_slice(&opened).map(Some).ok_or_else(changed)
    }

    /// Whether the fields belong together.
    pub(super) fn is_consistent(&self) -> bool {
        self.about.is_consistent()
    }

    /// Everything, for the sum over the file.
    pub(super) fn fields(&self) -> impl Iterator<Item = Vec<u8>> {
        self.about.fields().into_iter().chain([self.verifier.0.to_vec(), self.wrapped.0.to_vec()])
    }
}

/// Passphrase and keyring as one root: neither is worth anything without the other.
pub(crate) fn joined(keyring: &Key, passphrase: &Key) -> Key {
    master::extract(b"nexus-vault/1/both", &[keyring.bytes(), passphrase.bytes()])
}

fn verifier(about: &About, root: &Key) -> Hex<16> {
    let key = root.derive(b"nexus-vault/1/slot-verifier", &about.id.0);
    let mut verifier = Hex([0; 16]);
    verifier.0.copy_from_slice(&key.bytes()[..16]);
    verifier
}

fn wrapping_key(about: &About, root: &Key) -> RecordKey {
    RecordKey::new(0, &root.derive(b"nexus-vault/1/slot-kek", &about.id.0))
}

fn authenticated(vault: &[u8; 16], about: &About) -> [Vec<u8>; 8] {
    let [id, kind, created, kdf, salt, backend] = about.fields();
    [b"nexus-vault/1/slot".to_vec(), vault.to_vec(), id, kind, created, kdf, salt, backend]
}
