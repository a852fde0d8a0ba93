//! The two copies of the slots.

use std::time::Duration;

use super::FROZEN;
use crate::ErrorKind;
use crate::files::faults;
use crate::keys::MasterKey;
use crate::keys::slot_disk::{COPIES, SlotDisk};
use crate::keys::slot_file::SlotFile;

const BOUND: Duration = Duration::from_secs(10);

fn master() -> MasterKey {
    MasterKey::from_slice(&(100..132).collect::<Vec<u8>>()).expect("a key")
}

fn folder(first: Option<&[u8]>, second: Option<&[u8]>) -> (tempfile::TempDir, SlotDisk) {
    let folder = tempfile::tempdir().expect("folder");
    for (name, bytes) in COPIES.iter().zip([first, second]) {
        if let Some(bytes) = bytes {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        }
    }
    let disk = SlotDisk::new(folder.path());
    (folder, disk)
}

#[test]
fn a_flipped_bit_in_one_copy_is_repaired_from_the_other_and_in_both_it_is_damage() {
    let whole = SlotFile::decode(FROZEN).expect("frozen");
    for at in 0..FROZEN.len() {
        let mut flipped = FROZEN.to_vec();
        flipped[at] ^= 1 << (at % 8);
        for copies in [(Some(&flipped[..]), Some(FROZEN)), (Some(FROZEN), Some(&flipped[..]))] {
            let (_folder, disk) = folder(copies.0, copies.1);
            let found = disk.read().expect("the other copy");
            assert!(found.is_incomplete && found.file == whole, "byte {at}");
            if at % 97 == 0 {
                assert!(disk.repair(&master(), BOUND).expect("repaired"));
                assert!(!disk.read().expect("both").is_incomplete);
            }
        }
        let (_folder, disk) = folder(Some(&flipped), Some(&flipped));
        assert_eq!(disk.read().expect_err("both").kind(), ErrorKind::Damaged, "byte {at}");
    }
}

#[test]
fn a_cut_at_any_byte_is_damage_in_both_copies_and_repaired_in_one() {
    for length in 0..FROZEN.len() {
        let cut = &FROZEN[..length];
        // Some of it is too short to say whose it was.
        let (_folder, disk) = folder(Some(cut), Some(cut));
        let kind = disk.read().expect_err("both").kind();
        assert!(
            kind == ErrorKind::Damaged || (length < 12 && kind == ErrorKind::Foreign),
            "{length}: {kind:?}"
        );
        let (_folder, disk) = folder(Some(cut), Some(FROZEN));
        assert!(disk.read().expect("the other copy").is_incomplete);
    }
}

#[test]
fn of_two_copies_the_newer_one_counts_and_a_removed_slot_does_not_come_back() {
    let mut newer = SlotFile::decode(FROZEN).expect("frozen");
    newer.slots.remove(0);
    newer.generation += 1;
    newer.sign(&master());
    let newer_text = newer.encode().expect("text");
    for (first, second) in [(&newer_text[..], FROZEN), (FROZEN, &newer_text[..])] {
        let (_folder, disk) = folder(Some(first), Some(second));
        assert_eq!(disk.read().expect("read").file, newer);
        disk.repair(&master(), BOUND).expect("repaired");
        let found = disk.read().expect("read");
        assert!(found.file == newer && !found.is_incomplete);
    }
}

#[test]
fn a_copy_of_a_newer_version_is_not_overruled_by_the_old_one() {
    use sha2::Digest;
    let rest = "\"format\": 2}\n";
    let newer =
        format!("{{\"checksum\":\"{}\",\n{rest}", super::super::hex::encode(&sha2::Sha256::digest(rest)));
    let (_folder, disk) = folder(Some(newer.as_bytes()), Some(FROZEN));
    assert_eq!(disk.read().expect_err("newer").kind(), ErrorKind::Newer);
}

#[test]
fn copies_of_two_vaults_are_not_mixed_up() {
    let mut other = SlotFile::decode(FROZEN).expect("frozen");
    other.vault = [1; 16];
    let other = other.encode().expect("text");
    let (_folder, disk) = folder(Some(FROZEN), Some(&other));
    assert_eq!(disk.read().expect_err("two vaults").kind(), ErrorKind::Damaged);
}

#[test]
fn nothing_there_is_not_found_and_what_is_too_large_is_not_read() {
    let (_folder, disk) = folder(None, None);
    assert!(!disk.exists());
    assert_eq!(disk.read().expect_err("nothing").kind(), ErrorKind::NotFound);
    let large = vec![b' '; 64 * 1024 + 1];
    let (_folder, disk) = folder(Some(&large), Some(FROZEN));
    assert!(disk.read().expect("the other copy").is_incomplete);
}

#[test]
fn a_change_is_made_or_not_wherever_the_process_dies() {
    let before = SlotFile::decode(FROZEN).expect("frozen");
    for steps in 0.. {
        let (_folder, disk) = folder(Some(FROZEN), Some(FROZEN));
        let change = || disk.change(&master(), BOUND, |file| Ok(file.slots.remove(0)));
        let (result, died) = faults::killed_after(steps, change);
        let found = disk.read().expect("readable");
        found.file.verify(&master()).expect("signed");
        let is_after = found.file.generation == before.generation + 1;
        assert!(is_after || found.file == before);
        assert!(result.is_err() || (is_after && !found.is_incomplete));
        // The next process makes both copies equal, whichever it was.
        disk.repair(&master(), BOUND).expect("repaired");
        assert_eq!(disk.read().expect("read").file, found.file);
        if !died {
            assert!(steps > 10);
            break;
        }
    }
}

#[test]
fn two_that_change_slots_wait_for_each_other() {
    let (_folder, disk) = folder(Some(FROZEN), Some(FROZEN));
    let _held = disk.lock(BOUND).expect("lock");
    let busy = disk.change(&master(), Duration::ZERO, |_| Ok(())).expect_err("busy");
    assert_eq!(busy.kind(), ErrorKind::Busy);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_slots() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, disk) = folder(Some(FROZEN), None);
    disk.repair(&master(), BOUND).expect("written");
    for copy in COPIES {
        let mode = folder.path().join(copy).metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{copy}");
    }
}
