//! The binary out of whatever a person or a registry gave: a package of npm, a release as tar or zip, or the executable
//! itself. Nothing of it is trusted: it is read to its end, no path in it is ever used, and one that wants to leave its
//! folder makes the whole of it refused.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, Write as _};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::checksum::hex;
use crate::server::versions::find::BINARY_NAME;
use crate::{Error, ErrorKind, Result, Retry};

/// The binary is below 250 MB; an archive that unpacks to more is not OpenCode.
pub(in crate::server) const BINARY_BYTES: u64 = 1 << 30;
/// What a release holds beside the binary is small, and few.
const OTHER_BYTES: u64 = 1 << 28;
const ENTRIES: usize = 10_000;

pub(in crate::server) fn broken(label: &str, why: &str) -> Error {
    Error::new(ErrorKind::LocalServer, format!("the archive of {label} is not trusted: {why}"))
        .with_operation("server.install")
        .with_retry(Retry::Now)
        .with_hint("get it again; if it stays so, check where it comes from")
}

/// The binary that was taken out.
#[derive(Debug)]
pub(in crate::server) struct Unpacked {
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// What an archive is to be opened for.
pub(in crate::server) struct Unpack<'a> {
    /// The archive, named so in errors.
    pub label: &'a str,
    /// The file name of the executable in it.
    pub binary: &'a str,
    /// Bytes written so far, and of how many.
    pub said: &'a mut dyn FnMut(u64, u64),
}

impl Unpack<'_> {
    /// Writes the binary into the new folder `into`, under a name of ours.
    pub(in crate::server) fn run(mut self, archive: &Path, into: &Path) -> Result<Unpacked> {
        std::fs::create_dir(into)?;
        let target = into.join(BINARY_NAME);
        let mut file = File::open(archive)?;
        let mut head = Vec::new();
        (&mut file).take(265).read_to_end(&mut head)?;
        file.rewind()?;
        let found = match head.as_slice() {
            [0x1f, 0x8b, ..] => {
                let inside = flate2::read::MultiGzDecoder::new(BufReader::new(file));
                self.tar(inside, &target)?
            }
            [b'P', b'K', 3, 4, ..] => self.zip(file, &target)?,
            head if head.get(257..262) == Some(b"ustar") => self.tar(file, &target)?,
            head if is_program(head) => {
                let size = file.metadata()?.len();
                Some(self.write(&mut file, size, &target)?)
            }
            _ => return Err(broken(self.label, "it is neither tar.gz, nor tar, nor zip, nor an executable")),
        };
        found.ok_or_else(|| {
            let why = format!("there is no executable `{}` in it, or it is cut off before it", self.binary);
            broken(self.label, &why)
        })
    }

    fn tar(&mut self, reader: impl Read, target: &Path) -> Result<Option<Unpacked>> {
        let mut tar = tar::Archive::new(reader.take(BINARY_BYTES + OTHER_BYTES));
        let label = self.label;
        let cut = |error: std::io::Error| broken(label, &format!("it cannot be read: {error}"));
        let mut found = None;
        for (number, entry) in tar.entries().map_err(cut)?.enumerate() {
            let mut entry = entry.map_err(cut)?;
            let path = entry.path().map_err(cut)?.into_owned();
            let kind = entry.header().entry_type();
            self.check(number, &path, kind.is_symlink() || kind.is_hard_link())?;
            if kind.is_file() && self.is_wanted(&path) && found.is_none() {
                let size = entry.size();
                found = Some(self.write(&mut entry, size, target)?);
            }
        }
        // Behind the last entry stands what tells a whole archive from one that was cut off: gzip's own checksum.
        std::io::copy(&mut tar.into_inner(), &mut std::io::sink()).map_err(cut)?;
        Ok(found)
    }

    fn zip(&mut self, file: File, target: &Path) -> Result<Option<Unpacked>> {
        let label = self.label;
        let cut = |error: zip::result::ZipError| broken(label, &format!("it cannot be read: {error}"));
        let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(cut)?;
        let mut found = None;
        for number in 0..zip.len() {
            let mut entry = zip.by_index(number).map_err(cut)?;
            let path = PathBuf::from(&*entry.name().map_err(cut)?);
            self.check(number, &path, entry.is_symlink())?;
            if entry.is_file() && self.is_wanted(&path) && found.is_none() {
                let size = entry.size();
                found = Some(self.write(&mut entry, size, target)?);
            }
        }
        Ok(found)
    }

    /// Refuses an archive that was made to write elsewhere, though nothing of it would: it is none of OpenCode's.
    fn check(&self, number: usize, path: &Path, is_link: bool) -> Result<()> {
        let inside = |c: Component<'_>| matches!(c, Component::CurDir | Component::Normal(_));
        // On Unix a path of Windows is one strange name.
        let foreign = path.to_string_lossy().split(['/', '\\']).any(|piece| piece == "..");
        if !path.components().all(inside) || foreign {
            return Err(broken(self.label, &format!("it holds the path {}", path.display())));
        }
        if is_link {
            return Err(broken(self.label, &format!("it holds the link {}", path.display())));
        }
        if number >= ENTRIES {
            return Err(broken(self.label, "it holds too many files"));
        }
        Ok(())
    }

    /// `package/bin/opencode` of npm, `opencode` of a release, and what lies between.
    fn is_wanted(&self, path: &Path) -> bool {
        let depth = path.components().filter(|c| !matches!(c, Component::CurDir)).count();
        depth <= 3 && path.file_name().is_some_and(|name| name == self.binary)
    }

    fn write(&mut self, from: &mut impl Read, size: u64, target: &Path) -> Result<Unpacked> {
        if size > BINARY_BYTES {
            return Err(broken(self.label, "the binary in it is too large"));
        }
        let mut file = File::options().write(true).create_new(true).open(target)?;
        let mut hash = Sha256::new();
        let (mut block, mut done) = (vec![0; 1 << 18], 0_u64);
        loop {
            // Errors of reading are the archive's, those of writing the disk's.
            let read = from
                .read(&mut block)
                .map_err(|error| broken(self.label, &format!("it ends too early or is damaged: {error}")))?;
            if read == 0 {
                break;
            }
            done += read as u64;
            if done > BINARY_BYTES {
                return Err(broken(self.label, "the binary in it is too large"));
            }
            file.write_all(&block[..read])?;
            hash.update(&block[..read]);
            (self.said)(done, size);
        }
        if done != size {
            return Err(broken(self.label, "it ends too early"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(0o755))?;
        }
        file.sync_all()?;
        Ok(Unpacked { bytes: done, sha256: hex(&hash.finalize()) })
    }
}

/// ELF, Mach-O (one machine or several), PE, or a script.
fn is_program(head: &[u8]) -> bool {
    let begins: [&[u8]; 6] =
        [b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf", b"MZ", b"#!"];
    begins.iter().any(|begin| head.starts_with(begin))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
