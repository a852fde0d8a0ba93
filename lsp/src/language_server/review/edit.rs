//! The edits that put old lines back. Sans-I/O.

use std::ops::Range;

use tower_lsp_server::gen_lsp_types::{Position, Range as LspRange, TextEdit};

use super::change::{Change, Hunk, key};

/// A hunk that is taken back, with the lines of the file that it takes now.
pub(super) struct Back<'a> {
    pub change: &'a Change,
    pub hunk: &'a Hunk,
    pub lines: Range<usize>,
}

/// The edits of one file, in order, none over another. `now` are its lines with their ends, and the old lines get the ends
/// that the file has.
pub(super) fn edits(now: &[&str], mut back: Vec<Back<'_>>) -> Vec<TextEdit> {
    let end = if now.iter().any(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    back.sort_by_key(|one| (one.lines.start, one.lines.end));
    let mut edits = Vec::new();
    let mut free = 0;
    for one in back {
        // Two changes can have left the same lines; they are put back once.
        if one.lines.start >= free {
            free = one.lines.end;
            edits.push(edit(now, &one, end));
        }
    }
    edits
}

fn edit(now: &[&str], back: &Back<'_>, end: &str) -> TextEdit {
    let (from, to) = (back.lines.start, back.lines.end);
    let old = back.change.old_lines(back.hunk);
    let mut text: String = old.iter().flat_map(|line| [key(line), end]).collect();
    let mut start = Position { line: number(from), character: 0 };
    let is_bare = |line: Option<&&str>| line.is_some_and(|line| !line.ends_with('\n'));
    if to == now.len() {
        // The end of the file: whether it had a line end there before.
        let had_end = back.ended().unwrap_or_else(|| !is_bare(now.last()));
        if !had_end {
            text.truncate(text.len() - if text.is_empty() { 0 } else { end.len() });
        }
        let before = from.checked_sub(1).map(|line| now[line]);
        if from == now.len() && is_bare(before.as_ref()) {
            start = last(now);
            text.insert_str(0, if text.is_empty() { "" } else { end });
        } else if let (true, false, Some(before)) = (text.is_empty(), had_end, before) {
            start = Position { line: number(from - 1), character: units(key(before)) };
        }
    }
    let stop = if to < now.len() { Position { line: number(to), character: 0 } } else { last(now) };
    TextEdit { range: LspRange { start, end: stop }, new_text: text }
}

impl Back<'_> {
    /// Whether the old text ended with a line end, for a hunk that reaches its end.
    fn ended(&self) -> Option<bool> {
        let fragment = &self.change.fragments[self.hunk.fragment];
        let is_last = self.hunk.fragment + 1 == self.change.fragments.len()
            && self.hunk.old.end == fragment.old.len()
            && self.hunk.new.end == fragment.new.len();
        is_last.then(|| fragment.old.last().is_none_or(|line| line.ends_with('\n')))
    }
}

/// The end of the text.
fn last(now: &[&str]) -> Position {
    match now.last() {
        Some(line) if !line.ends_with('\n') => {
            Position { line: number(now.len() - 1), character: units(line) }
        }
        _ => Position { line: number(now.len()), character: 0 },
    }
}

/// The place of lines in the protocol's words.
pub(super) fn range(now: &[&str], lines: &Range<usize>) -> LspRange {
    let at = |line: usize| match line < now.len() {
        true => Position { line: number(line), character: 0 },
        false => last(now),
    };
    LspRange { start: at(lines.start), end: at(lines.end) }
}

fn units(text: &str) -> u32 {
    number(text.encode_utf16().count())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
