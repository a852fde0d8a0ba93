//! What a query means: words, phrases, prefixes, and what must not be there.

use super::tokens::{each_token, spaced};

/// So many words and phrases of a query count; more are left out.
const TERMS: usize = 64;
/// So many tokens of all of them together count.
const TOKENS: usize = 256;

/// What to look for: words (all of them), `"phrases"`, `prefix*`, `-without`.
///
/// Words are found in any order and wherever they stand in a text. A word that is made of several parts (`foo_bar`,
/// `don't`, `日本語`) is a phrase of them. A star behind a word or phrase makes its last part the beginning of one. A minus
/// directly before a word or phrase means that a text must not have it; before anything else it is no sign at all
/// (`--flag`). A query of nothing but such words finds every text without them. Case, accents and width do not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextQuery {
    wanted: Vec<Phrase>,
    unwanted: Vec<Phrase>,
}

/// Tokens that stand behind each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub(crate) tokens: Vec<String>,
    /// The last token is the beginning of one.
    pub(crate) prefix: bool,
}

impl TextQuery {
    /// Reads a query as people type it. Never fails: what cannot be a word is left out, and so is what comes after 64
    /// words and phrases. A word in a script without spaces (Chinese, Japanese, Thai, …) is a phrase of its characters.
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let mut tokens = TOKENS;
        let mut rest = text;
        while let Some(term) = Term::next(&mut rest) {
            if query.wanted.len() + query.unwanted.len() == TERMS || tokens == 0 {
                break;
            }
            let mut phrase = Phrase { tokens: Vec::new(), prefix: term.prefix };
            each_token(term.text, |token, _| {
                if phrase.tokens.len() < tokens {
                    phrase.tokens.push(token.into());
                }
            });
            tokens -= phrase.tokens.len();
            let list = if term.without { &mut query.unwanted } else { &mut query.wanted };
            if !phrase.tokens.is_empty() && !list.contains(&phrase) {
                list.push(phrase);
            }
        }
        query
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Whether a text has what is looked for: the same answer that the index gives.
    pub fn matches(&self, text: &str) -> bool {
        if self.is_empty() {
            return true;
        }
        let spaced = spaced(text);
        let tokens: Vec<&str> = spaced.split(' ').filter(|token| !token.is_empty()).collect();
        let is_there =
            |phrase: &Phrase| tokens.windows(phrase.tokens.len()).any(|part| phrase.is(part.iter().copied()));
        self.wanted.iter().all(is_there) && !self.unwanted.iter().any(is_there)
    }

    #[cfg(test)]
    pub(crate) fn only(phrase: &Phrase) -> Self {
        Self { wanted: vec![phrase.clone()], unwanted: Vec::new() }
    }

    /// What a text must have.
    pub(crate) fn wanted(&self) -> &[Phrase] {
        &self.wanted
    }

    /// What it must not have.
    pub(crate) fn unwanted(&self) -> &[Phrase] {
        &self.unwanted
    }
}

impl Phrase {
    /// Whether these tokens, of which there are as many, are the phrase.
    pub(crate) fn is<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> bool {
        let last = self.tokens.len() - 1;
        self.tokens.iter().zip(tokens).enumerate().all(|(number, (own, other))| {
            if number == last && self.prefix { other.starts_with(own.as_str()) } else { own == other }
        })
    }
}

/// A piece of a query as it was typed.
struct Term<'t> {
    text: &'t str,
    without: bool,
    prefix: bool,
}

impl<'t> Term<'t> {
    /// The next piece; `rest` begins behind it then.
    fn next(rest: &mut &'t str) -> Option<Self> {
        let text = rest.trim_start();
        if text.is_empty() {
            return None;
        }
        let signed = text.strip_prefix('-').filter(|behind| {
            behind.starts_with(|c: char| c == '"' || (!c.is_whitespace() && c != '-' && c != '*'))
        });
        let (without, text) = (signed.is_some(), signed.unwrap_or(text));
        let (inner, behind) = match text.strip_prefix('"') {
            // A phrase that nobody closed goes to the end.
            Some(open) => open.split_once('"').unwrap_or((open, "")),
            None => {
                let end = text.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len());
                text.split_at(end)
            }
        };
        let quoted = text.starts_with('"');
        let prefix = if quoted { behind.starts_with('*') } else { inner.ends_with('*') };
        *rest = if quoted && prefix { &behind[1..] } else { behind };
        Some(Self { text: inner, without, prefix })
    }
}
