//! Vaults that a keyring helps to open.

use super::*;

#[test]
fn a_keyring_opens_alone_or_together_with_a_passphrase() {
    let bench = Bench::new();
    let vault = bench.create(NewSlot::Keyring).vault;
    fill(&vault);
    let both = vault.add_slot(NewSlot::Both(secret("made-up one"), KdfParameters::LEAST)).expect("added");
    assert_eq!(bench.fake.names().len(), 2);
    vault.lock();
    assert!(is_filled(&bench.open(Unlock::Keyring).expect("opens")));
    let vault = bench.open(Unlock::Both(secret("made-up one"))).expect("opens");
    assert_eq!(bench.open(Unlock::Both(secret("made-up two"))).expect_err("wrong"), ErrorKind::WrongKey);
    let alone = bench.open(by_passphrase("made-up one"));
    assert_eq!(alone.expect_err("the keyring is needed too"), ErrorKind::InvalidInput);

    // Where both were needed, both still are.
    vault.change_passphrase(secret("made-up two"), KdfParameters::LEAST).expect("changed");
    bench.open(Unlock::Both(secret("made-up two"))).expect("opens");
    assert_eq!(bench.open(Unlock::Both(secret("made-up one"))).expect_err("old"), ErrorKind::WrongKey);
    assert_eq!(bench.fake.names().len(), 2, "the secret of the slot before is gone");
    assert!(!bench.fake.names().iter().any(|name| name.ends_with(&both.id)));
}

#[test]
fn each_state_of_the_keyring_is_told_as_what_it_is() {
    let bench = Bench::new();
    bench.create(NewSlot::Keyring).vault.lock();
    let failures = [ErrorKind::KeyringLocked, ErrorKind::KeyringAbsent, ErrorKind::KeyringHung];
    for kind in failures {
        bench.fake.fail(Some(kind));
        assert_eq!(bench.open(Unlock::Keyring).expect_err("fails"), kind);
        let other = bench.folder.path().join("other");
        let created = Vault::create(&other, NewSlot::Keyring, bench.options()).expect_err("fails");
        assert_eq!(created.kind(), kind);
        assert!(!other.exists());
    }
    bench.fake.fail(None);
    bench.open(Unlock::Keyring).expect("works again");

    let other = bench.options_with(bench.fake.keyring(Backend::Kernel));
    let changed = Vault::unlock(&bench.path(), Unlock::Keyring, other).expect_err("another keyring");
    assert_eq!(changed.kind(), ErrorKind::KeyringChanged);
    assert!(changed.to_string().contains("secret-service"), "{changed}");

    let keyring = bench.fake.keyring(Backend::SecretService);
    let name = bench.fake.names().remove(0);
    keyring.set(&name, &secret("made-up and no key")).expect("spoiled");
    assert_eq!(bench.open(Unlock::Keyring).expect_err("no key"), ErrorKind::Damaged);
    keyring.set(&name, &secret(&"5a".repeat(32))).expect("exchanged");
    assert_eq!(bench.open(Unlock::Keyring).expect_err("another key"), ErrorKind::WrongKey);
    keyring.remove(&name).expect("removed");
    assert_eq!(bench.open(Unlock::Keyring).expect_err("no entry"), ErrorKind::KeyringEmpty);
}

#[test]
fn a_passphrase_and_a_recovery_key_need_no_keyring() {
    let bench = Bench::new();
    let created = bench.create(NewSlot::Keyring);
    created.vault.add_slot(new_passphrase("made-up one")).expect("added");
    created.vault.lock();
    bench.fake.fail(Some(ErrorKind::KeyringHung));
    for with in [by_passphrase("made-up one"), Unlock::Recovery(secret(created.recovery.expose()))] {
        let vault = bench.open(with).expect("opens");
        assert!(vault.warnings().is_empty());
        vault.lock();
    }
}

#[test]
fn a_new_master_key_gives_keyring_slots_new_secrets() {
    let bench = Bench::new();
    let vault = bench.create(NewSlot::Keyring).vault;
    vault.add_slot(new_passphrase("made-up one")).expect("added");
    vault.lock();
    let before = bench.fake.names();
    bench.fake.fail(Some(ErrorKind::KeyringLocked));
    let failed = bench.rekey(by_passphrase("made-up one")).expect_err("the keyring is needed");
    assert_eq!(failed.kind(), ErrorKind::KeyringLocked);
    bench.fake.fail(None);
    bench.rekey(by_passphrase("made-up one")).expect("done").vault.lock();
    let after = bench.fake.names();
    assert!(after.len() == 1 && before != after);
    bench.open(Unlock::Keyring).expect("opens");
}

#[test]
fn a_vault_that_is_put_back_is_told_by_the_keyring() {
    let bench = Bench::new();
    let vault = bench.create(NewSlot::Keyring).vault;
    assert!(vault.warnings().is_empty());
    let copy = bench.folder.path().join("copy");
    vault.backup(&copy, &mut |_, _| {}).expect("copied");
    vault.lock();
    for _ in 0..3 {
        let vault = bench.open(Unlock::Keyring).expect("opens");
        assert!(vault.warnings().is_empty());
        vault.lock();
    }
    std::fs::remove_dir_all(bench.path()).expect("removed");
    std::fs::rename(&copy, bench.path()).expect("put back");
    let vault = bench.open(Unlock::Keyring).expect("opens");
    assert_eq!(vault.warnings(), [crate::Warning::RolledBack]);
    assert_eq!(vault.warnings(), [crate::Warning::RolledBack], "asked once, said each time");
    vault.lock();
    // From now on this is what counts, also after a new master key.
    assert!(bench.open(Unlock::Keyring).expect("opens").warnings().is_empty());
    let vault = bench.rekey(Unlock::Keyring).expect("done").vault;
    assert!(vault.warnings().is_empty());
    vault.lock();
    assert_eq!(bench.fake.names().len(), 2, "a secret and the count");
    Vault::destroy(&bench.path(), &bench.fake.keyring(Backend::SecretService)).expect("destroyed");
    assert!(bench.fake.names().is_empty() && !bench.path().exists());
}
