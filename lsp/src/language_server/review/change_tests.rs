//! What prompts did, joined; and hunks.

use super::*;

fn diff(path: &str, status: &str, old: &str, new: &str) -> FileDiff {
    let text = similar::TextDiff::from_lines(old, new);
    FileDiff {
        path: path.into(),
        patch: Some(text.unified_diff().context_radius(1000).to_string()),
        additions: 0,
        deletions: 0,
        status: Some(status.into()),
    }
}

fn numbered(count: usize) -> String {
    (1..=count).map(|n| format!("l{n}\n")).collect()
}

#[test]
fn prompts_that_go_on_where_others_stopped_are_one_change() {
    let (one, two) = ("a\nb\nc\n", "a\nB\nc\n");
    let changes = net([diff("f", "modified", one, two), diff("f", "modified", two, "a\nB\nC\n")]);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].shown(&changes[0].hunks[0]), [" a", "-b", "-c", "+B", "+C"]);
    let nothing = net([diff("f", "modified", one, two), diff("f", "modified", two, one)]);
    assert_eq!(nothing, []);
}

#[test]
fn what_the_person_wrote_between_two_prompts_is_no_change_of_the_session() {
    let changes = net([
        diff("f", "modified", &numbered(9), &numbered(9).replace("l2", "X")),
        diff("f", "modified", "mine\n", "mine\nagent's\n"),
    ]);
    let shown: Vec<_> = changes.iter().flat_map(|c| c.hunks.iter().map(|h| c.shown(h))).collect();
    assert_eq!(shown, [vec![" l1", "-l2", "+X", " l3", " l4", " l5"], vec![" mine", "+agent's"]]);
}

#[test]
fn files_that_come_and_go_are_one_hunk_each_and_nothing_when_they_do_both() {
    let came = net([diff("f", "added", "", "x\n"), diff("f", "modified", "x\n", "x\ny\n")]);
    assert_eq!((came[0].status(), came[0].hunks.len(), came[0].hunks[0].new.clone()), ("added", 1, 0..2));
    assert_eq!(net([diff("f", "added", "", "x\n"), diff("f", "deleted", "x\n", "")]), []);
    let again = net([diff("f", "deleted", "x\n", ""), diff("f", "added", "", "y\n")]);
    assert_eq!((again[0].status(), again[0].hunks.len()), ("modified", 1));
    let empty = FileDiff { patch: Some("--- e\t\n+++ e\t\n".into()), ..diff("e", "added", "", "") };
    assert_eq!(net([empty])[0].hunks.len(), 1);
}

#[test]
fn lines_that_are_apart_are_hunks_of_their_own_with_names_that_stay() {
    let new = numbered(20).replace("l2\n", "two\n").replace("l18\n", "l18\nmore\n").replace("l4\n", "four\n");
    let change = &net([diff("f", "modified", &numbered(20), &new)])[0];
    assert_eq!(change.hunks.iter().map(|h| h.old.clone()).collect::<Vec<_>>(), [1..4, 18..18]);
    let further = format!("above\n{new}");
    let more = &net([diff("f", "modified", &numbered(20), &further)])[0];
    let id = |change: &Change| change.hunks.last().map(|h| h.id.clone());
    assert_eq!(id(change), id(more));
}

#[test]
fn equal_hunks_have_different_names() {
    let old = numbered(9);
    let new = format!("same\n{old}same\n");
    let change = &net([diff("f", "modified", &old, &new)])[0];
    assert_eq!(change.hunks.len(), 2);
    assert_ne!(change.hunks[0].id, change.hunks[1].id);
}

#[test]
fn a_binary_file_is_left_out() {
    let binary = FileDiff { patch: Some("Index: x\n".into()), ..diff("x", "modified", "", "") };
    assert_eq!(net([binary, FileDiff { patch: None, ..diff("y", "added", "", "a") }]), []);
}

#[test]
fn it_is_known_whether_a_change_left_the_file_as_it_is() {
    let change = &net([diff("f", "modified", "a\n", "b\n")])[0];
    assert!(
        change.is_all_of(Some(&["b\r\n"])) && !change.is_all_of(Some(&["a\n"])) && !change.is_all_of(None)
    );
    let gone = &net([diff("f", "deleted", "a\n", "")])[0];
    assert!(gone.is_all_of(None) && !gone.is_all_of(Some(&["a\n"])));
}
