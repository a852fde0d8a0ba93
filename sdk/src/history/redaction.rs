//! Hiding secrets of well-known forms in texts: keys of providers, tokens of forges, private keys, passwords in
//! addresses.
//!
//! `patterns` is the table of forms; here they are looked for, in texts and in whole JSON values. It is a help, not a
//! guarantee: a secret of no known form stays, and what is encoded (a file as base64) is not looked into.

mod patterns;
#[cfg(test)]
mod tests;
mod value;

use std::ops::Range;

use patterns::{FORMS, Form};
use regex::{Regex, RegexSet};

/// What every replacement begins with.
const MARK: &str = "[redacted";

/// Knows the forms. Making one compiles them; keep it for many texts.
#[derive(Debug)]
pub struct Redactor {
    /// Tells in one pass which forms are in a text at all.
    any: RegexSet,
    forms: Vec<(&'static Form, Regex)>,
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new()
    }
}

impl Redactor {
    /// With all forms.
    ///
    /// # Panics
    /// Never: the forms are constants, and a test compiles each of them.
    #[allow(clippy::expect_used)]
    pub fn new() -> Self {
        Self {
            any: RegexSet::new(FORMS.iter().map(|form| form.pattern)).expect("forms are constants"),
            forms: (FORMS.iter())
                .map(|form| (form, Regex::new(form.pattern).expect("forms are constants")))
                .collect(),
        }
    }

    /// The text with every secret replaced by `[redacted KIND]`, and how many there were.
    pub fn redact(&self, text: &str) -> (String, u64) {
        let found = self.find(text);
        let mut redacted = String::with_capacity(text.len());
        let mut copied = 0;
        for (range, kind) in &found {
            redacted.push_str(&text[copied..range.start]);
            redacted.push_str(MARK);
            redacted.push(' ');
            redacted.push_str(kind);
            redacted.push(']');
            copied = range.end;
        }
        redacted.push_str(&text[copied..]);
        (redacted, found.len() as u64)
    }

    /// Where secrets stand, in order, none within another.
    fn find(&self, text: &str) -> Vec<(Range<usize>, &'static str)> {
        let mut found: Vec<(Range<usize>, &'static str)> = Vec::new();
        for index in self.any.matches(text) {
            let (form, regex) = &self.forms[index];
            // The place after a hit that was none is looked at again: one form may begin within another's miss.
            let mut from = 0;
            while let Some(captures) = regex.captures_at(text, from) {
                let Some(whole) = captures.get(0) else { break };
                let secret = captures.name("secret").unwrap_or(whole);
                let known = secret.as_str().contains(MARK);
                if !known && (form.check)(secret.as_str()) {
                    let end = end_of_long(text, secret.range());
                    found.push((secret.start()..end, form.kind));
                    from = end.max(whole.end());
                } else {
                    from = secret.start().max(next_char(text, whole.start()));
                }
            }
        }
        // The longest at each place; forms that stand first in the table name what two of them know.
        found.sort_by(|(a, _), (b, _)| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        merged(found)
    }
}

/// Forms with a check look at no more than 256 characters, so that a text of near misses is not read again and again.
/// What is longer is secret to its end.
fn end_of_long(text: &str, secret: Range<usize>) -> usize {
    if secret.len() < 256 {
        return secret.end;
    }
    let more = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.+/=~-".contains(byte);
    secret.end + text.as_bytes()[secret.end..].iter().take_while(more).count()
}

fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

/// Ranges that overlap become one, so that no end of a secret sticks out.
fn merged(found: Vec<(Range<usize>, &'static str)>) -> Vec<(Range<usize>, &'static str)> {
    let mut merged: Vec<(Range<usize>, &'static str)> = Vec::new();
    for (range, kind) in found {
        match merged.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push((range, kind)),
        }
    }
    merged
}
