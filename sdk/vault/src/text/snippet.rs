//! Which piece of a text shows why it was found.

use std::ops::Range;

use unicode_segmentation::GraphemeCursor;

use super::query::{Phrase, TextQuery};
use super::tokens::each_token;

/// A piece of a text with the places that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Snippet {
    /// Pieces in order; `true` where one was found.
    pub pieces: Vec<(String, bool)>,
    /// Text was left out before.
    pub cut_before: bool,
    /// Text was left out behind.
    pub cut_after: bool,
}

impl Snippet {
    /// The best piece of `text` for `query`, about `width` characters long: the one with the most different words, then
    /// with the most places, then the first. Cut between words where that is possible, and never inside of what a person
    /// sees as one character.
    pub fn of(text: &str, query: &TextQuery, width: usize) -> Self {
        let tokens = Tokens::of(text);
        Self::around(text, &tokens, &places(text, &tokens, query), width)
    }

    /// The same for a text that the query must match; nothing when it does not. Splits the text once for both.
    pub(crate) fn of_match(text: &str, query: &TextQuery, width: usize) -> Option<Self> {
        let tokens = Tokens::of(text);
        let places = places(text, &tokens, query);
        let is_there = |number: usize| places.iter().any(|place| place.phrase == number);
        let matches = (0..query.wanted().len()).all(is_there)
            && !query.unwanted().iter().any(|phrase| (0..tokens.len()).any(|at| tokens.has(phrase, at)));
        matches.then(|| Self::around(text, &tokens, &places, width))
    }

    fn around(text: &str, tokens: &Tokens, places: &[Place], width: usize) -> Self {
        let width = width.max(1);
        let core = whole_characters(text, best(places, width));
        let window = window(text, core, width, &tokens.ranges);
        let mut pieces = Vec::new();
        let mut at = window.start;
        for place in merged(places).into_iter().filter(|p| p.start < window.end && p.end > window.start) {
            let place = place.start.max(window.start)..place.end.min(window.end);
            push(&mut pieces, &text[at..place.start], false);
            push(&mut pieces, &text[place.clone()], true);
            at = place.end;
        }
        push(&mut pieces, &text[at..window.end], false);
        Self {
            pieces,
            cut_before: !text[..window.start].trim().is_empty(),
            cut_after: !text[window.end..].trim().is_empty(),
        }
    }
}

/// All tokens of a text, in one piece of memory.
struct Tokens {
    joined: String,
    /// Where each token ends in `joined`.
    ends: Vec<usize>,
    /// Where each token stands in the text.
    ranges: Vec<Range<usize>>,
}

impl Tokens {
    fn of(text: &str) -> Self {
        let mut tokens =
            Self { joined: String::with_capacity(text.len()), ends: Vec::new(), ranges: Vec::new() };
        each_token(text, |token, range| {
            tokens.joined.push_str(token);
            tokens.ends.push(tokens.joined.len());
            tokens.ranges.push(range);
        });
        tokens
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn token(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.joined[start..self.ends[number]]
    }

    /// Whether a phrase stands at a token.
    fn has(&self, phrase: &Phrase, at: usize) -> bool {
        at + phrase.tokens.len() <= self.len()
            && phrase.is((at..at + phrase.tokens.len()).map(|number| self.token(number)))
    }
}

fn push(pieces: &mut Vec<(String, bool)>, text: &str, found: bool) {
    if !text.is_empty() {
        pieces.push((text.into(), found));
    }
}

/// Where one phrase of the query stands.
struct Place {
    range: Range<usize>,
    /// The same in characters.
    chars: Range<usize>,
    phrase: usize,
}

/// Where the phrases stand, in order of their beginnings.
fn places(text: &str, tokens: &Tokens, query: &TextQuery) -> Vec<Place> {
    let mut places = Vec::new();
    let mut counted = Counted { text, byte: 0, chars: 0 };
    for at in 0..tokens.len() {
        for (number, phrase) in query.wanted().iter().enumerate() {
            if tokens.has(phrase, at) {
                let last = at + phrase.tokens.len() - 1;
                let range = tokens.ranges[at].start..tokens.ranges[last].end;
                let start = counted.until(range.start);
                let length = text[range.clone()].chars().count();
                places.push(Place { range, chars: start..start + length, phrase: number });
            }
        }
    }
    places
}

/// Counts characters while places go forward.
struct Counted<'t> {
    text: &'t str,
    byte: usize,
    chars: usize,
}

impl Counted<'_> {
    fn until(&mut self, byte: usize) -> usize {
        if byte > self.byte {
            self.chars += self.text[self.byte..byte].chars().count();
            self.byte = byte;
        }
        self.chars
    }
}

/// From the first to the last place of the best window.
fn best(places: &[Place], width: usize) -> Range<usize> {
    let mut best = (0, 0, 0..0);
    // Each end moves forward only, so a text full of places costs no more than one pass. Which phrases are inside is
    // counted on the way.
    let mut inside = vec![0usize; places.iter().map(|place| place.phrase + 1).max().unwrap_or(0)];
    let (mut different, mut end) = (0, 0);
    for (number, first) in places.iter().enumerate() {
        while let Some(place) = places.get(end)
            && (end == number || place.chars.end <= first.chars.start + width)
        {
            different += usize::from(inside[place.phrase] == 0);
            inside[place.phrase] += 1;
            end += 1;
        }
        if (different, end - number) > (best.0, best.1) {
            let last = places[number..end].iter().map(|place| place.range.end).max().unwrap_or(0);
            best = (different, end - number, first.range.start..last);
        }
        inside[first.phrase] -= 1;
        different -= usize::from(inside[first.phrase] == 0);
    }
    best.2
}

/// The same, and what is left of the characters (as a person sees them) that it begins and ends in.
fn whole_characters(text: &str, range: Range<usize>) -> Range<usize> {
    let mut cursor = GraphemeCursor::new(range.start, text.len(), true);
    let start = match cursor.is_boundary(text, 0) {
        Ok(true) => range.start,
        _ => cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(0),
    };
    start..boundary(text, range.end, text.len())
}

/// The core with what stands around it.
fn window(text: &str, core: Range<usize>, width: usize, tokens: &[Range<usize>]) -> Range<usize> {
    let length = text[core.clone()].chars().take(2 * width).count();
    let spare = width.saturating_sub(length);
    // A third of what is left stands before: what follows says more than what preceded.
    let before = back(text, core.start, spare / 3);
    let used = text[before..core.start].chars().count();
    let end = forward(text, core.start, (length + spare - used).min(2 * width));
    let left = width.saturating_sub(text[before..end].chars().count());
    let before = back(text, before, left);
    let start = if before == 0 { 0 } else { tidy_start(text, before, core.start, tokens) };
    let end = if end == text.len() { end } else { tidy_end(text, end, core.end.min(end), tokens) };
    start..end.max(start)
}

fn back(text: &str, from: usize, chars: usize) -> usize {
    match chars {
        0 => from,
        _ => text[..from].char_indices().rev().nth(chars - 1).map_or(0, |(at, _)| at),
    }
}

fn forward(text: &str, from: usize, chars: usize) -> usize {
    text[from..].char_indices().nth(chars).map_or(text.len(), |(at, _)| from + at)
}

/// A start that cuts no word, at most at `latest`.
fn tidy_start(text: &str, at: usize, latest: usize, tokens: &[Range<usize>]) -> usize {
    let at = match tokens.get(tokens.partition_point(|token| token.end <= at)) {
        Some(token) if token.start < at && token.end <= latest => token.end,
        _ => at.min(latest),
    };
    let blank = text[at..latest].len() - text[at..latest].trim_start().len();
    boundary(text, at + blank, latest)
}

/// An end that cuts no word, at least at `earliest`.
fn tidy_end(text: &str, at: usize, earliest: usize, tokens: &[Range<usize>]) -> usize {
    let at = match tokens.get(tokens.partition_point(|token| token.end <= at)) {
        Some(token) if token.start < at && token.start >= earliest && token.start > 0 => token.start,
        _ => at.max(earliest),
    };
    let at = earliest + text[earliest..at].trim_end().len();
    // Back to where a character ends; where none ends before, forward.
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(true) => at,
        _ => match cursor.prev_boundary(text, 0) {
            Ok(Some(before)) if before > earliest => before,
            _ => boundary(text, at, text.len()),
        },
    }
}

/// The first place from `at` on between two characters as a person sees them, at most `latest`.
fn boundary(text: &str, at: usize, latest: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(true) => at,
        _ => cursor.next_boundary(text, 0).ok().flatten().unwrap_or(text.len()).min(latest),
    }
}

/// Places that overlap are one.
fn merged(places: &[Place]) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for place in places {
        match merged.last_mut() {
            Some(last) if place.range.start < last.end => last.end = last.end.max(place.range.end),
            _ => merged.push(place.range.clone()),
        }
    }
    merged
}
