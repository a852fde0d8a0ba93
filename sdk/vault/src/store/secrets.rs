//! What is sealed with which key, and what is authenticated with it.
//!
//! Every group has random data keys of its own, wrapped by the key-encryption key of the store: a group whose wrapped keys
//! are gone cannot be read by anybody. Entries are sealed by numbered keys that are derived from the same key. Either is
//! replaced after [`Secrets::seals_per_key`] pieces, because nonces are random (NIST SP 800-38D §8.3 allows 2^32).
//!
//! The authenticated fields of every piece say what it is and where it belongs, so that a piece that was moved does not
//! open.

use super::StoreKeys;
use super::sum::{Sum, Summer};
use crate::error::Result;
use crate::keys::{Envelope, Key, RecordKey};

/// After so many pieces a key is replaced.
pub(super) const SEALS_PER_KEY: u64 = 1 << 28;

/// The keys of an open store, ready to be used.
pub(super) struct Secrets {
    pub vault: [u8; 16],
    pub summer: Summer,
    pub seals_per_key: u64,
    kek: RecordKey,
    entries: Key,
}

/// What a record is beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct RecordMark<'r> {
    pub group: i64,
    pub name: &'r str,
    pub revision: u64,
    pub time: i64,
    pub amount: f64,
}

/// What a chunk is beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct ChunkMark<'r> {
    pub group: i64,
    pub name: &'r str,
    pub number: i64,
    pub revision: u64,
}

/// What the payload of a group is beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct GroupMark<'r> {
    pub group: i64,
    pub name: &'r str,
    pub time: i64,
    pub revision: u64,
}

/// What an entry is beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct EntryMark<'r> {
    pub shelf: &'r str,
    pub name: &'r str,
    pub revision: u64,
}

impl Secrets {
    pub(super) fn new(keys: &StoreKeys, seals_per_key: u64) -> Self {
        Self {
            vault: keys.vault,
            summer: Summer::new(&keys.sum),
            seals_per_key,
            kek: RecordKey::new(0, &keys.kek.derive(b"nexus-vault/1/group-keys", &[])),
            entries: keys.kek.derive(b"nexus-vault/1/entries", &[]),
        }
    }

    /// A new data key for a group, and its wrapped form.
    pub(super) fn new_group_key(&self, group: i64, number: u32) -> Result<(RecordKey, Vec<u8>)> {
        let key = Key::generate()?;
        let wrapped = self
            .kek
            .seal(&self.group_key_fields(&group.to_be_bytes(), &number.to_be_bytes()), key.bytes())?;
        Ok((RecordKey::new(number, &key), wrapped))
    }

    /// A data key out of its wrapped form.
    pub(super) fn group_key(&self, group: i64, number: u32, wrapped: &[u8]) -> Result<RecordKey> {
        let fields = (group.to_be_bytes(), number.to_be_bytes());
        let bytes =
            zeroize::Zeroizing::new(self.kek.open(&self.group_key_fields(&fields.0, &fields.1), wrapped)?);
        let key = Key::from_slice(&bytes)
            .ok_or_else(|| super::connection::damaged("the key of a conversation has another length"))?;
        Ok(RecordKey::new(number, &key))
    }

    fn group_key_fields<'f>(&'f self, group: &'f [u8; 8], number: &'f [u8; 4]) -> [&'f [u8]; 4] {
        [b"nexus-vault/1/group-key", &self.vault, group, number]
    }

    /// A key for entries.
    pub(super) fn entry_key(&self, number: u32) -> RecordKey {
        RecordKey::new(number, &self.entries.derive(b"nexus-vault/1/entry-key", &number.to_be_bytes()))
    }

    pub(super) fn seal_record(&self, key: &RecordKey, mark: RecordMark<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        mark.with_fields(&self.vault, |fields| key.seal(fields, plain))
    }

    pub(super) fn open_record(
        &self,
        key: &RecordKey,
        mark: RecordMark<'_>,
        sealed: &[u8],
    ) -> Result<Vec<u8>> {
        mark.with_fields(&self.vault, |fields| key.open(fields, sealed))
    }

    /// The record in the sum of its group.
    pub(super) fn record_element(&self, mark: RecordMark<'_>, sealed: &[u8]) -> Result<Sum> {
        let tag = Envelope::parse(sealed)?.tag;
        Ok(mark.with_fields(tag, |fields| self.summer.element(fields)))
    }

    pub(super) fn seal_chunk(&self, key: &RecordKey, mark: ChunkMark<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        mark.with_fields(&self.vault, |fields| key.seal(fields, plain))
    }

    pub(super) fn open_chunk(&self, key: &RecordKey, mark: ChunkMark<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
        mark.with_fields(&self.vault, |fields| key.open(fields, sealed))
    }

    /// The chunk in the sum of its group. `tag`: the last 16 bytes of the sealed ones.
    pub(super) fn chunk_element(&self, mark: ChunkMark<'_>, tag: &[u8]) -> Sum {
        mark.with_fields(tag, |fields| self.summer.element(fields))
    }

    pub(super) fn seal_group(&self, key: &RecordKey, mark: GroupMark<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        mark.with_fields(&self.vault, |fields| key.seal(fields, plain))
    }

    pub(super) fn open_group(&self, key: &RecordKey, mark: GroupMark<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
        mark.with_fields(&self.vault, |fields| key.open(fields, sealed))
    }

    /// The group in the sum of the store. `head`: its state as it is stored.
    pub(super) fn group_element(&self, group: i64, head: &[u8]) -> Sum {
        self.summer.element(&[b"group", &group.to_be_bytes(), super::state::mac_of(head)])
    }

    pub(super) fn seal_entry(&self, key: &RecordKey, mark: EntryMark<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        mark.with_fields(&self.vault, |fields| key.seal(fields, plain))
    }

    pub(super) fn open_entry(&self, mark: EntryMark<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
        let key = self.entry_key(Envelope::parse(sealed)?.key_id);
        mark.with_fields(&self.vault, |fields| key.open(fields, sealed))
    }

    /// The entry in the sum of the store.
    pub(super) fn entry_element(&self, mark: EntryMark<'_>, tag: &[u8]) -> Sum {
        mark.with_fields(tag, |fields| self.summer.element(fields))
    }
}

impl RecordMark<'_> {
    fn with_fields<T>(self, first: &[u8], with: impl FnOnce(&[&[u8]]) -> T) -> T {
        with(&[
            b"nexus-vault/1/record",
            first,
            &self.group.to_be_bytes(),
            self.name.as_bytes(),
            &self.revision.to_be_bytes(),
            &self.time.to_be_bytes(),
            &self.amount.to_bits().to_be_bytes(),
        ])
    }
}

impl ChunkMark<'_> {
    fn with_fields<T>(self, first: &[u8], with: impl FnOnce(&[&[u8]]) -> T) -> T {
        with(&[
            b"nexus-vault/1/chunk",
            first,
            &self.group.to_be_bytes(),
            self.name.as_bytes(),
            &self.number.to_be_bytes(),
            &self.revision.to_be_bytes(),
        ])
    }
}

impl GroupMark<'_> {
    fn with_fields<T>(self, first: &[u8], with: impl FnOnce(&[&[u8]]) -> T) -> T {
        with(&[
            b"nexus-vault/1/group",
            first,
            &self.group.to_be_bytes(),
            self.name.as_bytes(),
            &self.time.to_be_bytes(),
            &self.revision.to_be_bytes(),
        ])
    }
}

impl EntryMark<'_> {
    fn with_fields<T>(self, first: &[u8], with: impl FnOnce(&[&[u8]]) -> T) -> T {
        with(&[
            b"nexus-vault/1/entry",
            first,
            self.shelf.as_bytes(),
            self.name.as_bytes(),
            &self.revision.to_be_bytes(),
        ])
    }
}
