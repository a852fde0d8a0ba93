//! Building an archive. The same input makes the same bytes: entries are sorted and have no times.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use opencode_nexus::{Error, ErrorKind, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Bundle, COMPONENT, LARGEST_COMPONENT, MANIFEST, PUBLISHER, SIGNATURE, WEB, sha256, too_large};
use crate::manifest::{Manifest, is_safe_path};
use crate::signature::SecretKey;

impl Bundle {
    /// Makes a plugin of its parts, signed where there is a key. `web` is by the path below `web/`.
    ///
    /// # Errors
    /// What [`Self::from_bytes`] would say of it: it is read once as everybody will.
    pub fn build(
        mut manifest: Manifest,
        component: Vec<u8>,
        web: BTreeMap<String, Vec<u8>>,
        key: Option<&SecretKey>,
    ) -> Result<Self> {
        manifest.wasm = COMPONENT.to_owned();
        manifest.sha256 = Some(sha256(&component));
        let mut files = BTreeMap::new();
        files.insert(MANIFEST.to_owned(), manifest.to_toml()?.into_bytes());
        files.insert(COMPONENT.to_owned(), component);
        files.extend(web.into_iter().map(|(path, bytes)| (format!("{WEB}{path}"), bytes)));
        if let Some(key) = key {
            files.insert(PUBLISHER.to_owned(), key.public().to_text().into_bytes());
            let comment = format!("{} {}", manifest.id, manifest.version);
            let signature = key.sign(super::digests(&files).as_bytes(), &comment)?;
            files.insert(SIGNATURE.to_owned(), signature.into_bytes());
        }
        let built = Self { manifest, files, publisher: key.map(|key| key.public().clone()) };
        Self::from_bytes(&built.to_bytes()?)
    }

    /// Makes a plugin of a folder: `plugin.toml`, the component that it names, and what lies in `web`.
    ///
    /// # Errors
    /// As [`Self::build`]; `user.not_found` when one of the files is not there.
    pub fn from_folder(folder: &Path, key: Option<&SecretKey>) -> Result<Self> {
        let manifest = manifest_of(folder)?;
        let component = file(&folder.join(&manifest.wasm), LARGEST_COMPONENT)?;
        Self::from_parts(folder, manifest, component, key)
    }

    /// The same with another manifest and component than those of the folder: those that were just built.
    ///
    /// # Errors
    /// As [`Self::from_folder`].
    pub fn from_parts(
        folder: &Path,
        manifest: Manifest,
        component: Vec<u8>,
        key: Option<&SecretKey>,
    ) -> Result<Self> {
        let web = web_of(&folder.join("web"))?;
        Self::build(manifest, component, web, key)
    }

    /// The archive.
    ///
    /// # Errors
    /// `system.internal` when it cannot be packed.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Internal, format!("the archive cannot be packed: {error}"))
        };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in &self.files {
            zip.start_file(name, options).map_err(|error| failed(&error))?;
            zip.write_all(bytes).map_err(|error| failed(&error))?;
        }
        Ok(zip.finish().map_err(|error| failed(&error))?.into_inner())
    }
}

/// The manifest of a folder, as its author has written it.
///
/// # Errors
/// `user.not_found` when there is none, and those of [`Manifest::parse`].
pub fn manifest_of(folder: &Path) -> Result<Manifest> {
    let bytes = file(&folder.join(MANIFEST), crate::manifest::LARGEST as u64)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::new(ErrorKind::InvalidInput, "plugin.toml is not UTF-8").with_hint("save it as UTF-8")
    })?;
    Manifest::parse(&text)
}

fn file(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("{} cannot be read: {error}", path.display()))
            .with_hint(
                "plugin.toml and the component that it names make a plugin; `nexus plugin new` begins one",
            )
            .with_source(error)
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > limit {
        true => Err(too_large(&path.display().to_string(), limit)),
        false => Ok(bytes),
    }
}

/// The files below a folder by their paths; none when it is not there. Links are not followed.
fn web_of(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        collect(folder, "", &mut files)?;
    }
    Ok(files)
}

fn collect(folder: &Path, above: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = match above {
            "" => name.to_string_lossy().into_owned(),
            above => format!("{above}/{}", name.to_string_lossy()),
        };
        if !is_safe_path(&path) {
            let message = format!("web/{} cannot be in a plugin", path.escape_debug());
            return Err(Error::new(ErrorKind::InvalidInput, message).with_hint(
                "names there are of letters, digits and . _ -, and do not begin with a dot; rename it or take it out",
            ));
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &path, files)?;
        } else if kind.is_file() {
            if files.len() >= super::MOST_ENTRIES {
                return Err(Error::new(ErrorKind::TooLarge, "web/ has too many files")
                    .with_hint("plugins/FORMAT.md has the limits"));
            }
            files.insert(path, file(&entry.path(), super::LARGEST_WEB)?);
        } else {
            let message = format!("web/{path} is no file");
            return Err(Error::new(ErrorKind::InvalidInput, message).with_hint("put the file itself there"));
        }
    }
    Ok(())
}
