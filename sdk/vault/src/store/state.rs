//! The heads: what is known of a group, and of the whole store, in a few authenticated bytes each.

use super::connection::damaged;
use super::sum::{Sum, Summer};
use crate::error::Result;

/// What is known of a group beside its payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupState {
    /// Counts every change in the group; rows carry the number under which they were written.
    pub revision: u64,
    /// The number under which the payload was written.
    pub payload_revision: u64,
    /// The data key that seals now.
    pub key: u32,
    /// How many pieces it has sealed.
    pub used: u64,
    pub records: u64,
    pub chunks: u64,
    /// Of all records and chunks.
    pub sum: Sum,
}

impl GroupState {
    /// The bytes that are stored. `about` is what else the head stands for: vault, group, payload.
    pub(super) fn to_bytes(&self, summer: &Summer, about: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        for number in
            [self.revision, self.payload_revision, u64::from(self.key), self.used, self.records, self.chunks]
        {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.sum.to_bytes());
        seal(out, b"nexus-vault/1/group-head", summer, about)
    }

    pub(super) fn from_bytes(bytes: &[u8], summer: &Summer, about: &[&[u8]]) -> Result<Self> {
        let body = unseal(bytes, b"nexus-vault/1/group-head", summer, about)
            .ok_or_else(|| damaged("the head of a conversation is not what was written"))?;
        let mut read = Reader(body);
        Ok(Self {
            revision: read.number()?,
            payload_revision: read.number()?,
            key: u32::try_from(read.number()?).map_err(|_| damaged("a key has an impossible number"))?,
            used: read.number()?,
            records: read.number()?,
            chunks: read.number()?,
            sum: Sum::from_bytes(&read.array()?),
        })
    }
}

/// What is known of the whole store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// How often the store was opened for writing.
    pub generation: u64,
    /// Counts transactions.
    pub revision: u64,
    pub groups: u64,
    pub records: u64,
    pub chunks: u64,
    pub entries: u64,
    /// The key that seals entries now, and how many it has sealed.
    pub entry_key: u32,
    pub entry_used: u64,
    /// Records up to this number are in the index; all are when it is [`Head::INDEX_COMPLETE`].
    pub indexed: i64,
    /// Of the heads of all groups, and all entries.
    pub sum: Sum,
    /// How the index was made: version of the indexer, of the tokens.
    pub index: String,
}

impl Head {
    pub(super) const INDEX_COMPLETE: i64 = i64::MAX;

    pub(super) fn to_bytes(&self, summer: &Summer, vault: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        for number in [
            self.generation,
            self.revision,
            self.groups,
            self.records,
            self.chunks,
            self.entries,
            u64::from(self.entry_key),
            self.entry_used,
            self.indexed.cast_unsigned(),
        ] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.sum.to_bytes());
        out.extend_from_slice(self.index.as_bytes());
        seal(out, b"nexus-vault/1/store-head", summer, &[vault])
    }

    pub(super) fn from_bytes(bytes: &[u8], summer: &Summer, vault: &[u8]) -> Result<Self> {
        let body = unseal(bytes, b"nexus-vault/1/store-head", summer, &[vault])
            .ok_or_else(|| damaged("the head of the database is not what was written"))?;
        let mut read = Reader(body);
        Ok(Self {
            generation: read.number()?,
            revision: read.number()?,
            groups: read.number()?,
            records: read.number()?,
            chunks: read.number()?,
            entries: read.number()?,
            entry_key: u32::try_from(read.number()?)
                .map_err(|_| damaged("a key has an impossible number"))?,
            entry_used: read.number()?,
            indexed: read.number()?.cast_signed(),
            sum: Sum::from_bytes(&read.array()?),
            index: String::from_utf8(read.0.to_vec())
                .map_err(|_| damaged("the head of the database is no text"))?,
        })
    }

    /// Whether all records are in the index.
    pub(super) fn is_indexed(&self) -> bool {
        self.indexed == Self::INDEX_COMPLETE
    }
}

fn seal(mut body: Vec<u8>, label: &[u8], summer: &Summer, about: &[&[u8]]) -> Vec<u8> {
    let mac = mac(&body, label, summer, about);
    body.extend_from_slice(&mac);
    body
}

/// The body, when its authentication holds.
fn unseal<'b>(bytes: &'b [u8], label: &[u8], summer: &Summer, about: &[&[u8]]) -> Option<&'b [u8]> {
    let (body, stored) = bytes.split_last_chunk::<32>()?;
    // Nobody who can measure this has a way to try: the bytes come out of an encrypted file.
    (mac(body, label, summer, about) == *stored).then_some(body)
}

fn mac(body: &[u8], label: &[u8], summer: &Summer, about: &[&[u8]]) -> [u8; 32] {
    let mut fields = Vec::with_capacity(about.len() + 2);
    fields.push(label);
    fields.extend_from_slice(about);
    fields.push(body);
    summer.mac(&fields)
}

/// The authentication at the end of a head: what stands for the group in the sum of the store.
pub(super) fn mac_of(head: &[u8]) -> &[u8] {
    &head[head.len().saturating_sub(32)..]
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| damaged("a head is too short"))?;
        self.0 = rest;
        Ok(*array)
    }

    fn number(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }
}
