//! What the fuzz targets of this repository reach and nobody else: `cfg(fuzzing)` only.

use secrecy::SecretString;

use crate::error::Error;
use crate::keys::slot_file::SlotFile;
use crate::keys::{Key, RecordKey, RecoveryKey};

/// The error of a file of key slots; `None` when it can be read, and then it must be written as it was read.
pub fn slots(bytes: &[u8]) -> Option<Error> {
    match SlotFile::decode(bytes) {
        Ok(file) => {
            let again = file.encode().and_then(|text| SlotFile::decode(&text));
            assert!(again.is_ok_and(|again| again == file), "key slots change when they are written");
            None
        }
        Err(error) => Some(error),
    }
}

/// The error of a sealed piece: nobody can seal one without the key.
pub fn envelope(bytes: &[u8]) -> Option<Error> {
    RecordKey::new(7, &Key::zeroed()).open(&[b"what it is"], bytes).err()
}

/// The error of a recovery key as a person types it.
pub fn recovery(text: &str) -> Option<Error> {
    RecoveryKey::parse(&SecretString::from(text)).err()
}
