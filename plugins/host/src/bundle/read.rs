//! Reading an archive. Nothing in it is believed: sizes, names, kinds and places of entries are checked before an entry is
//! unpacked, and everything is unpacked into memory, up to its limit and no further.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};
use std::path::Path;

use opencode_nexus::{Error, ErrorKind, Result};
use zip::{CompressionMethod, ZipArchive};

use super::{
    Bundle, COMPONENT, LARGEST_ARCHIVE, LARGEST_WEB, MANIFEST, MOST_ENTRIES, PUBLISHER, SIGNATURE, WEB,
    damaged, largest, sha256, too_large,
};
use crate::manifest::{Manifest, is_safe_path};
use crate::signature::PublicKey;

/// The record at the end of an archive (APPNOTE.TXT 4.3.16), without a comment.
const END_RECORD: usize = 22;
/// What the list of entries has at most for each of them.
const LISTED: u64 = 512;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

impl Bundle {
    /// Reads a file and checks all of it, the signature too.
    ///
    /// # Errors
    /// As [`Self::from_bytes`]; `user.not_found` and `system.io` for the file itself.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Io,
            };
            Error::new(kind, format!("{} cannot be read: {error}", path.display())).with_source(error)
        };
        // What is no file may never end, and a pipe may never begin.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{} is no file", path.display()))
                .with_hint("`nexus plugin build` makes a .plugin of a folder"));
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(LARGEST_ARCHIVE + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::from_bytes(&bytes)
    }

    /// Reads an archive and checks all of it.
    ///
    /// # Errors
    /// `recovery.damaged` when it is cut, changed or none; `system.too_large`; `security.forbidden` when it is not what was
    /// signed; and those of [`Manifest::parse`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > LARGEST_ARCHIVE {
            return Err(too_large("the archive", LARGEST_ARCHIVE));
        }
        check_end(bytes)?;
        let unreadable =
            |error: zip::result::ZipError| damaged(format!("its archive cannot be read: {error}"));
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
        if archive.offset() != 0 {
            return Err(damaged("something stands before its archive"));
        }
        // First of all, because a plugin of a time to come may hold what this version does not know.
        let manifest = manifest(&mut archive)?;
        if archive.has_duplicate_names() {
            return Err(damaged("two entries have one name"));
        }
        let names = names(&archive)?;
        archive.validate_header_consistency().map_err(unreadable)?;
        let files = unpack(&mut archive, &names)?;
        check_component(&manifest, &files)?;
        let publisher = publisher(&files)?;
        Ok(Self { manifest, files, publisher })
    }
}

/// Archives of ours end with their end record, are one file, and need no 64-bit fields. What the record says of the number of
/// entries is known before memory is taken for them.
fn check_end(bytes: &[u8]) -> Result<()> {
    let record = bytes.len().checked_sub(END_RECORD).map(|start| &bytes[start..]);
    let Some(record) = record.filter(|record| record.starts_with(b"PK\x05\x06") && record[20..22] == [0, 0])
    else {
        return Err(match bytes.starts_with(b"PK\x03\x04") {
            true => damaged("it is cut off, or something stands behind its end"),
            false => damaged("it is not a .plugin archive"),
        });
    };
    let short = |place: usize| u64::from(u16::from_le_bytes([record[place], record[place + 1]]));
    let long = |place: usize| short(place) | short(place + 2) << 16;
    let (entries, size, start) = (short(10), long(12), long(16));
    if short(4) != 0 || short(6) != 0 || short(8) != entries {
        return Err(damaged("its archive has several parts"));
    }
    if entries > MOST_ENTRIES as u64 {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the archive has more than {MOST_ENTRIES} entries"),
        )
        .with_hint("plugins/FORMAT.md has the limits"));
    }
    if size > entries * LISTED || start + size + END_RECORD as u64 != bytes.len() as u64 {
        return Err(damaged("the list of its entries is not where it must be"));
    }
    Ok(())
}

fn manifest(archive: &mut Archive<'_>) -> Result<Manifest> {
    let number = archive.index_for_name(MANIFEST).ok_or_else(|| damaged("there is no plugin.toml in it"))?;
    let bytes = entry(archive, number, MANIFEST, crate::manifest::LARGEST as u64)?;
    let text = String::from_utf8(bytes).map_err(|_| damaged("its plugin.toml is not UTF-8"))?;
    Manifest::parse(&text)
}

/// The names of all entries in the order of the archive; each is a file that may be there, and no two mean one place.
fn names(archive: &Archive<'_>) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(archive.len());
    let mut folded = BTreeSet::new();
    for number in 0..archive.len() {
        let entry = archive.by_index_data(number).map_err(damaged)?;
        let name = std::str::from_utf8(entry.name_raw()).unwrap_or("\u{fffd}").to_owned();
        // Never shown as it stands: a name may hold anything.
        let shown = name.escape_debug().to_string();
        if entry.name().ok().as_deref() != Some(name.as_str()) || !is_safe_path(&name) {
            return Err(damaged(format!("the name {shown} in it is not safe")));
        }
        let kind = entry.unix_mode().unwrap_or_default() & 0o170_000;
        if entry.is_symlink() || entry.is_dir() || !matches!(kind, 0 | 0o100_000) {
            return Err(damaged(format!("{shown} in it is no file")));
        }
        if entry.encrypted()
            || !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated)
        {
            return Err(damaged(format!("{shown} in it is packed in a way that is not used here")));
        }
        if largest(&name).is_none() {
            return Err(damaged(format!("{shown} does not belong into it")));
        }
        if !folded.insert(name.to_ascii_lowercase()) {
            return Err(damaged(format!("{shown} in it differs from another name in capitals only")));
        }
        names.push(name);
    }
    for name in &folded {
        let mut above = name.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            if folded.contains(folder) {
                return Err(damaged(format!("{folder} in it is a file and a folder")));
            }
            above = folder;
        }
    }
    Ok(names)
}

fn unpack(archive: &mut Archive<'_>, names: &[String]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut web = 0;
    for (number, name) in names.iter().enumerate() {
        let limit = match name.starts_with(WEB) {
            true => LARGEST_WEB - web,
            false => largest(name).unwrap_or_default(),
        };
        let bytes = entry(archive, number, name, limit)?;
        if name.starts_with(WEB) {
            web += bytes.len() as u64;
        }
        files.insert(name.clone(), bytes);
    }
    Ok(files)
}

/// One entry, unpacked; never more than the limit, whatever its header says.
fn entry(archive: &mut Archive<'_>, number: usize, name: &str, limit: u64) -> Result<Vec<u8>> {
    let cut = |why: &dyn std::fmt::Display| damaged(format!("{name} in it cannot be unpacked: {why}"));
    let mut entry = archive.by_index(number).map_err(|error| cut(&error))?;
    if entry.size() > limit {
        return Err(too_large(name, limit));
    }
    let mut bytes = Vec::new();
    entry.by_ref().take(limit + 1).read_to_end(&mut bytes).map_err(|error| cut(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(name, limit));
    }
    if bytes.len() as u64 != entry.size() {
        return Err(cut(&"it has another size than it says"));
    }
    Ok(bytes)
}

fn check_component(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let component = files.get(COMPONENT).ok_or_else(|| damaged("there is no plugin.wasm in it"))?;
    if manifest.wasm != COMPONENT {
        return Err(damaged("its plugin.toml names another component than plugin.wasm"));
    }
    match &manifest.sha256 {
        Some(sum) if *sum == sha256(component) => Ok(()),
        Some(_) => {
            Err(damaged("plugin.wasm is not the one that plugin.toml was written for (its sha256 differs)"))
        }
        None => Err(damaged("its plugin.toml has no sha256 of plugin.wasm")),
    }
}

/// Who has signed it. A signature without its key, or the other way round, is no unsigned plugin but a broken one.
fn publisher(files: &BTreeMap<String, Vec<u8>>) -> Result<Option<PublicKey>> {
    let text = |name: &str| {
        let text = files.get(name).map(|bytes| std::str::from_utf8(bytes));
        text.transpose().map_err(|_| damaged(format!("{name} in it is not UTF-8")))
    };
    match (text(PUBLISHER)?, text(SIGNATURE)?) {
        (None, None) => Ok(None),
        (Some(key), Some(signature)) => {
            let key = PublicKey::from_text(key).map_err(|_| damaged("the key of its publisher is none"))?;
            key.verify(super::digests(files).as_bytes(), signature)?;
            Ok(Some(key))
        }
        (Some(_), None) => Err(unsigned_half("its signature was taken out")),
        (None, Some(_)) => Err(unsigned_half("the key of its publisher was taken out")),
    }
}

fn unsigned_half(why: &str) -> Error {
    Error::new(ErrorKind::Forbidden, format!("the signature is not good: {why}"))
        .with_hint("get it again from its author; if it stays so, do not use it")
}
