//! What the plugin keeps from one day to the next: values by key, as JSON or as bytes.
//!
//! A value has at most 1 MiB, a key 512 bytes, everything together 16 MiB. What is set during a call that ends with a trap
//! was not set.

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::imports::nexus::plugin::kv::Scope;

use crate::bindings::imports::nexus::plugin::kv;
use crate::error::{Result, host};

/// A value that [`set`] has kept; `None` when there is none.
///
/// # Errors
/// `invalid` when it is not what is asked for.
pub fn get<T: DeserializeOwned>(scope: Scope, key: &str) -> Result<Option<T>> {
    match get_bytes(scope, key)? {
        Some(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        None => Ok(None),
    }
}

/// Keeps a value as JSON.
///
/// # Errors
/// `quota` when it is too large, or too much is kept already.
pub fn set<T: Serialize + ?Sized>(scope: Scope, key: &str, value: &T) -> Result<()> {
    set_bytes(scope, key, &serde_json::to_vec(value)?)
}

/// The bytes behind a key.
///
/// # Errors
/// `invalid` for a key that is too long.
pub fn get_bytes(scope: Scope, key: &str) -> Result<Option<Vec<u8>>> {
    host!("kv.get", kv::get(scope, key))
}

/// Keeps bytes.
///
/// # Errors
/// `quota` when they are too many.
pub fn set_bytes(scope: Scope, key: &str, value: &[u8]) -> Result<()> {
    host!("kv.set", kv::set(scope, key, value))
}

/// Forgets a value; it need not be there.
///
/// # Errors
/// `invalid` for a key that is too long.
pub fn delete(scope: Scope, key: &str) -> Result<()> {
    host!("kv.delete", kv::delete(scope, key))
}

/// All keys that begin like this, in the order of their bytes.
///
/// # Errors
/// As [`get_bytes`].
pub fn keys(scope: Scope, prefix: &str) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let page: Result<Vec<String>> =
            host!("kv.keys", kv::keys(scope, prefix, all.last().map(String::as_str)));
        let page = page?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
