//! Splits a text into tokens, each with its place in the text.
//!
//! A token is a run of letters and digits, decomposed by compatibility (NFKD), without the marks that people leave out
//! when they search, in lower case, composed again. `foo_bar`, `don't` and `3.14` are two tokens each. What is left out:
//! accents of Latin and Greek, stress marks and the dots of `ё` in Cyrillic (`й`, `ї` and `ў` stay, they are letters of
//! their own), points of Hebrew, vowel signs and hamza of Arabic with the tatweel, variation selectors, joiners, soft
//! hyphens and the skin tones of emoji. Signs of Devanagari and its relatives stay: they are the vowels.
//!
//! Characters of scripts without spaces between words (Han, kana, Bopomofo, Hangul, Thai, Lao, Khmer, Myanmar and some
//! smaller ones) are a token each, with their signs; so are emoji. A word of them in a query is a phrase, and finds every
//! place where it stands, also inside of longer words.
//!
//! A token holds at most [`TOKEN_CHARS`] characters; the rest of a longer one (base64, minified code) is not looked at, in
//! texts and in queries alike.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// So many characters of a token count.
pub(crate) const TOKEN_CHARS: usize = 64;

/// Changes when texts are split in another way: the index is made anew then. The tables of Unicode belong to it: they
/// come with the compiler and with the library that normalises.
pub(crate) fn version() -> String {
    let (std, norm) = (char::UNICODE_VERSION, unicode_normalization::UNICODE_VERSION);
    format!("1/{}.{}.{}/{}.{}.{}", std.0, std.1, std.2, norm.0, norm.1, norm.2)
}

/// Calls `each` with every token and its place in the text, in order.
pub(crate) fn each_token(text: &str, mut each: impl FnMut(&str, Range<usize>)) {
    let bytes = text.as_bytes();
    let mut word = Word::default();
    let mut normal = String::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii() && bytes.get(at + 1).is_none_or(u8::is_ascii) {
            if byte.is_ascii_alphanumeric() {
                word.push(byte.to_ascii_lowercase().into(), at..at + 1);
            } else {
                word.end(&mut each);
            }
            at += 1;
            continue;
        }
        let cluster = at..cluster_end(text, at);
        at = cluster.end;
        normalize(&text[cluster.clone()], &mut normal);
        push_cluster(&normal, cluster, &mut word, &mut each);
    }
    word.end(&mut each);
}

/// All tokens of a text with a space between them: what the database's own, simple tokenizer splits in the same way.
pub(crate) fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    each_token(text, |token, _| {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(token);
    });
    out
}

/// The token that is being read.
#[derive(Default)]
struct Word {
    text: String,
    chars: usize,
    range: Range<usize>,
}

impl Word {
    fn push(&mut self, c: char, range: Range<usize>) {
        if self.chars == 0 {
            self.range.start = range.start;
        }
        self.range.end = range.end;
        self.chars += 1;
        if self.chars <= TOKEN_CHARS {
            self.text.push(c);
        }
    }

    fn end(&mut self, each: &mut impl FnMut(&str, Range<usize>)) {
        if self.chars > 0 {
            each(&self.text, self.range.clone());
            self.text.clear();
            self.chars = 0;
        }
    }
}

/// Characters of one cluster, normalised, into words.
fn push_cluster(
    normal: &str,
    cluster: Range<usize>,
    word: &mut Word,
    each: &mut impl FnMut(&str, Range<usize>),
) {
    let mut alone = false;
    for c in normal.chars() {
        if is_combining_mark(c) {
            if word.chars > 0 {
                word.push(c, cluster.clone());
            }
            continue;
        }
        if alone {
            word.end(each);
            alone = false;
        }
        if stands_alone(c) {
            word.end(each);
            word.push(c, cluster.clone());
            alone = true;
        } else if c.is_alphanumeric() {
            word.push(c, cluster.clone());
        } else {
            word.end(each);
        }
    }
    if alone {
        word.end(each);
    }
}

/// Where the character at `at` ends with everything that belongs to it.
fn cluster_end(text: &str, at: usize) -> usize {
    let mut chars = text[at..].char_indices();
    chars.next();
    chars.find(|(_, c)| !extends(*c)).map_or(text.len(), |(offset, _)| at + offset)
}

/// Whether a character belongs to the one before it.
fn extends(c: char) -> bool {
    if c.is_ascii() {
        return false;
    }
    is_combining_mark(c)
        || is_ignored(c)
        // Vowels and finals of Hangul that are written apart, the half-width voice marks of kana, and the vowel `am` of
        // Thai and Lao, which decomposes into a mark and a letter.
        || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7ff}' | '\u{ff9e}' | '\u{ff9f}' | '\u{e33}' | '\u{eb3}')
}

/// Whether a character says nothing about the word that it stands in.
fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{640}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether people leave a mark out when they search. `base` is the character that carries it.
fn is_left_out(mark: char, base: char) -> bool {
    match mark {
        '\u{300}'..='\u{36f}' if matches!(base, '\u{400}'..='\u{52f}') => match mark {
            '\u{300}' | '\u{301}' => true,
            '\u{308}' => matches!(base, 'е' | 'Е'),
            _ => false,
        },
        '\u{300}'..='\u{36f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}'
        | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{670}'
        | '\u{6d6}'..='\u{6ed}' => is_combining_mark(mark),
        _ => false,
    }
}

/// One cluster as it counts.
fn normalize(cluster: &str, into: &mut String) {
    into.clear();
    let mut chars = cluster.chars();
    if let (Some(c), None) = (chars.next(), chars.next())
        && matches!(c, '\u{3041}'..='\u{304a}' | '\u{4e00}'..='\u{9fff}' | 'а'..='и' | 'к'..='я')
    {
        into.push(c);
        return;
    }
    let mut base = '\0';
    let kept = cluster.nfkd().filter(move |&c| {
        if is_ignored(c) {
            return false;
        }
        if is_combining_mark(c) {
            return !is_left_out(c, base);
        }
        base = c;
        true
    });
    // The sigma at the end of a word is the same letter.
    into.extend(kept.flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).nfc());
}

/// Whether a character is a token of its own.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' // Myanmar
        | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' // Hangul
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{1950}'..='\u{19df}' | '\u{1a20}'..='\u{1aaf}' | '\u{aa80}'..='\u{aadf}' // Tai
        | '\u{1b00}'..='\u{1b7f}' | '\u{a980}'..='\u{a9df}' // Balinese, Javanese
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3040}'..='\u{30ff}' | '\u{3100}'..='\u{312f}'
        | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}' // kana, Bopomofo
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a000}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}') // Han, Yi
        && c.is_alphanumeric()
        || matches!(c, '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}' | '\u{1f000}'..='\u{1faff}') // emoji
}
