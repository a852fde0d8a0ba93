//! The file of key slots: its text, and two sums over it. Pure functions over bytes.
//!
//! It is JSON whose first line is `{"checksum":"…",`: SHA-256 of everything behind that line. Every version of the format
//! keeps this line, so that damage can be told from a newer version, and both from a wrong key, before anything else is
//! read. The member `mac` is HMAC-SHA256 under a key derived from the master key, over all values: it shows, after
//! unlocking, whether somebody added, removed or exchanged slots.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::hex::{self, Hex};
use super::master::MasterKey;
use super::slot::Slot;
use crate::error::{Error, ErrorKind, Result};

/// The newest format that this crate knows.
const FORMAT: u32 = 1;
/// How large the file may be.
pub(crate) const LARGEST: u64 = 64 * 1024;

const START: &str = "{\"checksum\":\"";
const BEHIND_CHECKSUM: &str = "\",\n";

/// All slots of a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotFile {
    /// The vault's name.
    pub vault: [u8; 16],
    /// Counted up with every change: of two copies the one with the larger number is the newer.
    pub generation: u64,
    /// The name of the database file. A new master key comes with a new file, and this name is what changes both at once.
    pub database: String,
    /// The slots.
    pub slots: Vec<Slot>,
    mac: [u8; 32],
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Looked at before this is read.
    #[serde(rename = "checksum", default, skip_serializing)]
    _checksum: serde::de::IgnoredAny,
    format: u32,
    vault: Hex<16>,
    generation: u64,
    database: String,
    slots: Vec<Slot>,
    mac: Hex<32>,
}

#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

impl SlotFile {
    /// A file that was never signed; [`sign`](Self::sign) it before it is written.
    pub(crate) fn new(vault: [u8; 16], generation: u64, database: String, slots: Vec<Slot>) -> Self {
        Self { vault, generation, database, slots, mac: [0; 32] }
    }

    /// Puts the sum for the present values in.
    pub(crate) fn sign(&mut self, master: &MasterKey) {
        self.mac = self.sum(master).finalize().into_bytes().into();
    }

    /// Whether the values are those that were signed.
    ///
    /// # Errors
    /// `Damaged`: somebody without the master key has written the file.
    pub(crate) fn verify(&self, master: &MasterKey) -> Result<()> {
        self.sum(master).verify_slice(&self.mac).map_err(|_| {
            Error::new(
                ErrorKind::Damaged,
                "the key slots were changed by somebody without the key of this vault",
            )
            .with_hint("restore keys.json from a backup")
        })
    }

    fn sum(&self, master: &MasterKey) -> Hmac<Sha256> {
        // HMAC fills a key with zeros up to the block of its hash (RFC 2104 §2).
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(master.slots_key().bytes());
        let mut sum = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        let mut add = |field: &[u8]| {
            // A slot file has 64 KiB at most.
            sum.update(&(field.len() as u32).to_be_bytes());
            sum.update(field);
        };
        add(&FORMAT.to_be_bytes());
        add(&self.vault);
        add(&self.generation.to_be_bytes());
        add(self.database.as_bytes());
        for slot in &self.slots {
            slot.fields().for_each(|field| add(&field));
        }
        sum
    }

    /// The text.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let content = Content {
            _checksum: serde::de::IgnoredAny,
            format: FORMAT,
            vault: Hex(self.vault),
            generation: self.generation,
            database: self.database.clone(),
            slots: self.slots.clone(),
            mac: Hex(self.mac),
        };
        let text = serde_json::to_string_pretty(&content).map_err(|error| {
            Error::new(ErrorKind::Internal, "key slots cannot be written").with_source(error)
        })?;
        let rest = format!("{}\n", text.trim_start_matches(['{', '\n']));
        let whole = format!("{START}{}{BEHIND_CHECKSUM}{rest}", hex::encode(&Sha256::digest(&rest)));
        match whole.len() as u64 <= LARGEST {
            true => Ok(whole.into_bytes()),
            false => Err(Error::new(ErrorKind::InvalidInput, "the vault has too many key slots")
                .with_hint("remove one that is not needed")),
        }
    }

    /// Reads the text.
    ///
    /// # Errors
    /// `Foreign`, `Newer`, `Damaged`.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        check_sum(bytes)?;
        let damaged =
            |error| Error::new(ErrorKind::Damaged, "the key slots cannot be read").with_source(error);
        let format: Format = serde_json::from_slice(bytes).map_err(damaged)?;
        if format.format > FORMAT {
            return Err(Error::new(ErrorKind::Newer, "the key slots were written by a newer version")
                .with_hint("update and try again"));
        }
        let content: Content = serde_json::from_slice(bytes).map_err(damaged)?;
        let file = Self {
            vault: content.vault.0,
            generation: content.generation,
            database: content.database,
            slots: content.slots,
            mac: content.mac.0,
        };
        match content.format == FORMAT && file.is_consistent() {
            true => Ok(file),
            false => Err(Error::new(ErrorKind::Damaged, "the key slots contradict themselves")),
        }
    }

    fn is_consistent(&self) -> bool {
        let ids = self.slots.iter().map(|slot| slot.about.id.0).collect::<std::collections::BTreeSet<_>>();
        ids.len() == self.slots.len()
            && self.slots.iter().all(Slot::is_consistent)
            && is_database_name(&self.database)
    }
}

/// Whether the bytes are those whose checksum stands in front of them.
fn check_sum(bytes: &[u8]) -> Result<()> {
    let behind = START.len() + 64;
    let parts = (|| {
        let sum = bytes.strip_prefix(START.as_bytes())?.get(..64)?;
        let sum: [u8; 32] = hex::decode(std::str::from_utf8(sum).ok()?)?;
        Some((sum, bytes.get(behind..)?.strip_prefix(BEHIND_CHECKSUM.as_bytes())?))
    })();
    match parts {
        Some((sum, rest)) if sum == *Sha256::digest(rest) => Ok(()),
        _ => Err(unreadable(bytes)),
    }
}

/// Something of ours that was damaged, or something else altogether.
fn unreadable(bytes: &[u8]) -> Error {
    let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    // Any trace of ours counts, and so does nothing: files end empty, or full of zeros, when power is lost.
    let ours = bytes.iter().all(|byte| *byte == 0) || has("checksum") || has("\"mac\"") || has("\"slots\"");
    match ours {
        true => Error::new(ErrorKind::Damaged, "the key slots are damaged")
            .with_hint("restore keys.json from a backup"),
        false => Error::new(ErrorKind::Foreign, "keys.json does not hold key slots")
            .with_hint("look whether this is the right folder"),
    }
}

/// Whether this can be the name of a database: nothing in the file may lead out of the folder.
pub(crate) fn is_database_name(name: &str) -> bool {
    name.strip_prefix("history-")
        .and_then(|name| name.strip_suffix(".db"))
        .is_some_and(|middle| hex::decode::<4>(middle).is_some())
}

/// A new name for a database.
pub(crate) fn new_database_name() -> Result<String> {
    Ok(format!("history-{}.db", hex::encode(&super::random::array::<4>()?)))
}
