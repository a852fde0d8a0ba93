//! The downloaded archive: is it the right one, and what of it do we take. Nothing is trusted before its checksum.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use base64::Engine as _;
use sha2::{Digest as _, Sha512};

use super::find::BINARY_NAME;
use crate::{Error, ErrorKind, Result, Retry};

/// The binary is below 200 MB; an archive that unpacks to more is not OpenCode.
const BINARY_BYTES: u64 = 1 << 30;

pub(super) fn broken(package: &str, why: &str) -> Error {
    Error::new(ErrorKind::LocalServer, format!("the archive of {package} is not trusted: {why}"))
        .with_operation("server.install")
        .with_retry(Retry::Now)
        .with_hint("try again; if it stays so, check the registry of your npm configuration")
}

/// The SHA-512 of a Subresource Integrity value, which may list several algorithms.
pub(super) fn sha512_of(integrity: &str, package: &str) -> Result<String> {
    let found = integrity.split_whitespace().find_map(|one| one.strip_prefix("sha512-"));
    found.map(str::to_owned).ok_or_else(|| broken(package, "the registry gives no sha512 for it"))
}

pub(super) fn sha512(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha512::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(base64::engine::general_purpose::STANDARD.encode(hash.finalize())),
            n => hash.update(&block[..n]),
        }
    }
}

/// Takes the one file that we want (`binary` in its folder `bin`) out of the archive, under a name of ours: no path of the
/// archive is ever used.
pub(super) fn unpack(archive: &Path, into: &Path, package: &str, binary: &str) -> Result<()> {
    let wanted = Path::new("package/bin").join(binary);
    std::fs::create_dir(into)?;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive)?));
    for entry in tar.entries()? {
        let entry = entry?;
        let path = entry.path()?;
        let same = path.components().filter(|c| !matches!(c, Component::CurDir)).eq(wanted.components());
        if !same || !entry.header().entry_type().is_file() {
            continue;
        }
        let target = into.join(BINARY_NAME);
        let mut file = File::options().write(true).create_new(true).open(&target)?;
        if std::io::copy(&mut entry.take(BINARY_BYTES + 1), &mut file)? > BINARY_BYTES {
            return Err(broken(package, "the binary in it is too large"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(0o755))?;
        }
        return Ok(file.sync_all()?);
    }
    Err(broken(package, "there is no binary in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(directory: &Path, entries: &[(&str, &[u8])]) -> std::path::PathBuf {
        let path = directory.join("a.tgz");
        let gz = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        for (name, bytes) in entries {
            let mut header = tar::Header::new_old();
            // Written into the header directly: `set_path` would refuse the names that we must survive.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append(&header, *bytes).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        path
    }

    #[test]
    fn only_the_binary_leaves_the_archive() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = format!("package/bin/{BINARY_NAME}");
        let evil: &[u8] = b"evil";
        let entries = [
            ("../escaped", evil),
            ("/tmp/../escaped", evil),
            ("package/bin/../bin/x", evil),
            (&wanted, b"good"),
        ];
        let into = dir.path().join("deep/ready");
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        unpack(&archive(dir.path(), &entries), &into, "p", BINARY_NAME).unwrap();
        let names: Vec<_> = std::fs::read_dir(&into).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [BINARY_NAME]);
        assert_eq!(std::fs::read(into.join(BINARY_NAME)).unwrap(), b"good");
        assert!(super::super::find::is_executable(&into.join(BINARY_NAME)));
        assert!(!dir.path().join("deep/escaped").exists());
    }

    #[test]
    fn an_archive_without_the_binary_or_a_cut_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = archive(dir.path(), &[("package/README", b"x")]);
        let error = unpack(&path, &dir.path().join("one"), "p", BINARY_NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LocalServer);
        let whole = std::fs::read(archive(dir.path(), &[("package/bin/opencode", &[7; 5000])])).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(unpack(&path, &dir.path().join("two"), "p", BINARY_NAME).is_err());
    }

    #[test]
    fn checksums_are_those_of_the_standard() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-2, appendix C.1: SHA-512 of "abc" begins ddaf35a1.
        assert!(sha512(&path).unwrap().starts_with("3a81oZ"));
        assert_eq!(sha512_of("sha1-x sha512-abc==", "p").unwrap(), "abc==");
        assert!(sha512_of("sha1-x", "p").is_err());
    }
}
