//! Where the hunks of a change stand in the file as it is now, and what has become of them. Sans-I/O.
//!
//! The file as the decisions would have it is compared with the file as it is. A hunk that is whole there is as decided. A
//! hunk whose other side stands in its place was turned over by somebody (undo, for example). Any other was changed since.

use std::ops::Range;

use similar::DiffTag;

use super::change::{Change, Hunk, compare, key, keys};

/// What has become of a hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The new lines stand there.
    Done,
    /// The old lines stand there.
    Undone,
    /// Neither.
    Changed,
}

/// A hunk in the file as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub standing: Standing,
    /// The lines that it takes now; empty for a hunk that only removed.
    pub lines: Range<usize>,
}

/// The place of each hunk. `now` are the lines of the file, `None` when there is no file; `rejected` says of each hunk
/// whether it was taken back, as far as we know.
pub(super) fn place(change: &Change, now: Option<&[&str]>, rejected: &[bool]) -> Vec<Placed> {
    if change.is_whole() {
        return vec![place_whole(change, now)];
    }
    let Some(now) = now else {
        return change.hunks.iter().map(|_| Placed { standing: Standing::Changed, lines: 0..0 }).collect();
    };
    let (expected, sides) = expected(change, rejected);
    let now = keys(now);
    let map = Map::new(&expected, &now);
    let placed = change.hunks.iter().zip(rejected).zip(sides);
    placed.map(|((hunk, rejected), side)| map.place(change, hunk, *rejected, side, &now)).collect()
}

fn place_whole(change: &Change, now: Option<&[&str]>) -> Placed {
    let fragment = change.fragments.first();
    let (old, new) = fragment.map_or((&[][..], &[][..]), |one| (&one.old[..], &one.new[..]));
    let is = |lines: &[String], there: bool| match now {
        Some(now) => there && keys(now) == keys(lines),
        None => !there,
    };
    let standing = if is(new, change.after) {
        Standing::Done
    } else if is(old, change.before) {
        Standing::Undone
    } else {
        Standing::Changed
    };
    Placed { standing, lines: 0..now.map_or(0, <[&str]>::len) }
}

/// The file as the decisions would have it, as far as the change knows it, and where each hunk stands there.
fn expected<'a>(change: &'a Change, rejected: &[bool]) -> (Vec<&'a str>, Vec<Range<usize>>) {
    let (mut lines, mut sides) = (Vec::new(), Vec::new());
    let mut hunks = change.hunks.iter().zip(rejected).peekable();
    for (number, fragment) in change.fragments.iter().enumerate() {
        let mut at = 0;
        while let Some((hunk, rejected)) = hunks.next_if(|(hunk, _)| hunk.fragment == number) {
            lines.extend(fragment.new[at..hunk.new.start].iter().map(|line| key(line)));
            let start = lines.len();
            let side = if *rejected { change.old_lines(hunk) } else { change.new_lines(hunk) };
            lines.extend(side.iter().map(|line| key(line)));
            sides.push(start..lines.len());
            at = hunk.new.end;
        }
        lines.extend(fragment.new[at..].iter().map(|line| key(line)));
    }
    (lines, sides)
}

/// Which line of the file each expected line is.
struct Map {
    found: Vec<Option<usize>>,
    length: usize,
}

impl Map {
    fn new(expected: &[&str], now: &[&str]) -> Self {
        let mut found = vec![None; expected.len()];
        for op in compare(expected, now) {
            let (tag, old, new) = op.as_tag_tuple();
            if tag == DiffTag::Equal {
                old.zip(new).for_each(|(old, new)| found[old] = Some(new));
            }
        }
        Self { found, length: now.len() }
    }

    /// Behind which line of the file an expected place begins; `None` when the line before it is gone.
    fn begin(&self, at: usize) -> Option<usize> {
        if at == 0 { Some(0) } else { self.found[at - 1].map(|line| line + 1) }
    }

    fn end(&self, at: usize) -> Option<usize> {
        if at == self.found.len() { Some(self.length) } else { self.found[at] }
    }

    fn place(
        &self,
        change: &Change,
        hunk: &Hunk,
        rejected: bool,
        side: Range<usize>,
        now: &[&str],
    ) -> Placed {
        let (decided, other) = match rejected {
            true => (Standing::Undone, (Standing::Done, change.new_lines(hunk))),
            false => (Standing::Done, (Standing::Undone, change.old_lines(hunk))),
        };
        if let Some(lines) = self.whole(&side) {
            return Placed { standing: decided, lines };
        }
        match (self.begin(side.start), self.end(side.end)) {
            (Some(from), Some(to)) if from <= to => {
                let standing = if now[from..to] == keys(other.1) { other.0 } else { Standing::Changed };
                Placed { standing, lines: from..to }
            }
            _ => {
                let before = self.found[..side.end].iter().rev().find_map(|line| *line);
                let near = before.map_or(0, |line| line + 1).min(self.length);
                Placed { standing: Standing::Changed, lines: near..near }
            }
        }
    }

    /// The lines of the file, when all of them are there, and nothing between them.
    fn whole(&self, side: &Range<usize>) -> Option<Range<usize>> {
        if side.is_empty() {
            let (from, to) = (self.begin(side.start)?, self.end(side.end)?);
            return (from == to).then_some(from..to);
        }
        let from = self.found[side.start]?;
        let is_next = |(step, line): (usize, &Option<usize>)| *line == Some(from + step);
        let found = &self.found[side.clone()];
        found.iter().enumerate().all(is_next).then_some(from..from + side.len())
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
