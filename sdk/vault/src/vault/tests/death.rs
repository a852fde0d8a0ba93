//! Processes that die at every step that changes the disk.

use super::*;
use crate::files::faults::killed_after;

/// For each number of steps: prepares a vault, does `work` until it dies, looks what is left. Ends when it did not die.
fn dying<T>(work: impl Fn(&Bench, Vault) -> Result<T>, look: impl Fn(&Bench, bool)) {
    for steps in 0.. {
        let bench = Bench::new();
        let vault = bench.create(new_passphrase("made-up one")).vault;
        fill(&vault);
        let (result, died) = killed_after(steps, || work(&bench, vault));
        let is_done = result.is_ok();
        drop(result);
        look(&bench, is_done);
        if !died {
            assert!(is_done && steps > 8, "{steps}");
            break;
        }
    }
}

#[test]
fn of_a_vault_in_the_making_nothing_is_left_or_all_of_it() {
    for steps in 0.. {
        let bench = Bench::new();
        let slot = NewSlot::Both(secret("made-up one"), KdfParameters::LEAST);
        let create = || Vault::create(&bench.path(), slot.clone(), bench.options());
        let (created, died) = killed_after(steps, create);
        assert!(created.is_ok() || died);
        drop(created);
        match bench.open(Unlock::Both(secret("made-up one"))) {
            Ok(vault) => vault.lock(),
            Err(kind) => {
                assert_eq!(kind, ErrorKind::NotFound, "after {steps} steps");
                bench.create(slot.clone()).vault.lock();
                bench.open(Unlock::Both(secret("made-up one"))).expect("made anew").lock();
            }
        }
        assert_eq!(bench.databases(), 1);
        assert!(!bench.path().join("creating").exists());
        if !died {
            break;
        }
    }
}

#[test]
fn a_passphrase_is_the_old_one_or_the_new_one() {
    dying(
        |_, vault| vault.change_passphrase(secret("made-up two"), KdfParameters::LEAST),
        |bench, is_done| {
            let opens = ["made-up one", "made-up two"].map(|text| bench.open(by_passphrase(text)).is_ok());
            assert!(opens == [false, true] || (opens == [true, false] && !is_done), "{opens:?}");
        },
    );
}

#[test]
fn a_new_master_key_is_there_or_not_and_nothing_is_lost() {
    dying(
        |bench, vault| {
            vault.lock();
            bench.rekey(by_passphrase("made-up one"))
        },
        |bench, _| {
            let vault = bench.open(by_passphrase("made-up one")).expect("opens");
            assert!(is_filled(&vault));
            // What does not count is gone with the next opening.
            assert_eq!(bench.databases(), 1);
            assert!(!bench.path().join("rekeying").exists());
        },
    );
}

#[test]
fn a_disk_that_fails_in_between_takes_no_secret_away_that_is_needed() {
    for steps in 0.. {
        let bench = Bench::new();
        let vault = bench.create(NewSlot::Both(secret("made-up one"), KdfParameters::LEAST)).vault;
        bench.fake.outlive_the_disk();
        let change = || vault.change_passphrase(secret("made-up two"), KdfParameters::LEAST);
        let (result, died) = killed_after(steps, change);
        let opens = ["made-up one", "made-up two"].map(|text| bench.open(Unlock::Both(secret(text))).is_ok());
        assert!(opens == [false, true] || (opens == [true, false] && result.is_err()), "{steps}: {opens:?}");
        if !died {
            break;
        }
    }
}
