//! Keys: how one random master key is wrapped by slots, and what comes of it.
//!
//! `kdf` turns a passphrase into a key, `slot` wraps the master key (pure), `slot_file` is the file of all slots (pure),
//! `slot_disk` keeps it in two copies, `recovery` is the key on paper. `master` derives everything else, `envelope` seals
//! one piece of data, `random` asks the operating system, `memory` clears what others leave behind, `hex` writes bytes.

mod envelope;
pub(crate) mod hex;
pub(crate) mod kdf;
mod master;
pub(crate) mod memory;
pub(crate) mod random;
mod recovery;
pub(crate) mod slot;
pub(crate) mod slot_disk;
pub(crate) mod slot_file;

pub(crate) use envelope::{Envelope, RecordKey};
pub use kdf::KdfParameters;
pub(crate) use master::{Key, MasterKey};
pub use recovery::RecoveryKey;
pub use slot::{NewSlot, SlotInfo, SlotKind, Unlock};

#[cfg(test)]
mod tests;
