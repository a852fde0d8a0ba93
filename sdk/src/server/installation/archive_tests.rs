//! Archives of every kind that is taken, and of every kind that must not be.

use super::*;

fn tar(directory: &Path, entries: &[(&str, &[u8], tar::EntryType)]) -> PathBuf {
    let path = directory.join("a.tgz");
    let gz = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    for (name, bytes, kind) in entries {
        let mut header = tar::Header::new_old();
        // Written into the header directly: `set_path` would refuse the names that we must survive.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        if kind.is_symlink() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    path
}

fn zip(directory: &Path, entries: &[(&str, &[u8])]) -> PathBuf {
    let path = directory.join("a.zip");
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}

fn unpack(archive: &Path, into: &Path) -> Result<Unpacked> {
    Unpack { label: "p", binary: BINARY_NAME, said: &mut |_, _| () }.run(archive, into)
}

const FILE: tar::EntryType = tar::EntryType::Regular;

/// SHA-256 of `good`.
fn good() -> String {
    hex(&Sha256::digest(b"good"))
}

#[test]
fn only_the_binary_leaves_an_archive_whatever_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    let release = dir.path().join("release.tgz");
    std::fs::copy(tar(dir.path(), &[("opencode", b"good", FILE)]), &release).unwrap();
    let npm = tar(dir.path(), &[("package/README", b"x", FILE), ("./package/bin/opencode", b"good", FILE)]);
    let archives = [npm, release, zip(dir.path(), &[("README", b"x"), ("opencode", b"good")])];
    for (number, archive) in archives.iter().enumerate() {
        let into = dir.path().join(number.to_string());
        let unpacked = unpack(archive, &into).unwrap();
        assert_eq!((unpacked.bytes, unpacked.sha256), (4, good()));
        let names: Vec<_> = std::fs::read_dir(&into).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [BINARY_NAME]);
        assert_eq!(std::fs::read(into.join(BINARY_NAME)).unwrap(), b"good");
        assert!(crate::server::versions::find::is_executable(&into.join(BINARY_NAME)));
    }
    assert_eq!(unpack(&plain, &dir.path().join("plain-out")).unwrap().bytes, 10);
}

#[test]
fn an_archive_that_wants_to_write_elsewhere_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let wanted: (&str, &[u8], tar::EntryType) = ("package/bin/opencode", b"good", FILE);
    let evil: [(&str, &[u8], tar::EntryType); 6] = [
        ("../escaped", b"evil", FILE),
        ("/tmp/escaped", b"evil", FILE),
        ("package/bin/../../../escaped", b"evil", FILE),
        ("package\\..\\..\\escaped", b"evil", FILE),
        ("package/link", b"", tar::EntryType::Symlink),
        ("package/link", b"", tar::EntryType::Link),
    ];
    for (number, entry) in evil.into_iter().enumerate() {
        for (order, entries) in [[entry, wanted], [wanted, entry]].iter().enumerate() {
            let into = dir.path().join(format!("deep-{number}-{order}"));
            let error = unpack(&tar(dir.path(), entries), &into).unwrap_err();
            assert!(error.message().contains("not trusted"), "{error}");
        }
    }
    let link = [("opencode", &b""[..], tar::EntryType::Symlink)];
    assert!(unpack(&tar(dir.path(), &link), &dir.path().join("link")).is_err());
    for name in ["../escaped", "/tmp/escaped"] {
        let archive = zip(dir.path(), &[("opencode", b"good"), (name, b"evil")]);
        let into = dir.path().join(format!("zip-{}", name.len()));
        assert!(unpack(&archive, &into).unwrap_err().message().contains("escaped"));
    }
    assert!(!dir.path().join("escaped").exists());
}

#[test]
fn an_archive_that_is_cut_anywhere_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    // Bytes that do not compress, so that every cut hits something.
    let noise: Vec<u8> = (0..3000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let archives = [
        tar(dir.path(), &[("package/bin/opencode", &noise, FILE), ("package/README", b"x", FILE)]),
        zip(dir.path(), &[("opencode", &noise), ("README", b"x")]),
    ];
    for archive in archives {
        let whole = std::fs::read(&archive).unwrap();
        let cut = dir.path().join("cut");
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            std::fs::write(&cut, &whole[..length]).unwrap();
            let into = dir.path().join("out");
            let error = unpack(&cut, &into).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LocalServer, "{length}: {error}");
            std::fs::remove_dir_all(&into).unwrap();
        }
    }
}

#[test]
fn an_archive_without_the_binary_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let archive = tar(dir.path(), &[("package/README", b"x", FILE), ("a/b/c/d/opencode", b"deep", FILE)]);
    let error = unpack(&archive, &dir.path().join("one")).unwrap_err();
    assert!(error.message().contains("no executable"), "{error}");
    let text = dir.path().join("text");
    std::fs::write(&text, "<html>").unwrap();
    assert!(unpack(&text, &dir.path().join("two")).unwrap_err().message().contains("neither"));
}
