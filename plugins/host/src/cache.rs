//! What was compiled, kept on the disk: compiling takes from 15 ms to 10 s, reading it again 1 ms.
//!
//! A file is named by the component's SHA-256, by the engine's settings and version, and by a MAC (HMAC-SHA256) over both and its
//! contents. The key lies in a file of its own. Compiled code is machine code that is run without further ado, so a file whose name
//! does not fit its contents is deleted, and the component compiled again. The folder is the person's alone (0700); whoever can
//! write there as the person, between the check and the mapping, could as well replace this program.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use opencode_nexus::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

/// All files together; those that were not used for the longest time go first.
const MOST: u64 = 512 << 20;

const KEY: &str = "key";
const ENDING: &str = ".cwasm";

/// The cache.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
    /// Settings and version of the engine, as a hash.
    engine: String,
}

impl Cache {
    /// # Errors
    /// `system.storage` when the folder cannot be made, read or written.
    pub fn open(folder: &Path, engine: &wasmtime::Engine) -> Result<Self> {
        let open = || -> std::io::Result<[u8; 32]> {
            make_private(folder)?;
            key(folder)
        };
        let key = open().map_err(|error| {
            Error::new(ErrorKind::Storage, format!("{} cannot be used: {error}", folder.display()))
                .with_hint("give your user the right to write there")
        })?;
        let mut hash = Sha(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hash);
        let engine = hex(&hash.0.finalize()[..8]);
        Ok(Self { folder: folder.to_owned(), key, engine })
    }

    /// What was compiled of a component, if it is there and nobody has changed it.
    pub fn find(&self, engine: &wasmtime::Engine, sha256: &str) -> Option<Component> {
        let prefix = format!("{sha256}-{}-", self.engine);
        for entry in fs::read_dir(&self.folder).ok()?.flatten() {
            let name = entry.file_name();
            let Some(mac) = name.to_str().and_then(|n| n.strip_prefix(&prefix)?.strip_suffix(ENDING)) else {
                continue;
            };
            let path = entry.path();
            if let Some(component) = self.checked(engine, &path, sha256, mac) {
                return Some(component);
            }
            tracing::warn!(path = %path.display(), "a compiled plugin was changed by somebody, and is compiled again");
            let _ = fs::remove_file(&path);
        }
        None
    }

    fn checked(&self, engine: &wasmtime::Engine, path: &Path, sha256: &str, mac: &str) -> Option<Component> {
        let file = open_plain(path).ok()?;
        let sum = self.mac(sha256, &file).ok()?;
        sum.verify_slice(&unhex(mac)?).ok()?;
        // What was used last is kept longest.
        let _ = file.set_modified(SystemTime::now());
        // SAFETY: the file holds what `precompile_component` of an engine with these settings and this version has made: its MAC is
        // right, the key is the person's alone, and so is the folder, so nobody else changes the file while it is mapped.
        unsafe { Component::deserialize_file(engine, path) }.ok()
    }

    /// Keeps what was compiled: written beside, synchronised, and renamed, so that a name stands for a whole file.
    pub fn store(&self, sha256: &str, compiled: &[u8]) -> std::io::Result<()> {
        let mac = self.mac(sha256, compiled)?.finalize().into_bytes();
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(compiled)?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(format!("{sha256}-{}-{}{ENDING}", self.engine, hex(&mac))))?;
        self.prune();
        Ok(())
    }

    fn mac(&self, sha256: &str, mut contents: impl Read) -> std::io::Result<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).map_err(std::io::Error::other)?;
        mac.update(sha256.as_bytes());
        mac.update(self.engine.as_bytes());
        let mut buffer = vec![0; 64 << 10];
        loop {
            match contents.read(&mut buffer)? {
                0 => return Ok(mac),
                read => mac.update(&buffer[..read]),
            }
        }
    }

    /// Deletes what is too much, the oldest first. A file that another process maps stays readable for it.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(ENDING))
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut all: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in &files {
            if all <= MOST {
                return;
            }
            if fs::remove_file(path).is_ok() {
                all = all.saturating_sub(*size);
            }
        }
    }
}

/// The key, made when it is not there.
fn key(folder: &Path) -> std::io::Result<[u8; 32]> {
    let path = folder.join(KEY);
    for _ in 0..2 {
        let mut key = [0; 32];
        match open_plain(&path) {
            // A key of another length, or one that others may read, is none.
            Ok(mut file) if file.metadata()?.len() == 32 && is_private(&file)? => {
                file.read_exact(&mut key)?;
                return Ok(key);
            }
            Ok(_) => fs::remove_file(&path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => fs::remove_file(&path)?,
        }
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        // A temporary file is readable for its owner alone. Another process may be first; then its key is taken.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&key)?;
        file.as_file().sync_all()?;
        let _ = file.persist_noclobber(&path);
    }
    Err(std::io::Error::other("the key changes while it is read"))
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // One that was there, with whatever in it, may be open to others.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// Opens a file that is no link.
fn open_plain(path: &Path) -> std::io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() {
        File::options().read(true).open(path)
    } else {
        Err(std::io::Error::other("it is no plain file"))
    }
}

#[cfg(unix)]
fn is_private(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &File) -> std::io::Result<bool> {
    Ok(true)
}

/// What is hashed, as SHA-256: the standard hasher may differ from one build to the next.
struct Sha(Sha256);

impl Hasher for Sha {
    fn finish(&self) -> u64 {
        let sum = self.0.clone().finalize();
        sum.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
