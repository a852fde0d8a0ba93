//! A document in which an answer grows: which of its bytes are the answer's, and which are somebody else's. Pure.

use std::ops::Range;

/// A document with an answer in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub text: String,
    /// All of the text, in order.
    runs: Vec<Run>,
    /// Where the answer begins, also when nothing of it is there.
    at: usize,
    /// What edits of ours took away that was not ours, because their places were stale: it comes back.
    lost: Vec<(usize, String)>,
}

/// Bytes that follow each other and belong to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    owner: Owner,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The person, or whoever wrote what was there before.
    Other,
    Answer,
    /// We wrote it, and it landed where it does not belong: it goes again.
    Stray,
}

/// A change of a text: the bytes of `range` become `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub range: Range<usize>,
    pub text: String,
    pub author: Author,
}

/// Who makes a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Person,
    /// It is part of the answer, and belongs behind so many bytes of it.
    Answer {
        behind: usize,
    },
    /// We take away what we have misplaced.
    Sweep,
    /// We bring back what we took away by mistake.
    Restore,
    /// We change a line that is not part of the answer, and mean to take this away.
    Aside {
        expected: String,
    },
}

impl Region {
    /// A document in which these bytes are the answer's. An empty range says where it shall begin.
    pub(super) fn new(text: String, answer: &[Range<usize>]) -> Self {
        let at = answer.first().map_or(text.len(), |range| range.start);
        let runs = vec![Run { owner: Owner::Other, len: text.len() }];
        let mut region = Self { text, runs, at, lost: Vec::new() };
        answer.iter().for_each(|range| region.own(range));
        region.tidy();
        region
    }

    /// Makes bytes the answer's.
    fn own(&mut self, range: &Range<usize>) {
        if !range.is_empty() {
            let (first, last) = (self.split(range.start), self.split(range.end));
            self.runs[first..last].iter_mut().for_each(|run| run.owner = Owner::Answer);
        }
    }

    /// From the first byte of the answer to the last.
    pub(super) fn range(&self) -> Range<usize> {
        let end = self.owned(Owner::Answer).last().map_or(self.at, |range| range.end);
        self.at..end
    }

    /// The answer as it stands.
    pub(super) fn answer(&self) -> String {
        self.owned(Owner::Answer).map(|range| &self.text[range]).collect()
    }

    fn owned(&self, owner: Owner) -> impl Iterator<Item = Range<usize>> + '_ {
        let places = self.runs.iter().scan(0, |at, run| {
            let start = *at;
            *at += run.len;
            Some((run.owner, start..*at))
        });
        places.filter(move |(of, range)| *of == owner && !range.is_empty()).map(|(_, range)| range)
    }

    /// Takes what follows the answer into it, up to a place: it was meant for us, and goes when the answer says otherwise.
    pub(super) fn adopt(&mut self, to: usize) {
        let from = self.range().end;
        if from < to {
            self.own(&(from..to));
            self.tidy();
        }
    }

    /// Makes a change.
    pub(super) fn apply(&mut self, change: &Change) {
        let Change { range, text, author } = change;
        let owner = match author {
            Author::Person | Author::Restore => Owner::Other,
            Author::Answer { behind } if self.belongs(*behind, range.start) => Owner::Answer,
            Author::Answer { .. } => Owner::Stray,
            Author::Aside { expected } if self.text[range.clone()] == *expected => Owner::Other,
            Author::Aside { .. } | Author::Sweep => Owner::Stray,
        };
        let taken = self.taken(range, author);
        let (first, last) = (self.split(range.start), self.split(range.end));
        self.runs.splice(first..last, [Run { owner, len: text.len() }]);
        self.text.replace_range(range.clone(), text);
        self.shift(range, text.len());
        if *author == Author::Restore && !self.lost.is_empty() {
            self.lost.remove(0);
        }
        if !taken.is_empty() {
            self.lost.push((range.start + text.len(), taken));
        }
        self.tidy();
        let first = self.owned(Owner::Answer).next();
        self.at = first.map_or(self.at, |first| first.start);
    }

    /// Whether a place is the one behind so many bytes of the answer.
    fn belongs(&self, behind: usize, place: usize) -> bool {
        let mut passed = 0;
        let mut ranges = self.owned(Owner::Answer).peekable();
        if ranges.peek().is_none() {
            return behind == 0 && place == self.at;
        }
        for range in ranges {
            if (passed..=passed + range.len()).contains(&behind) && place == range.start + (behind - passed) {
                return true;
            }
            passed += range.len();
        }
        false
    }

    /// What somebody else wrote of what a change of ours takes away.
    fn taken(&self, range: &Range<usize>, author: &Author) -> String {
        match author {
            Author::Person => return String::new(),
            Author::Aside { expected } if self.text[range.clone()] == *expected => return String::new(),
            _ => {}
        }
        let pieces = self.owned(Owner::Other).filter_map(|other| {
            let both = range.start.max(other.start)..range.end.min(other.end);
            (both.start < both.end).then(|| &self.text[both])
        });
        pieces.collect()
    }

    /// Keeps places where they belong when `range` becomes `len` bytes.
    fn shift(&mut self, range: &Range<usize>, len: usize) {
        let moved = |place: usize| match place {
            place if place >= range.end => place - range.len() + len,
            place if place > range.start => range.start + len,
            place => place,
        };
        self.at = moved(self.at);
        self.lost.iter_mut().for_each(|(place, _)| *place = moved(*place));
    }

    /// Makes a run begin at a place, and says which.
    fn split(&mut self, place: usize) -> usize {
        let mut at = 0;
        for index in 0..self.runs.len() {
            let Run { owner, len } = self.runs[index];
            if at == place {
                return index;
            }
            if place < at + len {
                let halves = [Run { owner, len: place - at }, Run { owner, len: at + len - place }];
                self.runs.splice(index..=index, halves);
                return index + 1;
            }
            at += len;
        }
        self.runs.len()
    }

    fn tidy(&mut self) {
        self.runs.retain(|run| run.len > 0);
        self.runs.dedup_by(|next, run| {
            let same = next.owner == run.owner;
            run.len += if same { next.len } else { 0 };
            same
        });
    }

    /// The next change on the way to this answer; `None` when what is there is just that. An answer that only grows needs
    /// insertions alone.
    pub(super) fn towards(&self, answer: &str) -> Option<Change> {
        if let Some((place, text)) = self.lost.first() {
            return Some(Change { range: *place..*place, text: text.clone(), author: Author::Restore });
        }
        if let Some(range) = self.owned(Owner::Stray).next() {
            return Some(Change { range, text: String::new(), author: Author::Sweep });
        }
        let Change { range, text, .. } = difference(&self.answer(), answer)?;
        let author = Author::Answer { behind: range.start };
        if range.is_empty() {
            let place = self.place_behind(range.start);
            return Some(Change { range: place..place, text, author });
        }
        // What a person has written between stays, so only bytes that stand together can go at once. And nothing is taken away
        // and inserted by the same edit: the two have different needs.
        let text = String::new();
        let mut passed = 0;
        for run in self.owned(Owner::Answer) {
            if range.start < passed + run.len() {
                let start = run.start + (range.start - passed);
                let end = (run.start + (range.end - passed)).min(run.end);
                return Some(Change { range: start..end, text, author });
            }
            passed += run.len();
        }
        None
    }

    /// The place right behind the first so many bytes of the answer.
    fn place_behind(&self, count: usize) -> usize {
        let mut passed = 0;
        for run in self.owned(Owner::Answer) {
            if count > 0 && count <= passed + run.len() {
                return run.start + (count - passed);
            }
            passed += run.len();
        }
        self.at
    }
}

/// The one change that leads from a text to another: what they have in common before and behind it stays.
pub(super) fn difference(from: &str, to: &str) -> Option<Change> {
    if from == to {
        return None;
    }
    let (a, b) = (from.as_bytes(), to.as_bytes());
    let mut start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    while !from.is_char_boundary(start) || !to.is_char_boundary(start) {
        start -= 1;
    }
    let mut behind = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(x, y)| x == y).count();
    while !from.is_char_boundary(a.len() - behind) || !to.is_char_boundary(b.len() - behind) {
        behind -= 1;
    }
    let text = to[start..b.len() - behind].to_owned();
    Some(Change { range: start..a.len() - behind, text, author: Author::Person })
}
