//! Archives that are whole, and every way in which one is not. Hostile ones are built by hand, byte by byte where it must be.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::signature::SecretKey;

/// What begins like a component; it is never run here.
const WASM: &[u8] = b"\0asm\x0d\0\x01\0 a component of these tests";

fn manifest() -> Manifest {
    Manifest::parse(
        r#"
schema = 1
id = "acme.jira"
version = "1.2.0"
api = "0.1"
summary = "Tickets by their number"
worlds = ["context-provider"]
"#,
    )
    .unwrap()
}

fn key() -> SecretKey {
    SecretKey::make(None).unwrap().0
}

fn web() -> BTreeMap<String, Vec<u8>> {
    [("index.html", "<!doctype html>"), ("js/app.js", "'use strict'")]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
        .into()
}

fn signed() -> Bundle {
    Bundle::build(manifest(), WASM.to_vec(), web(), Some(&key())).unwrap()
}

/// An archive of these entries, as a stranger would pack it.
fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated))
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The entries of an unsigned plugin and these.
fn packed_with(more: &[(&str, &[u8])]) -> Vec<u8> {
    let plain = Bundle::build(manifest(), WASM.to_vec(), BTreeMap::new(), None).unwrap();
    let mut files: Vec<(&str, &[u8])> = plain.files().collect();
    files.extend(more);
    packed(&files)
}

#[track_caller]
fn refused(bytes: &[u8], code: &str, words: &str) {
    let error = Bundle::from_bytes(bytes).expect_err(words);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
    assert!(!error.to_string().chars().any(char::is_control), "{error}");
}

#[test]
fn what_was_built_is_read_alike_and_twice_the_same_bytes() {
    let bundle = signed();
    let bytes = bundle.to_bytes().unwrap();
    let again = Bundle::from_bytes(&bytes).unwrap();
    assert_eq!(again, bundle);
    assert_eq!(again.to_bytes().unwrap(), bytes);
    assert_eq!(again.component(), WASM);
    assert!(again.publisher().is_some());
    assert_eq!(again.digests().lines().count(), 1 + 5, "{}", again.digests());
    assert_eq!(again.manifest().sha256.as_deref(), Some(sha256(WASM).as_str()));
}

#[test]
fn an_archive_that_is_cut_anywhere_is_refused() {
    let bytes = signed().to_bytes().unwrap();
    for end in 0..bytes.len() {
        assert!(Bundle::from_bytes(&bytes[..end]).is_err(), "{end} of {}", bytes.len());
    }
}

#[test]
fn an_archive_with_a_changed_byte_is_refused_or_means_the_same() {
    let bundle = signed();
    let bytes = bundle.to_bytes().unwrap();
    for place in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[place] ^= change;
            // A date, a version of the packer, the first line of a signature: nothing that anybody believes.
            if let Ok(read) = Bundle::from_bytes(&changed) {
                assert_eq!(read.digests(), bundle.digests(), "{place}");
                assert_eq!(read.publisher(), bundle.publisher(), "{place}");
            }
        }
    }
}

#[test]
fn an_entry_that_was_exchanged_breaks_the_signature() {
    let bundle = signed();
    for changed in ["plugin.toml", "plugin.wasm", "web/index.html", "web/js/app.js"] {
        let mut files: BTreeMap<String, Vec<u8>> =
            bundle.files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
        files.get_mut(changed).unwrap().push(b'\n');
        if changed == COMPONENT {
            // Whoever changes the component can write its new digest into the manifest.
            let mut manifest = bundle.manifest().clone();
            manifest.sha256 = Some(sha256(&files[COMPONENT]));
            files.insert(MANIFEST.to_owned(), manifest.to_toml().unwrap().into_bytes());
        }
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        refused(&packed(&files), "security.forbidden", "changed after it was made");
    }
}

#[test]
fn an_entry_that_was_added_or_taken_out_breaks_the_signature() {
    let bundle = signed();
    let all: Vec<(&str, &[u8])> = bundle.files().collect();
    let less: Vec<_> = all.iter().copied().filter(|(name, _)| *name != "web/js/app.js").collect();
    refused(&packed(&less), "security.forbidden", "changed");
    let more = [&all[..], &[("web/more.js", b"alert()")]].concat();
    refused(&packed(&more), "security.forbidden", "changed");
    for (out, words) in
        [(SIGNATURE, "signature was taken out"), (PUBLISHER, "key of its publisher was taken out")]
    {
        let half: Vec<_> = all.iter().copied().filter(|(name, _)| *name != out).collect();
        refused(&packed(&half), "security.forbidden", words);
    }
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let bundle = signed();
    let other = key().public().to_text();
    let mut files: Vec<(&str, &[u8])> = bundle.files().filter(|(name, _)| *name != PUBLISHER).collect();
    files.push((PUBLISHER, other.as_bytes()));
    refused(&packed(&files), "security.forbidden", "another key");
}

#[test]
fn names_that_could_mean_another_place_are_refused() {
    for name in [
        "web/../../x",
        "../x",
        "/etc/x",
        "web/..\\x",
        "web//x",
        "web/./x",
        "web/.x",
        "web/a:b",
        "C:/x",
        "web/nul.js",
        "web/\u{1b}[2J",
        "web/ä",
        "web/x ",
        "web/x.",
    ] {
        refused(&packed_with(&[(name, b"x")]), "recovery.damaged", "is not safe");
    }
    for name in ["x", "webx", "readme.txt", "plugin.cwasm"] {
        refused(&packed_with(&[(name, b"x")]), "recovery.damaged", "does not belong");
    }
    refused(&packed_with(&[("web/A.js", b"x"), ("web/a.js", b"y")]), "recovery.damaged", "capitals");
    refused(&packed_with(&[("web/a", b"x"), ("web/a/b", b"y")]), "recovery.damaged", "a file and a folder");
    refused(&packed_with(&[("WEB/a", b"x")]), "recovery.damaged", "does not belong");
}

#[test]
fn folders_links_and_devices_are_refused() {
    type Change<'a> = &'a dyn Fn(&mut ZipWriter<Cursor<Vec<u8>>>);
    let with = |change: Change<'_>| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let plain = Bundle::build(manifest(), WASM.to_vec(), BTreeMap::new(), None).unwrap();
        for (name, bytes) in plain.files() {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        change(&mut zip);
        zip.finish().unwrap().into_inner()
    };
    let link = with(&|zip| zip.add_symlink("web/l", "/etc/passwd", SimpleFileOptions::default()).unwrap());
    refused(&link, "recovery.damaged", "is no file");
    let folder = with(&|zip| zip.add_directory("web/d", SimpleFileOptions::default()).unwrap());
    refused(&folder, "recovery.damaged", "not safe");
    // A FIFO: the kind stands in the upper half of the attributes in the list of entries.
    let mut device = packed_with(&[("web/fifo", b"x")]);
    let listed = device.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    device[listed + 5] = 3;
    device[listed + 38..listed + 42].copy_from_slice(&(0o010_644_u32 << 16).to_le_bytes());
    refused(&device, "recovery.damaged", "is no file");
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let mut twice = packed_with(&[("web/a.js", b"one"), ("web/b.js", b"two")]);
    let places: Vec<usize> = twice
        .windows(8)
        .enumerate()
        .filter(|(_, bytes)| *bytes == b"web/b.js")
        .map(|(place, _)| place)
        .collect();
    for place in places {
        twice[place..place + 8].copy_from_slice(b"web/a.js");
    }
    refused(&twice, "recovery.damaged", "");
}

#[test]
fn an_entry_that_says_another_name_at_its_place_is_refused() {
    let mut two = packed_with(&[("web/a.js", b"one")]);
    let place = two.windows(8).position(|bytes| bytes == b"web/a.js").unwrap();
    two[place..place + 8].copy_from_slice(b"web/z.js");
    refused(&two, "recovery.damaged", "");
}

#[test]
fn a_bomb_is_unpacked_up_to_its_limit_only() {
    let zeros = vec![0; LARGEST_WEB as usize + 1];
    let bomb = packed_with(&[("web/zeros", &zeros)]);
    assert!(bomb.len() < 100_000);
    refused(&bomb, "system.too_large", "web/zeros");
    let half = &zeros[..LARGEST_WEB as usize / 2 + 1];
    refused(&packed_with(&[("web/a", half), ("web/b", half)]), "system.too_large", "web/b");
    // One that says a small size of itself: what is unpacked counts, and not what is said.
    let mut liar = bomb.clone();
    let listed = liar.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    liar[listed + 24..listed + 28].copy_from_slice(&5_u32.to_le_bytes());
    assert!(Bundle::from_bytes(&liar).is_err());
    let large = Bundle::build(manifest(), vec![0; LARGEST_COMPONENT as usize + 1], BTreeMap::new(), None);
    assert_eq!(large.unwrap_err().code(), "system.too_large");
}

#[test]
fn too_many_entries_are_refused_before_they_are_read() {
    let names: Vec<String> = (0..MOST_ENTRIES).map(|number| format!("web/{number}")).collect();
    let more: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    refused(&packed_with(&more), "system.too_large", "2000 entries");
}

#[test]
fn what_stands_around_an_archive_is_refused() {
    let bytes = packed_with(&[]);
    Bundle::from_bytes(&bytes).unwrap();
    refused(&[b"#!/bin/sh\n", &bytes[..]].concat(), "recovery.damaged", "");
    refused(&[&bytes[..], b"more"].concat(), "recovery.damaged", "behind its end");
    refused(b"\0asm\x0d\0\x01\0", "recovery.damaged", "not a .plugin archive");
    refused(b"", "recovery.damaged", "not a .plugin archive");
}

#[test]
fn a_component_that_the_manifest_does_not_mean_is_refused() {
    let good = manifest();
    let text = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = good.clone();
        manifest.sha256 = Some(sha256(WASM));
        change(&mut manifest);
        manifest.to_toml().unwrap()
    };
    for (manifest, words) in [
        (text(&|m| m.sha256 = Some(sha256(b"other"))), "sha256 differs"),
        (text(&|m| m.sha256 = None), "no sha256"),
        (text(&|m| m.wasm = "web/x.wasm".to_owned()), "another component"),
    ] {
        refused(&packed(&[(MANIFEST, manifest.as_bytes()), (COMPONENT, WASM)]), "recovery.damaged", words);
    }
    refused(&packed(&[(MANIFEST, text(&|_| ()).as_bytes())]), "recovery.damaged", "no plugin.wasm");
    refused(&packed(&[(COMPONENT, WASM)]), "recovery.damaged", "no plugin.toml");
}

#[test]
fn a_plugin_of_a_time_to_come_is_refused_for_its_age_whatever_else_is_in_it() {
    let text =
        manifest().to_toml().unwrap().replace("schema = 1", "schema = 2").replace("\"0.1\"", "\"0.9\"");
    refused(&packed(&[(MANIFEST, text.as_bytes()), ("assets/x", b"y")]), "system.newer_format", "format 2");
}

#[test]
fn a_folder_becomes_a_plugin_without_what_does_not_belong_into_one() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(place("web/js")).unwrap();
    std::fs::create_dir_all(place("src")).unwrap();
    let text = manifest().to_toml().unwrap().replace("plugin.wasm", "out.wasm");
    for (name, text) in [
        ("plugin.toml", text.as_str()),
        ("web/index.html", "x"),
        ("web/js/a.js", "y"),
        ("src/secret.txt", "no"),
    ] {
        std::fs::write(place(name), text).unwrap();
    }
    let error = Bundle::from_folder(folder.path(), None).unwrap_err();
    assert_eq!(error.code(), "user.not_found", "{error}");
    std::fs::write(place("out.wasm"), WASM).unwrap();
    let bundle = Bundle::from_folder(folder.path(), Some(&key())).unwrap();
    let names: Vec<&str> = bundle.files().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["plugin.toml", "plugin.wasm", "publisher.pub", "signature.minisig", "web/index.html", "web/js/a.js"]
    );
    std::fs::write(place("web/.DS_Store"), "x").unwrap();
    let error = Bundle::from_folder(folder.path(), None).unwrap_err();
    assert!(error.to_string().contains("web/.DS_Store"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_bytes_come_they_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Bundle::from_bytes(&bytes).is_err());
        prop_assert!(Bundle::from_bytes(&[b"PK\x03\x04", &bytes[..], b"PK\x05\x06", &[0; 18]].concat()).is_err());
    }
}
