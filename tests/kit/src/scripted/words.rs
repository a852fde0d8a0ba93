//! Words for answers of a certain length: deterministic, with line ends and some text beyond ASCII.

const WORDS: &[&str] = &[
    "the", "server", "reads", "every", "file", "and", "then", "writes", "a", "short", "note", "about",
    "naïve", "parsers", "→", "which", "is", "why", "größer", "chunks", "split", "emoji", "🙂", "in", "two",
    "日本", "before", "after", "lines", "end", "with", "care",
];

/// `count` words, each with the blank before it; the same seed gives the same words.
pub(super) fn words(count: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut text = String::with_capacity(count * 7);
    for i in 0..count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if i > 0 {
            text.push_str(if i % 40 == 0 { "\n\n" } else { " " });
        }
        text.push_str(WORDS[(state >> 33) as usize % WORDS.len()]);
    }
    text
}

/// Cuts text into what one chunk carries: a word with the blanks before it, or `size` characters.
pub(super) fn pieces(text: &str, size: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut length, mut in_word) = (0, 0, false);
    for (at, c) in text.char_indices() {
        let cut = if size > 0 { length == size } else { in_word && c.is_whitespace() };
        if cut {
            pieces.push(&text[start..at]);
            (start, length, in_word) = (at, 0, false);
        }
        in_word |= !c.is_whitespace();
        length += 1;
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// Tokens that we say a text has: its words.
pub(super) fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_text() {
        let text = words(200, 5);
        assert_eq!((count(&text), &text), (200, &words(200, 5)));
        assert_ne!(text, words(200, 6));
        for size in [0, 1, 2, 7, 10_000] {
            assert_eq!(pieces(&text, size).concat(), text, "{size}");
        }
        assert_eq!(pieces("one  two\n\nthree ", 0), ["one", "  two", "\n\nthree", " "]);
        assert!(pieces("", 0).is_empty());
    }
}
