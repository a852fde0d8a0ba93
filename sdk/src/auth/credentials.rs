//! What servers want to hear from an account: stored in its vault by origin (scheme, host, port; RFC 6454).

use nexus_vault::{Batch, Durability, Vault};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroize as _;

use crate::error::{Error, ErrorKind, Result};
use crate::history::{blocking, now};
use crate::transport::{Credentials, Secret};

/// The shelf of the vault on which they lie.
const SHELF: &str = "credentials";
/// The version that is written.
const VERSION: u32 = 1;

/// Credentials of servers, encrypted in the vault of an account.
#[derive(Clone, Debug)]
pub struct CredentialStore {
    vault: Vault,
}

/// What can be said of stored credentials without showing them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CredentialInfo {
    /// Scheme, host and port.
    pub origin: String,
    /// The user's name.
    pub user: String,
    /// When they were stored, Unix milliseconds.
    pub stored: u64,
}

/// What lies on the shelf.
#[derive(Serialize, Deserialize)]
struct Entry {
    v: u32,
    user: String,
    password: String,
    stored: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

impl CredentialStore {
    pub(crate) fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// Those for the origin of an address; `None` when there are none.
    ///
    /// # Errors
    /// `user.invalid_input` for an address that is none, `security.locked`, `recovery.damaged`, `system.newer_format`.
    pub async fn get(&self, address: &str) -> Result<Option<Credentials>> {
        let (vault, origin) = (self.vault.clone(), origin(address)?);
        blocking(move || {
            let Some(mut bytes) = vault.entry(SHELF, &origin)? else { return Ok(None) };
            let entry = read(&bytes, &origin);
            bytes.zeroize();
            let entry = entry?;
            Ok(Some(Credentials { user: entry.user.clone(), password: Secret::new(entry.password.clone()) }))
        })
        .await
    }

    /// Stores them for good, and replaces what was stored for the origin.
    ///
    /// # Errors
    /// As [`get`](Self::get), and those of writing.
    pub async fn set(&self, address: &str, credentials: &Credentials) -> Result<()> {
        let (vault, origin) = (self.vault.clone(), origin(address)?);
        let entry = Entry {
            v: VERSION,
            user: credentials.user.clone(),
            password: credentials.password.expose().to_owned(),
            stored: now(),
        };
        blocking(move || {
            // The cause could quote what it was given.
            let bytes = serde_json::to_vec(&entry)
                .map_err(|_| Error::new(ErrorKind::Internal, "credentials could not be written"))?;
            let mut batch = Batch::new();
            batch.put_entry(SHELF, origin, bytes);
            vault.write(batch, Durability::Power)?;
            Ok(())
        })
        .await
    }

    /// Removes them for good; whether there were any.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub async fn remove(&self, address: &str) -> Result<bool> {
        let (vault, origin) = (self.vault.clone(), origin(address)?);
        blocking(move || {
            let mut batch = Batch::new();
            batch.remove_entry(SHELF, origin);
            Ok(vault.write(batch, Durability::Power)?.changed > 0)
        })
        .await
    }

    /// All of them by origin.
    ///
    /// # Errors
    /// `security.locked`, `recovery.damaged`, `system.newer_format`.
    pub async fn list(&self) -> Result<Vec<CredentialInfo>> {
        let vault = self.vault.clone();
        blocking(move || {
            let mut infos = Vec::new();
            for (origin, mut bytes) in vault.entries(SHELF)? {
                let entry = read(&bytes, &origin);
                bytes.zeroize();
                let entry = entry?;
                infos.push(CredentialInfo { origin, user: entry.user.clone(), stored: entry.stored });
            }
            Ok(infos)
        })
        .await
    }
}

/// Two addresses of one server have the same: path, query, user and a default port do not count.
fn origin(address: &str) -> Result<String> {
    let url = Url::parse(address.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The address is not repeated: a password may stand in it.
    let none = || {
        Error::new(ErrorKind::InvalidInput, "this is not the address of a server")
            .with_hint("write it as https://host or http://host:port")
    };
    Ok(url.ok_or_else(none)?.origin().ascii_serialization())
}

fn read(bytes: &[u8], origin: &str) -> Result<Entry> {
    #[derive(Deserialize)]
    struct Head {
        v: u32,
    }
    let head = serde_json::from_slice::<Head>(bytes).ok();
    if let Some(head) = head.filter(|head| head.v > VERSION) {
        let message =
            format!("the credentials for {origin} have format {}, and this program knows {VERSION}", head.v);
        return Err(Error::new(ErrorKind::NewerFormat, message).with_hint("use a newer `nexus`"));
    }
    // The cause could quote the password.
    serde_json::from_slice(bytes).map_err(|_| {
        Error::new(ErrorKind::Damaged, format!("the credentials for {origin} cannot be read"))
            .with_hint("store them again with `nexus login`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (address, wanted) in [
            ("http://a.test", "http://a.test"),
            ("http://a.test:80/x?y#z", "http://a.test"),
            ("https://me:made-up@A.test:443", "https://a.test"),
            (" https://a.test:4096/ ", "https://a.test:4096"),
            ("http://[::1]:4096", "http://[::1]:4096"),
            ("http://127.0.0.1:4096/session", "http://127.0.0.1:4096"),
        ] {
            assert_eq!(origin(address).unwrap(), wanted);
        }
        for wrong in ["", "a.test", "file:///etc", "http://", "ftp://a.test", "data:made-up", "://made-up@x"]
        {
            let error = origin(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!format!("{error:?}").contains("made-up"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        let damaged =
            read(br#"{"v":1,"user":"u","password":["made-up"],"stored":1}"#, "http://a").err().unwrap();
        assert_eq!(damaged.kind(), ErrorKind::Damaged);
        let newer = read(br#"{"v":2,"password":"made-up"}"#, "http://a").err().unwrap();
        assert_eq!(newer.kind(), ErrorKind::NewerFormat);
        assert!(!format!("{damaged:?}{newer:?}").contains("made-up"));
    }
}
