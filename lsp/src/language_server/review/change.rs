//! What a session has done to each file, made of what each of its prompts has done. Sans-I/O.
//!
//! Servers tell changes for each prompt (1.18.33 answers for the whole session with nothing). Where one prompt went on exactly
//! where another had stopped, both are one change. Where somebody wrote in between, they stay two: what the person did is
//! not the session's.

use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use opencode_nexus::model::FileDiff;
use similar::{Algorithm, DiffTag, capture_diff_slices_deadline};

use super::patch::{self, Fragment};

/// Runs of changed lines with fewer unchanged ones than this between them are one hunk.
const APART: usize = 3;

/// How long the comparison of two texts may take before it becomes a coarser one.
pub(super) const COMPARING: Duration = Duration::from_millis(500);

/// One change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// As the server writes it: relative to the git repository, else to the session's folder.
    pub path: String,
    /// Whether the file was there before, and is there since.
    pub before: bool,
    pub after: bool,
    pub fragments: Vec<Fragment>,
    pub hunks: Vec<Hunk>,
}

/// Lines of a fragment that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Stays the same while its own lines do.
    pub id: String,
    pub fragment: usize,
    pub old: Range<usize>,
    pub new: Range<usize>,
}

/// What is compared of a line: its end is the file's, not the change's.
pub(super) fn key(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

pub(super) fn keys<S: AsRef<str>>(lines: &[S]) -> Vec<&str> {
    lines.iter().map(|line| key(line.as_ref())).collect()
}

/// All changes of a session, of what its prompts did in their order. Files that nobody can read line by line are left out.
pub(super) fn net(diffs: impl IntoIterator<Item = FileDiff>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for diff in diffs {
        let Some(next) = read(&diff) else { continue };
        match changes.iter().rposition(|change| change.path == next.path) {
            Some(last) if changes[last].goes_on_as(&next) => changes[last].join(next),
            _ => changes.push(next),
        }
    }
    changes.retain(|change| change.before != change.after || change.fragments.iter().any(Fragment::changes));
    let mut seen = HashSet::new();
    changes.iter_mut().for_each(|change| change.split(&mut seen));
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

fn read(diff: &FileDiff) -> Option<Change> {
    let mut fragments = patch::parse(diff.patch.as_deref()?)?;
    let status = diff.status.as_deref().unwrap_or("modified");
    if fragments.is_empty() {
        // An empty file came or went. Anything else without lines is binary.
        if status == "modified" || diff.additions > 0 || diff.deletions > 0 {
            return None;
        }
        fragments.push(Fragment::default());
    }
    Some(Change {
        path: diff.path.clone(),
        before: status != "added",
        after: status != "deleted",
        fragments,
        hunks: Vec::new(),
    })
}

impl Fragment {
    fn changes(&self) -> bool {
        keys(&self.old) != keys(&self.new)
    }
}

impl Change {
    fn goes_on_as(&self, next: &Self) -> bool {
        match (&self.fragments[..], &next.fragments[..]) {
            ([mine], [theirs]) => {
                self.after == next.before && mine.new_start == theirs.old_start && mine.new == theirs.old
            }
            _ => false,
        }
    }

    fn join(&mut self, next: Self) {
        self.after = next.after;
        for (mine, theirs) in self.fragments.iter_mut().zip(next.fragments) {
            mine.new = theirs.new;
        }
    }

    /// Whether the whole file came or went.
    pub(super) fn is_whole(&self) -> bool {
        self.before != self.after
    }

    /// Whether it left a file as it is now, where it tells the whole file; `None` is no file.
    pub(super) fn is_all_of(&self, now: Option<&[&str]>) -> bool {
        match (&self.fragments[..], now) {
            ([one], Some(now)) => self.after && keys(&one.new) == keys(now),
            (_, now) => self.after == now.is_some(),
        }
    }

    pub(super) fn status(&self) -> &'static str {
        match (self.before, self.after) {
            (false, _) => "added",
            (_, false) => "deleted",
            _ => "modified",
        }
    }

    /// Finds the hunks, and names them. `seen` are the names that are taken.
    fn split(&mut self, seen: &mut HashSet<String>) {
        let mut hunks = Vec::new();
        for (number, fragment) in self.fragments.iter().enumerate() {
            if self.before != self.after {
                hunks.push((number, 0..fragment.old.len(), 0..fragment.new.len()));
            } else {
                let runs = runs(&fragment.old, &fragment.new);
                hunks.extend(runs.into_iter().map(|(old, new)| (number, old, new)));
            }
        }
        self.hunks = (hunks.into_iter())
            .map(|(fragment, old, new)| {
                let lines = &self.fragments[fragment];
                let id = |again| hash(&self.path, &lines.old[old.clone()], &lines.new[new.clone()], again);
                // The same lines again further below get a number.
                let id = (0..).map(id).find(|id| seen.insert(id.clone())).unwrap_or_default();
                Hunk { id, fragment, old, new }
            })
            .collect();
    }

    pub(super) fn old_lines(&self, hunk: &Hunk) -> &[String] {
        &self.fragments[hunk.fragment].old[hunk.old.clone()]
    }

    pub(super) fn new_lines(&self, hunk: &Hunk) -> &[String] {
        &self.fragments[hunk.fragment].new[hunk.new.clone()]
    }

    /// Whether its old lines are known. Servers read files as UTF-8; of others they tell what cannot be put back.
    pub(super) fn is_known(&self, hunk: &Hunk) -> bool {
        self.old_lines(hunk).iter().all(|line| !line.contains('\u{fffd}'))
    }

    /// A hunk for people: its lines with up to three around it, each behind its mark, without their ends.
    pub(super) fn shown(&self, hunk: &Hunk) -> Vec<String> {
        let Fragment { old, new, .. } = &self.fragments[hunk.fragment];
        let around = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| format!(" {}", key(line))).collect()
        };
        let mut shown = around(&old[hunk.old.start.saturating_sub(3)..hunk.old.start]);
        let (olds, news) = (keys(&old[hunk.old.clone()]), keys(&new[hunk.new.clone()]));
        for op in compare(&olds, &news) {
            let (tag, old, new) = op.as_tag_tuple();
            if tag == DiffTag::Equal {
                shown.extend(olds[old].iter().map(|line| format!(" {line}")));
            } else {
                shown.extend(olds[old].iter().map(|line| format!("-{line}")));
                shown.extend(news[new].iter().map(|line| format!("+{line}")));
            }
        }
        shown.extend(around(&old[hunk.old.end..(hunk.old.end + 3).min(old.len())]));
        shown
    }
}

/// How one list of lines becomes another.
pub(super) fn compare(old: &[&str], new: &[&str]) -> Vec<similar::DiffOp> {
    capture_diff_slices_deadline(Algorithm::Myers, old, new, Some(Instant::now() + COMPARING))
}

/// The runs of changed lines.
fn runs(old: &[String], new: &[String]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut runs: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for op in compare(&keys(old), &keys(new)) {
        let (tag, old, new) = op.as_tag_tuple();
        match runs.last_mut() {
            _ if tag == DiffTag::Equal => {}
            Some(last) if old.start - last.0.end < APART => {
                *last = (last.0.start..old.end, last.1.start..new.end);
            }
            _ => runs.push((old, new)),
        }
    }
    runs
}

/// FNV-1a with 64 bits: identifiers that are the same in every process and version.
fn hash(path: &str, old: &[String], new: &[String], again: usize) -> String {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |text: &str| {
        for byte in text.bytes().chain([0xff]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    eat(path);
    old.iter().for_each(|line| eat(key(line)));
    eat("\n");
    new.iter().for_each(|line| eat(key(line)));
    eat(&again.to_string());
    format!("{sum:016x}")
}

/// A number for a text, to see whether it is still the same.
pub(super) fn digest(text: &str) -> String {
    hash(text, &[], &[], 0)
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
