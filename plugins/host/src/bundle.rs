//! A plugin as one file: `.plugin`, an archive that is checked as a whole before anything of it is written or run.
//!
//! `plugins/FORMAT.md` describes it for those who write tools. What is signed is a list of the digests of all entries, so that
//! how the archive is compressed means nothing.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use opencode_nexus::{Error, ErrorKind};
use sha2::{Digest as _, Sha256};

use crate::manifest::Manifest;
use crate::signature::PublicKey;

pub use self::write::manifest_of;

/// The names of what is always in an archive, and of what is in a signed one.
pub const MANIFEST: &str = "plugin.toml";
/// The component.
pub const COMPONENT: &str = "plugin.wasm";
/// The public key of who has signed.
pub const PUBLISHER: &str = "publisher.pub";
/// The signature of [`Bundle::digests`].
pub const SIGNATURE: &str = "signature.minisig";
/// What begins so is a file of the plugin's web page.
pub const WEB: &str = "web/";

/// The largest component, in bytes.
pub const LARGEST_COMPONENT: u64 = 32 << 20;
/// The most that all files of a web page have together, in bytes.
pub const LARGEST_WEB: u64 = 16 << 20;
/// The most entries of an archive.
pub const MOST_ENTRIES: usize = 2_000;
/// The largest archive, in bytes: nothing in it has to be compressed.
const LARGEST_ARCHIVE: u64 = LARGEST_COMPONENT + LARGEST_WEB + (2 << 20);
/// Key and signature are a few lines.
const LARGEST_LINES: u64 = 4 << 10;

/// A plugin that was read or built: everything in it fits together.
#[derive(Clone, PartialEq)]
pub struct Bundle {
    manifest: Manifest,
    /// By name, as they stand in the archive.
    files: BTreeMap<String, Vec<u8>>,
    publisher: Option<PublicKey>,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle")
            .field("id", &self.manifest.id)
            .field("version", &self.manifest.version)
            .field("publisher", &self.publisher)
            .field("files", &self.files.len())
            .finish()
    }
}

impl Bundle {
    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The component.
    pub fn component(&self) -> &[u8] {
        self.files.get(COMPONENT).map(Vec::as_slice).unwrap_or_default()
    }

    /// Who has signed it; `None`: nobody.
    pub fn publisher(&self) -> Option<&PublicKey> {
        self.publisher.as_ref()
    }

    /// Everything in it by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// What is signed: a line for each entry but the signature, in the order of the bytes of their names.
    pub fn digests(&self) -> String {
        digests(&self.files)
    }

    /// One digest for the whole of it, in hexadecimal: SHA-256 of [`Self::digests`].
    pub fn digest(&self) -> String {
        sha256(self.digests().as_bytes())
    }

    /// Bytes of everything in it, unpacked.
    pub fn size(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digests(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut list = String::from("OpenCode Nexus plugin, format 1\n");
    for (name, bytes) in files.iter().filter(|(name, _)| name.as_str() != SIGNATURE) {
        let _ = writeln!(list, "{} {} {name}", sha256(bytes), bytes.len());
    }
    list
}

/// The most bytes of an entry of this name; `None`: there is no such entry.
fn largest(name: &str) -> Option<u64> {
    match name {
        MANIFEST => Some(crate::manifest::LARGEST as u64),
        COMPONENT => Some(LARGEST_COMPONENT),
        PUBLISHER | SIGNATURE => Some(LARGEST_LINES),
        web if web.strip_prefix(WEB).is_some_and(|rest| !rest.is_empty()) => Some(LARGEST_WEB),
        _ => None,
    }
}

fn damaged(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Damaged, format!("this is no whole plugin: {why}"))
        .with_hint("get the file again; if it stays so, tell its author")
}

fn too_large(what: &str, limit: u64) -> Error {
    Error::new(ErrorKind::TooLarge, format!("{what} is larger than {} KiB", limit >> 10))
        .with_hint("plugins/FORMAT.md has the limits")
}
