//! What opens a vault and what does not.

use super::*;
use crate::SlotKind;

#[test]
fn a_vault_opens_by_passphrase_and_recovery_key_and_keeps_what_was_written() {
    let bench = Bench::new();
    let created = bench.create(new_passphrase("made-up one"));
    fill(&created.vault);
    created.vault.lock();
    for with in [by_passphrase("made-up one"), Unlock::Recovery(secret(created.recovery.expose()))] {
        let vault = bench.open(with).expect("opens");
        assert!(is_filled(&vault));
        assert!(vault.warnings().is_empty());
    }
    assert_eq!(bench.open(by_passphrase("made-up two")).expect_err("wrong"), ErrorKind::WrongKey);
    assert_eq!(bench.open(by_passphrase("")).expect_err("empty"), ErrorKind::InvalidInput);
    assert_eq!(bench.open(Unlock::Recovery(secret("made-up"))).expect_err("slip"), ErrorKind::InvalidInput);
    for unmade in [Unlock::Keyring, Unlock::Both(secret("made-up one"))] {
        assert_eq!(bench.open(unmade).expect_err("no such slot"), ErrorKind::InvalidInput);
    }
    let description = Vault::describe(&bench.path()).expect("described");
    assert_eq!(description.slots, vault_slots(&bench));
    assert!(description.bytes > 4096 && description.id.len() == 32);
}

fn vault_slots(bench: &Bench) -> Vec<crate::SlotInfo> {
    bench.open(by_passphrase("made-up one")).expect("opens").slots().expect("slots")
}

#[test]
fn locked_means_that_nothing_answers_any_more() {
    let bench = Bench::new();
    let vault = bench.create(new_passphrase("made-up one")).vault;
    let clone = vault.clone();
    vault.lock();
    vault.lock();
    assert!(clone.is_locked());
    let kinds = [
        clone.slots().map(drop),
        clone.add_slot(new_passphrase("made-up two")).map(drop),
        clone.remove_slot("00000000"),
        clone.change_passphrase(secret("made-up two"), KdfParameters::LEAST),
        clone.replace_recovery().map(drop),
        clone.backup(&bench.folder.path().join("copy"), &mut |_, _| {}),
        clone.usage().map(drop),
    ];
    for result in kinds {
        assert_eq!(result.expect_err("locked").kind(), ErrorKind::Locked);
    }
    assert!(!bench.folder.path().join("copy").exists());
    assert!(clone.warnings().is_empty());
}

#[test]
fn a_vault_is_made_in_an_empty_folder_alone() {
    let bench = Bench::new();
    bench.create(new_passphrase("made-up one")).vault.lock();
    let again = Vault::create(&bench.path(), new_passphrase("made-up two"), bench.options());
    assert_eq!(again.expect_err("there").kind(), ErrorKind::Exists);
    bench.open(by_passphrase("made-up one")).expect("untouched");

    let other = bench.folder.path().join("other");
    std::fs::create_dir(&other).expect("folder");
    std::fs::write(other.join("notes.txt"), "made up").expect("written");
    let created = Vault::create(&other, new_passphrase("made-up one"), bench.options());
    assert_eq!(created.expect_err("not empty").kind(), ErrorKind::Exists);
    assert_eq!(std::fs::read_dir(&other).expect("folder").count(), 1);

    let missing = Vault::unlock(&other, by_passphrase("made-up one"), bench.options());
    assert_eq!(missing.expect_err("no vault").kind(), ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(&other).expect("folder").count(), 1, "and no lock file");
}

#[test]
fn what_cannot_be_used_leaves_no_folder_behind() {
    let bench = Bench::new();
    let huge = KdfParameters { memory: u32::MAX, ..KdfParameters::LEAST };
    for (slot, kind) in [
        (new_passphrase(""), ErrorKind::InvalidInput),
        (NewSlot::Passphrase(secret("made-up"), huge), ErrorKind::Parameters),
    ] {
        let failed = Vault::create(&bench.path(), slot, bench.options());
        assert_eq!(failed.expect_err("refused").kind(), kind);
        assert!(!bench.path().exists());
    }
}

#[test]
fn slots_are_added_removed_and_replaced() {
    let bench = Bench::new();
    let created = bench.create(new_passphrase("made-up one"));
    let vault = created.vault;
    let first = vault.slots().expect("slots")[0].id.clone();
    let refused = vault.remove_slot(&first).expect_err("the last one");
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let paper = vault.slots().expect("slots")[1].clone();
    assert_eq!(paper.kind, SlotKind::Recovery);
    assert_eq!(vault.remove_slot(&paper.id).expect_err("recovery").kind(), ErrorKind::InvalidInput);
    assert_eq!(vault.remove_slot("ffffffff").expect_err("none").kind(), ErrorKind::NotFound);

    vault.add_slot(new_passphrase("made-up two")).expect("added");
    bench.open(by_passphrase("made-up two")).expect("opens");
    vault.remove_slot(&first).expect("removed");
    assert_eq!(bench.open(by_passphrase("made-up one")).expect_err("gone"), ErrorKind::WrongKey);

    vault.change_passphrase(secret("made-up three"), KdfParameters::LEAST).expect("changed");
    assert_eq!(bench.open(by_passphrase("made-up two")).expect_err("gone"), ErrorKind::WrongKey);
    bench.open(by_passphrase("made-up three")).expect("opens");

    let new = vault.replace_recovery().expect("replaced");
    let old = bench.open(Unlock::Recovery(secret(created.recovery.expose())));
    assert_eq!(old.expect_err("replaced"), ErrorKind::WrongKey);
    bench.open(Unlock::Recovery(secret(new.expose()))).expect("opens");
    assert_eq!(vault.slots().expect("slots").len(), 2);
}

#[test]
fn a_backup_opens_in_the_same_ways_and_a_removed_database_is_damage() {
    let bench = Bench::new();
    let created = bench.create(new_passphrase("made-up one"));
    fill(&created.vault);
    let copy = bench.folder.path().join("copy");
    created.vault.backup(&copy, &mut |_, _| {}).expect("copied");
    let again = created.vault.backup(&copy, &mut |_, _| {});
    assert_eq!(again.expect_err("there").kind(), ErrorKind::Exists);
    created.vault.lock();
    let opened = Vault::unlock(&copy, by_passphrase("made-up one"), bench.options()).expect("opens");
    assert!(is_filled(&opened));

    for entry in std::fs::read_dir(bench.path()).expect("folder") {
        let path = entry.expect("entry").path();
        if path.to_string_lossy().contains(".db") {
            std::fs::remove_file(path).expect("removed");
        }
    }
    assert_eq!(bench.open(by_passphrase("made-up one")).expect_err("no database"), ErrorKind::Damaged);
}

#[test]
fn a_new_master_key_keeps_everything_and_shuts_out_the_old_ones() {
    let bench = Bench::new();
    let created = bench.create(new_passphrase("made-up one"));
    fill(&created.vault);
    created.vault.add_slot(new_passphrase("made-up two")).expect("added");
    let old_slots = std::fs::read(bench.path().join("keys.json")).expect("slots");
    let busy = bench.rekey(by_passphrase("made-up one")).expect_err("open");
    assert_eq!(busy.kind(), ErrorKind::Busy);
    created.vault.lock();

    let rekeyed = bench.rekey(by_passphrase("made-up one")).expect("done");
    assert!(is_filled(&rekeyed.vault) && bench.databases() == 1);
    assert!(rekeyed.vault.check(&mut |_, _| {}).expect("checked").problems.is_empty());
    rekeyed.vault.lock();
    assert_eq!(bench.open(by_passphrase("made-up two")).expect_err("gone"), ErrorKind::WrongKey);
    let paper = Unlock::Recovery(secret(created.recovery.expose()));
    assert_eq!(bench.open(paper).expect_err("replaced"), ErrorKind::WrongKey);
    let paper = Unlock::Recovery(secret(rekeyed.recovery.expose()));
    assert!(is_filled(&bench.open(paper.clone()).expect("opens")));

    // By the recovery key: it stays the same, because a new one might never be seen.
    let again = bench.rekey(paper.clone()).expect("done");
    assert_eq!(again.recovery.expose(), rekeyed.recovery.expose());
    again.vault.lock();
    assert_eq!(bench.open(by_passphrase("made-up one")).expect_err("gone"), ErrorKind::InvalidInput);
    assert!(is_filled(&bench.open(paper).expect("opens")));

    // The old slots do not bring the old database back.
    for copy in ["keys.json", "keys.json.2"] {
        std::fs::write(bench.path().join(copy), &old_slots).expect("put back");
    }
    assert_eq!(bench.open(by_passphrase("made-up one")).expect_err("no database"), ErrorKind::Damaged);
    assert_eq!(bench.databases(), 1, "and what is there stays");
}

#[test]
fn a_damaged_copy_of_the_slots_is_told_once() {
    let bench = Bench::new();
    bench.create(new_passphrase("made-up one")).vault.lock();
    std::fs::write(bench.path().join("keys.json"), "").expect("emptied");
    let vault = bench.open(by_passphrase("made-up one")).expect("opens");
    assert_eq!(vault.warnings(), [crate::Warning::SlotsRepaired]);
    vault.lock();
    assert!(bench.open(by_passphrase("made-up one")).expect("opens").warnings().is_empty());
}

#[test]
fn no_secret_is_shown() {
    let bench = Bench::new();
    let created = bench.create(new_passphrase("made-up one"));
    let shown = format!("{created:?} {:?} {:?}", by_passphrase("made-up one"), new_passphrase("made-up one"));
    let group = &created.recovery.expose()[..9];
    assert!(!shown.contains("made-up") && !shown.contains(group), "{shown}");
    for entry in std::fs::read_dir(bench.path()).expect("folder") {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("read");
        assert!(!bytes.windows(7).any(|window| window == b"made-up"));
    }
}
