//! Sums that show whether a set of rows is the one that was written.
//!
//! Every row has an element: HMAC-SHA256 over what the row is and the tag of its sealed bytes. The sum of a group is the
//! sum of the elements of its rows modulo 2^256 (the multiset hash MSet-Add-Hash of Clarke, Devadas, van Dijk, Gassend and
//! Suh, 2003). Unlike a chain it does not need to be made anew from the changed row on: a row that comes, goes or is
//! replaced costs one or two HMACs, however large the group is. The head of a group holds the number of its rows and
//! their sum, and is authenticated itself. The heads of all groups and all entries have a sum in the same way, in the head
//! of the store.
//!
//! What it catches: a row, or a page of rows, that was put back to what it was before, taken out, doubled, or brought from
//! elsewhere ([`read_group`](super::Store::read_group) sees that for its group, `check` for all); a whole group put back with
//! its head (`check`, and the next write that meets the store's head, if that was put back as well).
//! What it does not catch: the whole file put back. A reader of a single record or a search sees that the record was
//! written by this vault at that place, not that it is the last one that was: that would need the whole group.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::keys::Key;

/// A sum of elements, or one element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum([u64; 4]);

impl Sum {
    pub(super) fn add(&mut self, other: Self) {
        let mut carry = false;
        for (own, other) in self.0.iter_mut().zip(other.0) {
            let (partial, first) = own.overflowing_add(other);
            let (total, second) = partial.overflowing_add(u64::from(carry));
            (*own, carry) = (total, first || second);
        }
    }

    pub(super) fn remove(&mut self, other: Self) {
        let mut borrow = false;
        for (own, other) in self.0.iter_mut().zip(other.0) {
            let (partial, first) = own.overflowing_sub(other);
            let (total, second) = partial.overflowing_sub(u64::from(borrow));
            (*own, borrow) = (total, first || second);
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (part, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut words = [0; 4];
        for (word, part) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*part);
        }
        Self(words)
    }
}

/// Makes elements and authenticates heads. Cheap to clone, and cleared when dropped.
#[derive(Clone)]
pub(super) struct Summer(Hmac<Sha256>);

impl Summer {
    pub(super) fn new(key: &Key) -> Self {
        // A key shorter than a block is filled up with zeros (RFC 2104 §2); doing it here cannot fail.
        let mut block = zeroize::Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(key.bytes());
        Self(<Hmac<Sha256> as hmac::KeyInit>::new((&*block).into()))
    }

    /// The HMAC of fields, each behind its length.
    pub(super) fn mac(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }

    /// The element of a row.
    pub(super) fn element(&self, fields: &[&[u8]]) -> Sum {
        Sum::from_bytes(&self.mac(fields))
    }
}
