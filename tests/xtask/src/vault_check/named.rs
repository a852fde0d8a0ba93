//! Promises that tests of the crates show: each by the name of its test, run through cargo. A name that is gone is a
//! failure: a promise must not end with a renamed test.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use super::report::{Report, because};
use crate::cargo::cargo;

/// A package, its promises, and the end of the name of the test that shows each.
const PROMISES: &[(&str, &[(&str, &str)])] = &[("nexus-vault", VAULT), ("opencode-nexus", SDK)];

const VAULT: &[(&str, &str)] = &[
    ("AES-256-GCM is that of Wycheproof", "the_vectors_of_wycheproof_hold"),
    ("Argon2id is that of RFC 9106", "argon2id_is_the_one_of_rfc_9106"),
    ("HKDF is that of RFC 5869", "the_vectors_of_rfc_5869_come_out"),
    ("frozen envelope", "an_envelope_of_the_first_version_opens_and_is_made_in_the_same_way"),
    ("frozen key slots", "the_slots_of_the_first_version_open_in_every_way"),
    ("frozen archive", "an_archive_of_the_first_version_opens_and_is_made_in_the_same_way"),
    ("frozen database", "a_frozen_store_of_version_1_still_opens"),
    ("frozen database, still made alike", "a_store_that_is_frozen_now_is_like_the_frozen_one"),
    ("migrations, a copy first", "an_older_file_is_copied_and_brought_up_to_date_step_by_step"),
    ("nonces are different", "a_million_nonces_are_different"),
    ("keys are rotated", "keys_are_replaced_after_so_many_pieces_and_old_ones_still_open"),
    ("a bit of an envelope", "every_flipped_bit_and_every_cut_is_damage_or_a_newer_version"),
    ("a bit of a key slot", "a_flipped_bit_in_one_copy_is_repaired_from_the_other_and_in_both_it_is_damage"),
    ("a bit on every page", "a_flipped_bit_on_any_page_is_an_error_and_never_another_answer"),
    ("a bit of an archive", "a_flipped_bit_anywhere_is_an_error"),
    ("rows swapped, changed, taken out", "rows_that_are_moved_changed_doubled_or_taken_out_are_noticed"),
    ("rows put back", "rows_that_are_put_back_are_noticed"),
    ("pages put back", "pages_that_are_put_back_are_noticed_by_a_check"),
    ("cut database", "a_file_that_was_cut_is_an_error_and_never_another_answer"),
    ("cut key slots", "a_cut_at_any_byte_is_damage_in_both_copies_and_repaired_in_one"),
    ("cut archive", "a_cut_archive_gives_whole_blocks_and_an_error"),
    ("forged archive", "blocks_that_are_moved_doubled_left_out_or_foreign_are_errors"),
    ("empty, foreign, plaintext, newer file", "files_that_are_no_store_are_told_apart"),
    ("newer key slots", "a_newer_file_is_told_from_a_damaged_one"),
    ("wrong passphrase is not damage", "a_slot_that_says_something_else_of_itself_does_not_open"),
    ("slots added by a stranger", "whoever_changes_the_file_without_the_key_is_found_out"),
    ("a removed slot stays away", "of_two_copies_the_newer_one_counts_and_a_removed_slot_does_not_come_back"),
    ("parameters of a key slot", "parameters_out_of_bounds_are_refused_before_anything_is_allocated"),
    ("death at each step of a rewrite of slots", "a_passphrase_is_the_old_one_or_the_new_one"),
    ("death at each step of a new master key", "a_new_master_key_is_there_or_not_and_nothing_is_lost"),
    ("death at each step of making a vault", "of_a_vault_in_the_making_nothing_is_left_or_all_of_it"),
    ("removed words are gone", "what_was_removed_is_gone_from_the_index_and_from_the_files"),
    ("the index is a scan", "an_index_search_equals_a_scan"),
    ("locked is locked", "locked_means_that_nothing_answers_any_more"),
    ("secrets are not shown", "no_secret_is_shown"),
    (
        "lockout: five, then waits that double",
        "five_failures_cost_half_a_minute_and_each_further_one_twice_as_much_up_to_an_hour",
    ),
    ("lockout: a clock set back", "a_clock_that_is_set_back_restarts_the_wait"),
    ("lockout: a removed file", "a_missing_file_with_a_mirror_is_locked_and_not_fresh"),
    ("lockout: an older file", "an_older_file_put_back_does_not_undo_what_the_mirror_has"),
];

const SDK: &[(&str, &str)] = &[
    ("export, import, equal", "what_was_exported_is_imported_as_it_was"),
    ("a cut export imports nothing", "a_file_that_is_cut_at_any_byte_is_refused"),
    ("a changed export imports nothing", "a_byte_that_was_changed_is_noticed"),
    ("a forged export imports nothing", "a_line_that_is_missing_doubled_or_moved_is_noticed"),
    ("a hostile export is looked at", "files_with_a_true_checksum_are_still_looked_at"),
    ("an encrypted export opens whole", "an_archive_opens_with_its_passphrase_alone_and_whole"),
    ("the history's search is a scan", "a_search_finds_what_a_look_at_everything_finds"),
    ("deleted conversations are gone", "deleting_takes_what_sub_agents_did_with_it_and_its_words"),
    ("secrets are hidden on request", "secrets_are_hidden_on_request_and_what_is_left_can_be_imported"),
    ("well-known secrets are found", "every_form_finds_its_examples_and_nothing_around_them"),
    ("credentials are shown nowhere", "credentials_belong_to_an_origin_and_are_shown_nowhere"),
    ("guessing a passphrase has to wait", "guessing_has_to_wait_and_keys_that_cannot_be_guessed_need_not"),
    ("any stored bytes are survived", "any_bytes_are_survived"),
];

pub fn run(root: &Path, report: &mut Report) -> Result<(), String> {
    let promises = || PROMISES.iter().flat_map(|(package, all)| all.iter().map(move |one| (package, one)));
    let results = results(root, promises().map(|(_, (_, test))| *test))?;
    for (package, (promise, test)) in promises() {
        let name = format!("{promise} ({test})");
        let found: Vec<&bool> = results
            .iter()
            .filter(|(path, _)| path.rsplit("::").next() == Some(test))
            .map(|(_, ok)| ok)
            .collect();
        report.told(
            &name,
            match found[..] {
                [] => Err(format!("{package} has no test of this name any more")),
                _ if found.iter().all(|ok| **ok) => Ok(()),
                _ => Err("the test fails; run it alone to see why".to_owned()),
            },
        );
    }
    Ok(())
}

/// Every test that ran, and whether it passed. Built with the whole workspace: one package alone has other features in its
/// libraries, and SQLCipher would be built again for it.
fn results(root: &Path, tests: impl Iterator<Item = &'static str>) -> Result<BTreeMap<String, bool>, String> {
    let mut command = cargo();
    command.current_dir(root).args(["test", "--no-fail-fast", "--workspace", "--lib", "--tests", "--"]);
    command.args(tests);
    // What cargo says about building stands among the tests' own noise, and is shown when nothing ran at all.
    let output = command.stdin(Stdio::null()).output().map_err(because("cargo"))?;
    let results = read(&String::from_utf8_lossy(&output.stdout));
    match results.is_empty() {
        true => Err(format!("no test ran: {}", String::from_utf8_lossy(&output.stderr))),
        false => Ok(results),
    }
}

/// Reads the lines `test NAME ... ok`.
fn read(output: &str) -> BTreeMap<String, bool> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    // An ignored test has shown nothing.
    lines.map(|(name, how)| (name.trim().to_owned(), how.trim() == "ok")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_and_an_ignored_test_is_a_failure() {
        let read = read(
            "\nrunning 3 tests\ntest a::b ... ok\ntest c ... FAILED\ntest d ... ignored\n\ntest result: ok.\n",
        );
        let expected = [("a::b", true), ("c", false), ("d", false)];
        assert_eq!(read, expected.map(|(name, ok)| (name.to_owned(), ok)).into());
    }
}
