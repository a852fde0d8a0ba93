//! Text that a plugin gave, made fit for people's eyes: messages, titles, summaries.

use crate::plain::{is_hidden, one_line};

/// One line of at most so many bytes, without anything that steers a terminal or turns the direction of text.
pub(crate) fn line(text: &str, most_bytes: usize) -> String {
    one_line(text.trim(), most_bytes).trim_end().to_owned()
}

/// Text of several lines, cut to so many bytes; line breaks and tabs stay.
pub(crate) fn text(mut text: String, most_bytes: usize) -> String {
    cut(&mut text, most_bytes);
    if !is_plain(text.as_bytes()) {
        text.retain(|c| matches!(c, '\n' | '\t') || !is_hidden(c));
    }
    text
}

/// Whether there is surely nothing to take out, as in most texts: large ones should cost nothing. Looked at in pieces without a
/// way out of them, so that a processor takes many bytes at once.
fn is_plain(text: &[u8]) -> bool {
    let plain = |piece: &[u8]| {
        piece.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\n' | b'\t'))
    };
    text.chunks(1024).all(plain)
}

/// The first so many bytes of a text, whole characters.
pub(crate) fn cut(text: &mut String, most_bytes: usize) -> bool {
    if text.len() <= most_bytes {
        return false;
    }
    text.truncate(text.floor_char_boundary(most_bytes));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_lines_and_is_cut_between_characters() {
        assert_eq!(text("a\n\tb\u{1b}[2J".to_owned(), 100), "a\n\tb[2J");
        assert_eq!(text("äää".to_owned(), 3), "ä");
        let mut whole = "äää".to_owned();
        assert!(cut(&mut whole, 3) && whole == "ä" && !cut(&mut whole, 2));
    }
}
