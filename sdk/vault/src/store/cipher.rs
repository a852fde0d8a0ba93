//! What rusqlite has no safe call for: giving SQLCipher a raw key without leaving copies of it behind, and asking for the
//! number of the system's error.
//!
//! `PRAGMA key` would do the first, but its text would stay in memory that is freed and never cleared.
#![allow(unsafe_code)]

use rusqlite::{Connection, ffi};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::keys::Key;

/// `x'` + 64 hexadecimal digits + `'`: SQLCipher takes that as the key itself and derives nothing from it.
const LENGTH: usize = 67;

/// Gives a fresh connection its key.
pub(super) fn set_key(connection: &Connection, key: &Key) -> Result<()> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new([0u8; LENGTH]);
    text[..2].copy_from_slice(b"x'");
    for (number, byte) in key.bytes().iter().enumerate() {
        text[2 + 2 * number] = DIGITS[usize::from(byte >> 4)];
        text[3 + 2 * number] = DIGITS[usize::from(byte & 15)];
    }
    text[LENGTH - 1] = b'\'';
    // SAFETY: the handle is that of an open connection, which outlives the call; nobody else uses it, because `Connection`
    // is not `Sync`. The buffer is LENGTH bytes long, and SQLCipher copies it before it returns.
    let code =
        unsafe { ffi::sqlite3_key(connection.handle(), text.as_ptr().cast(), LENGTH as std::ffi::c_int) };
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Internal, format!("the database did not take its key (code {code})")))
    }
}

/// The number of the system's error behind the last failure of this connection; 0 when there was none.
pub(super) fn system_error(connection: &Connection) -> i32 {
    // SAFETY: as above; the call only reads a number.
    unsafe { ffi::sqlite3_system_errno(connection.handle()) }
}
