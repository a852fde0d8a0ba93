//! Hunks in files that have changed since, and that putting them back puts them back.

use opencode_nexus::model::FileDiff;
use proptest::prelude::*;

use super::super::change::net;
use super::super::edit::{Back, edits};
use super::*;

fn change(old: &str, new: &str) -> Option<Change> {
    let diff = similar::TextDiff::from_lines(old, new);
    let patch = Some(diff.unified_diff().context_radius(1000).to_string());
    let status = Some("modified".to_owned());
    net([FileDiff { path: "f".into(), patch, additions: 1, deletions: 1, status }]).pop()
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Edits applied as an editor does it: columns are UTF-16, later ones first.
fn apply(text: &str, edits: &[tower_lsp_server::gen_lsp_types::TextEdit]) -> String {
    let lines = lines(text);
    let byte = |at: tower_lsp_server::gen_lsp_types::Position| {
        let line = (at.line as usize).min(lines.len());
        let before: usize = lines[..line].iter().map(|l| l.len()).sum();
        let mut left = at.character as usize;
        let inside = lines.get(line).map_or("", |l| key(l)).char_indices();
        let column = inside.take_while(|(_, c)| {
            let fits = left >= c.len_utf16();
            left = left.saturating_sub(c.len_utf16());
            fits
        });
        before + column.map(|(_, c)| c.len_utf8()).sum::<usize>()
    };
    let mut out = text.to_owned();
    for edit in edits.iter().rev() {
        out.replace_range(byte(edit.range.start)..byte(edit.range.end), &edit.new_text);
    }
    out
}

/// The text after all hunks of the mask were taken back.
fn back(change: &Change, text: &str, mask: &[bool]) -> String {
    let now = lines(text);
    let placed = place(change, Some(&now), &vec![false; mask.len()]);
    let all = change.hunks.iter().zip(placed).zip(mask).filter(|(_, mask)| **mask);
    let back = all.map(|((hunk, placed), _)| Back { change, hunk, lines: placed.lines }).collect();
    apply(text, &edits(&now, back))
}

const OLD: &str = "l1\nl2\nl3\nl4\nl5\nl6\nl7\nl8\nl9\n";

#[test]
fn hunks_are_found_where_they_have_moved_to() {
    let change = change(OLD, &OLD.replace("l2", "two").replace("l8\n", "")).unwrap();
    let text = format!("mine 😀\n{}", OLD.replace("l2", "two").replace("l8\n", ""));
    let placed = place(&change, Some(&lines(&text)), &[false, false]);
    assert_eq!(placed[0], Placed { standing: Standing::Done, lines: 2..3 });
    assert_eq!(placed[1], Placed { standing: Standing::Done, lines: 8..8 });
    assert_eq!(back(&change, &text, &[true, false]), text.replace("two", "l2"));
    assert_eq!(back(&change, &text, &[true, true]), format!("mine 😀\n{OLD}"));
}

#[test]
fn a_hunk_in_which_somebody_has_written_cannot_be_taken_back() {
    let change = change(OLD, &OLD.replace("l2\n", "two\nthree\n")).unwrap();
    let text = OLD.replace("l2\n", "two\nmine\nthree\n");
    let placed = place(&change, Some(&lines(&text)), &[false]);
    assert_eq!(placed, [Placed { standing: Standing::Changed, lines: 1..4 }]);
    assert_eq!(place(&change, None, &[false])[0].standing, Standing::Changed);
}

#[test]
fn undo_turns_a_hunk_over_again() {
    let new = OLD.replace("l2", "two");
    let change = change(OLD, &new).unwrap();
    let standing = |text: &str, rejected| place(&change, Some(&lines(text)), &[rejected])[0].standing;
    assert_eq!(standing(&new, false), Standing::Done);
    assert_eq!(standing(OLD, false), Standing::Undone);
    assert_eq!(standing(OLD, true), Standing::Undone);
    assert_eq!(standing(&new, true), Standing::Done);
}

#[test]
fn a_second_blank_line_that_was_taken_back_is_gone() {
    let change = change("a\n\nb\n", "a\n\n\nb\n").unwrap();
    assert_eq!(place(&change, Some(&lines("a\n\nb\n")), &[true])[0].standing, Standing::Undone);
}

#[test]
fn line_ends_are_the_files_own() {
    let change = change("a\nb\nc\n", "a\nB\nc\n").unwrap();
    assert_eq!(back(&change, "a\r\nB\r\nc\r\n", &[true]), "a\r\nb\r\nc\r\n");
}

proptest! {
    #[test]
    fn what_is_taken_back_whole_is_the_old_text(
        old in "([ab😀]{0,1}\n){0,12}[ab]?", new in "([ab😀]{0,1}\n){0,12}[ab]?"
    ) {
        if let Some(change) = change(&old, &new) {
            let all = vec![true; change.hunks.len()];
            let result = back(&change, &new, &all);
            // Only a line end at the end of the file can differ: it is no hunk by itself.
            let bare = |text: &str| text.replace('\n', " ").trim_end().to_owned();
            let ends = (lines(&result).len(), lines(&old).len());
            prop_assert_eq!((bare(&result), ends.0), (bare(&old), ends.1));
            if change.hunks.last().is_some_and(|h| h.new.end == lines(&new).len() && h.old.end == lines(&old).len()) {
                prop_assert_eq!(result, old);
            }
        }
    }

    #[test]
    fn some_hunks_taken_back_leave_the_others_and_are_known_as_such(
        old in "([a-d]\n){0,30}", new in "([a-d]\n){0,30}", mask in prop::collection::vec(any::<bool>(), 30)
    ) {
        if let Some(change) = change(&old, &new) {
            let mask = &mask[..change.hunks.len()];
            let result = back(&change, &new, mask);
            let placed = place(&change, Some(&lines(&result)), mask);
            for (one, rejected) in placed.iter().zip(mask) {
                let wanted = if *rejected { Standing::Undone } else { Standing::Done };
                prop_assert_eq!(one.standing, wanted);
            }
            // What was kept can be taken back later, and then nothing is left of the change.
            let now = lines(&result);
            let rest = change.hunks.iter().zip(&placed).zip(mask).filter(|(_, mask)| !**mask);
            let rest = rest.map(|((hunk, placed), _)| Back { change: &change, hunk, lines: placed.lines.clone() });
            prop_assert_eq!(apply(&result, &edits(&now, rest.collect())), old);
        }
    }

    #[test]
    fn whatever_the_person_writes_elsewhere_a_hunk_is_where_its_lines_are(
        old in "([a-d]\n){4,20}", new in "([a-d]\n){4,20}", now in "([a-e]\n){0,25}", mask in prop::collection::vec(any::<bool>(), 20)
    ) {
        if let Some(change) = change(&old, &new) {
            let text = lines(&now);
            for (hunk, one) in change.hunks.iter().zip(place(&change, Some(&text), &mask[..change.hunks.len()])) {
                let there = keys(&text[one.lines.clone()]);
                match one.standing {
                    Standing::Done => prop_assert_eq!(there, keys(change.new_lines(hunk))),
                    Standing::Undone => prop_assert_eq!(there, keys(change.old_lines(hunk))),
                    Standing::Changed => {}
                }
            }
        }
    }
}
