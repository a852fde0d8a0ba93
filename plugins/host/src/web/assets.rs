//! The files of a plugin's `web/` folder, in memory: no request ever names a path of the disk.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use opencode_nexus::{Error, ErrorKind, Result};

/// So many files, and bytes of all of them.
const FILES: usize = 512;
const BYTES: u64 = 16 << 20;

/// Folders in folders.
const DEPTH: usize = 8;

/// Files by their path below the folder, with `/` between its parts.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    files: HashMap<String, Bytes>,
}

impl Assets {
    /// Reads a folder: regular files only, at most 512 with 16 MiB in all. Links are let alone. No folder is no file.
    ///
    /// # Errors
    /// `system.io` when something cannot be read, `system.too_large` when there is too much.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let mut assets = Self::default();
        match Dir::open_ambient_dir(folder, ambient_authority()) {
            Ok(dir) => {
                let mut left = BYTES;
                assets.read(&dir, "", DEPTH, &mut left)?;
                Ok(assets)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(assets),
            Err(error) => Err(error.into()),
        }
    }

    /// One file more, or another in its place.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    fn read(&mut self, dir: &Dir, below: &str, depth: usize, left: &mut u64) -> Result<()> {
        for entry in dir.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{below}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() && depth > 0 {
                self.read(&entry.open_dir()?, &format!("{path}/"), depth - 1, left)?;
            } else if kind.is_file() {
                let size = entry.metadata()?.len();
                *left = left.checked_sub(size).filter(|_| self.files.len() < FILES).ok_or_else(too_large)?;
                let mut content = Vec::new();
                // It may grow while it is read.
                std::io::Read::read_to_end(&mut std::io::Read::take(entry.open()?, size), &mut content)?;
                self.files.insert(path, content.into());
            }
        }
        Ok(())
    }

    /// The file for the path of an address (`/`, `/app.js`), and what it is.
    pub(super) fn find(&self, path: &str) -> Option<(Bytes, &'static str)> {
        let path = decode(path.strip_prefix('/')?)?;
        let name = if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path };
        self.files.get(&name).map(|content| (content.clone(), content_type(&name)))
    }
}

fn too_large() -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!("the web folder has more than {FILES} files or {} MiB", BYTES >> 20),
    )
    .with_hint("take out what the pages do not need")
}

/// Without percent signs; none when it is no text.
fn decode(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| {
                    (byte? as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
                };
                digit(bytes.next())? << 4 | digit(bytes.next())?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// What a browser shall take a file for; it does not guess.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_are_found_whatever_the_address_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("web")).unwrap();
        std::fs::create_dir(folder.path().join("web/b")).unwrap();
        std::fs::write(folder.path().join("secret"), "no").unwrap();
        std::fs::write(folder.path().join("web/index.html"), "page").unwrap();
        std::fs::write(folder.path().join("web/b/ä x.js"), "script").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("secret"), folder.path().join("web/link")).unwrap();
        let assets = Assets::from_folder(&folder.path().join("web")).unwrap();
        let text = |path: &str| {
            assets.find(path).map(|(bytes, kind)| (String::from_utf8_lossy(&bytes).into_owned(), kind))
        };
        assert_eq!(text("/"), Some(("page".to_owned(), "text/html; charset=utf-8")));
        assert_eq!(text("/b/%C3%A4%20x.js"), Some(("script".to_owned(), "text/javascript; charset=utf-8")));
        let secret = folder.path().join("secret").display().to_string();
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/link",
            "/b",
            "/b/",
            "//etc/passwd",
            "/%ff",
            "/%2",
            "x",
            &secret,
        ] {
            assert_eq!(text(path), None, "{path}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let assets = Assets::from_folder(&folder.path().join("web")).unwrap();
        assert!(assets.find("/").is_none());
    }
}
