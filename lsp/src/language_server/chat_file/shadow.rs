//! What we believe to stand in the editor, and how it gets the answer. Pure: changes that the editor reports, and what it says
//! to our edits, go in; the next edit comes out.
//!
//! Editors differ in when they report our own edits: at once, before they acknowledge them (VS Code, Helix, Kate), or a moment
//! later, together with what a person has typed meanwhile (Neovim, Emacs). What is sure: a report is the whole text at its
//! moment, an edit is applied at once and where it says, and what comes after an acknowledgement knows the edit. What is not
//! known is found by comparing: of the orders in which things may have happened the one is believed in which a person has
//! changed least.
//!
//! A place can be stale when an edit arrives: the person has typed above it at the same moment. Then our text lands elsewhere;
//! the next report shows it, and it is put right, because what is ours must read as the answer.
//!
//! Where it cannot be told who wrote something, it is the person's: nothing of theirs is ever taken away.

use std::ops::Range;

use similar::TextDiff;

use super::place::{Place, byte_at, place_of};
use super::region::{Author, Change, Region, difference};

/// How many edits are remembered that were not reported. Editors report within a moment; one that never does must not cost.
const UNSEEN: usize = 8;

/// From how many bytes on an edit can be told from what a person may have written.
const DISTINCT: usize = 8;

/// At how many places an edit is looked for.
const PLACES: usize = 16;

/// Texts up to this size, in bytes, are compared by words.
const WORDS: usize = 64 * 1024;

/// An edit as the editor gets it: it is made where it says, whatever the text has become since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub from: Place,
    pub to: Place,
    pub text: String,
    /// Whether it takes something away, so that it may only be made on the text for which it was meant: with a version. What
    /// only inserts does no harm elsewhere, and must not wait for a person who types.
    pub is_exact: bool,
    author: Author,
}

impl Edit {
    fn new(text: &str, change: Change) -> Self {
        let (from, to) = (place_of(text, change.range.start), place_of(text, change.range.end));
        let is_exact = !matches!(change.author, Author::Answer { .. }) || !change.range.is_empty();
        Self { from, to, text: change.text, is_exact, author: change.author }
    }

    /// What it does to a text.
    fn change(&self, text: &str) -> Change {
        let range = byte_at(text, self.from)..byte_at(text, self.to);
        Change { range, text: self.text.clone(), author: self.author.clone() }
    }
}

/// What we believe to stand in the editor.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    /// The document with everything that was acknowledged or reported.
    state: Region,
    /// The edit that is under way.
    flying: Option<Flying>,
    /// Edits that are made and were not reported, each with the document before it.
    unseen: Vec<(Region, Edit)>,
}

#[derive(Clone, Debug)]
struct Flying {
    edit: Edit,
    /// It was seen in a report.
    landed: bool,
    /// Something else was reported since it was sent.
    disturbed: bool,
}

impl Shadow {
    /// A document in which these bytes are the answer so far. An empty range says where it shall begin.
    pub(super) fn new(text: String, answer: &[Range<usize>]) -> Self {
        Self { state: Region::new(text, answer), flying: None, unseen: Vec::new() }
    }

    /// The document as we believe it to be.
    pub(super) fn text(&self) -> &str {
        &self.state.text
    }

    /// Where the answer stands.
    pub(super) fn range(&self) -> Range<usize> {
        self.state.range()
    }

    /// The answer as it stands.
    #[cfg(test)]
    pub(super) fn answer(&self) -> String {
        self.state.answer()
    }

    /// The next edit on the way to this answer. `None` while one is under way, and when there is nothing to do.
    pub(super) fn next(&mut self, answer: &str) -> Option<Edit> {
        match self.flying {
            Some(_) => None,
            None => self.state.towards(answer).map(|change| self.fly(change)),
        }
    }

    /// An edit that is not part of the answer. `None` while one is under way.
    pub(super) fn edit(&mut self, range: Range<usize>, text: String) -> Option<Edit> {
        match self.flying {
            Some(_) => None,
            None => {
                let author = Author::Aside { expected: self.text()[range.clone()].to_owned() };
                Some(self.fly(Change { range, text, author }))
            }
        }
    }

    fn fly(&mut self, change: Change) -> Edit {
        let edit = Edit::new(&self.state.text, change);
        self.flying = Some(Flying { edit: edit.clone(), landed: false, disturbed: false });
        edit
    }

    /// What follows the answer, up to a place, was meant for us.
    pub(super) fn adopt(&mut self, to: usize) {
        self.state.adopt(to);
    }

    /// The editor has answered to the edit under way.
    pub(super) fn answered(&mut self, applied: bool) {
        let Some(Flying { edit, landed, disturbed }) = self.flying.take() else { return };
        // One that is exact and was not alone is in what was reported, or was too old and is not made, whatever was said.
        if applied && !landed && !(edit.is_exact && disturbed) {
            self.make(edit);
        }
    }

    /// Whether everything that was applied has been reported as well.
    pub(super) fn is_reported(&self) -> bool {
        self.unseen.is_empty()
    }

    fn make(&mut self, edit: Edit) {
        let change = edit.change(&self.state.text);
        self.unseen.push((self.state.clone(), edit));
        if self.unseen.len() > UNSEEN {
            self.unseen.remove(0);
        }
        self.state.apply(&change);
    }

    /// The editor has reported a change, after which this is its text. `None` for the change when it sent all of the text, or
    /// several changes. Says whether somebody else has changed it.
    pub(super) fn reported(&mut self, change: Option<&Heard>, text: &str) -> bool {
        let (flying, known) =
            (self.flying.as_ref().is_some_and(|flying| !flying.landed), self.text() == text);
        self.hear(change, text);
        let landed = flying && self.flying.as_ref().is_some_and(|flying| flying.landed);
        !known && !landed
    }

    fn hear(&mut self, change: Option<&Heard>, text: &str) {
        let open = self.flying.as_ref().filter(|flying| !flying.landed).map(|flying| flying.edit.clone());
        let is_echo = open
            .as_ref()
            .is_some_and(|edit| change.is_some_and(|change| change.is(edit)) || self.with(edit) == text);
        if self.unseen.is_empty() && is_echo {
            return self.landed(text, None);
        }
        if let Some(flying) = &mut self.flying {
            flying.disturbed = true;
        }
        if let (Some(change), true) = (change, self.unseen.is_empty()) {
            // Where it holds nothing of ours, the person has done it.
            if open.as_ref().is_none_or(|edit| !edit.is_exact && !change.may_hold(edit)) {
                let range = byte_at(self.text(), change.from)..byte_at(self.text(), change.to);
                self.state.apply(&Change { range, text: change.text.clone(), author: Author::Person });
                return self.settle(text);
            }
        }
        let open = open.filter(|edit| !edit.is_exact);
        let without = Guess::best(&self.state, &self.unseen, text, 0);
        let with = open.map(|edit| {
            let mut shadow = self.clone();
            shadow.make(edit);
            Guess::best(&shadow.state, &shadow.unseen, text, 1)
        });
        match with.filter(|with| with.distance < without.distance) {
            Some(with) => self.landed(text, Some(with)),
            None => {
                self.state = without.into_state();
                self.settle(text);
            }
        }
    }

    /// The text with an edit.
    fn with(&self, edit: &Edit) -> String {
        let Change { range, text, .. } = edit.change(self.text());
        [&self.text()[..range.start], &text, &self.text()[range.end..]].concat()
    }

    /// The edit under way is made, which the editor has not acknowledged yet.
    fn landed(&mut self, text: &str, guess: Option<Guess>) {
        if let Some(flying) = &mut self.flying {
            flying.landed = true;
            let edit = flying.edit.clone();
            match guess {
                Some(guess) => self.state = guess.into_state(),
                None => self.make(edit),
            }
        }
        self.settle(text);
    }

    /// What was reported is what there is, whatever was believed.
    fn settle(&mut self, text: &str) {
        attribute(&mut self.state, text);
        self.unseen.clear();
    }
}

/// A change as the editor reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub from: Place,
    pub to: Place,
    pub text: String,
}

impl Heard {
    /// Whether it is an edit of ours, and nothing else.
    fn is(&self, edit: &Edit) -> bool {
        (self.from, self.to) == (edit.from, edit.to) && self.text == edit.text
    }

    /// Whether it may be an edit of ours together with something else.
    fn may_hold(&self, edit: &Edit) -> bool {
        let is_distinct = edit.text.trim().len() >= DISTINCT;
        is_distinct && self.from <= edit.from && edit.to <= self.to && self.text.contains(&edit.text)
    }
}

/// One way in which it may have come to a text: the person changed `base` into `then`, and in that came our edits.
struct Guess {
    distance: usize,
    base: Region,
    then: String,
    /// The last one first.
    edits: Vec<Change>,
}

impl Guess {
    /// The way on which the person has changed least. Edits may also not have been made, whatever the editor said: Neovim
    /// says yes to one that it finds too old (0.11).
    ///
    /// The last so many edits are `fresh`: nothing has come after them.
    fn best(state: &Region, unseen: &[(Region, Edit)], text: &str, fresh: usize) -> Self {
        let mut best = Self::new(state, text, Vec::new());
        let mut after = Some((text.to_owned(), Vec::new()));
        for (index, (before, edit)) in unseen.iter().rev().enumerate() {
            after = after.and_then(|(text, mut edits)| {
                let places = if index < fresh { 0 } else { PLACES };
                let (then, change) = undone(&text, edit, &before.text, places)?;
                edits.push(change);
                Some((then, edits))
            });
            let made = after.clone().map(|(then, edits)| Self::new(before, &then, edits));
            for guess in made.into_iter().chain([Self::new(before, text, Vec::new())]) {
                if guess.distance < best.distance {
                    best = guess;
                }
            }
        }
        best
    }

    fn new(base: &Region, then: &str, edits: Vec<Change>) -> Self {
        Self { distance: distance(&base.text, then), base: base.clone(), then: then.to_owned(), edits }
    }

    fn into_state(self) -> Region {
        let mut state = self.base;
        attribute(&mut state, &self.then);
        self.edits.iter().rev().for_each(|change| state.apply(change));
        state
    }
}

/// The text without an edit, and the edit. It is just where it says, or, if it only inserts, at one of so many places where the
/// text without it is most like the one before: the person may have moved it since.
fn undone(text: &str, edit: &Edit, before: &str, elsewhere: usize) -> Option<(String, Change)> {
    let removed = &before[edit.change(before).range];
    let literal = byte_at(text, edit.from);
    let mut places = vec![literal];
    if removed.is_empty() && edit.text.trim().len() >= DISTINCT {
        places.extend(text.match_indices(edit.text.as_str()).map(|(at, _)| at).take(elsewhere));
    }
    let without = places.into_iter().filter_map(|start| {
        let end = start + edit.text.len();
        let is_there = text.get(start..end)? == edit.text;
        is_there.then(|| {
            let then = [&text[..start], removed, &text[end..]].concat();
            let range = start..start + removed.len();
            (then, Change { range, text: edit.text.clone(), author: edit.author.clone() })
        })
    });
    without.min_by_key(|(then, _)| distance(before, then))
}

/// Makes the changes of a person that lead to `text`.
fn attribute(state: &mut Region, text: &str) {
    // From the back, so that places before stay what they are.
    changes(&state.text, text).iter().rev().for_each(|change| state.apply(change));
}

/// What leads from a text to another. It is looked at by words, so that two changes at once leave what is between them as it
/// was.
fn changes(from: &str, to: &str) -> Vec<Change> {
    let Some(change) = difference(from, to) else { return Vec::new() };
    if change.range.is_empty() || change.text.is_empty() || change.range.len() + change.text.len() > WORDS {
        return vec![change];
    }
    let old = &from[change.range.clone()];
    let words = TextDiff::from_words(old, change.text.as_str());
    let old_words: Vec<&str> = words.iter_old_slices().collect();
    let new_words: Vec<&str> = words.iter_new_slices().collect();
    let (mut at, mut changes) = (change.range.start, Vec::new());
    for op in words.ops() {
        let (old, new) = (old_words[op.old_range()].concat(), new_words[op.new_range()].concat());
        if let Some(mut inner) = difference(&old, &new) {
            inner.range = at + inner.range.start..at + inner.range.end;
            changes.push(inner);
        }
        at += old.len();
    }
    changes
}

/// How much leads from a text to another, in bytes.
fn distance(from: &str, to: &str) -> usize {
    changes(from, to).iter().map(|change| change.range.len() + change.text.len()).sum()
}
