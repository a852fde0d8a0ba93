//! Text that a plugin gave, made fit for people's eyes: messages, titles, summaries.

/// One line of at most `most` characters, without anything that steers a terminal or turns the direction of text.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(4 * most));
    let mut left = most;
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            gap = !out.is_empty();
        } else if !is_steering(c) {
            if left == 0 {
                out.push('…');
                break;
            }
            if std::mem::take(&mut gap) {
                out.push(' ');
                left = left.saturating_sub(1);
            }
            out.push(c);
            left = left.saturating_sub(1);
        }
    }
    out
}

/// Text of several lines, cut to so many bytes; line breaks and tabs stay.
pub(crate) fn text(text: &str, most_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most_bytes));
    for c in text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_steering(*c))) {
        if out.len() + c.len_utf8() > most_bytes {
            break;
        }
        out.push(c);
    }
    out
}

/// The first so many bytes of a text, whole characters.
pub(crate) fn cut(text: &mut String, most_bytes: usize) -> bool {
    if text.len() <= most_bytes {
        return false;
    }
    text.truncate(text.floor_char_boundary(most_bytes));
    true
}

/// Marks that are not seen and change how the rest is seen (Unicode 16, general category Cf): directions, joiners of nothing,
/// tags, byte order marks.
fn is_steering(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_breaks_no_escapes_and_no_turned_text() {
        assert_eq!(line("a\r\nb\u{1b}]52;c;x\u{7}c\u{202e}d", 80), "a b ]52;c;x cd");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("  a  ", 3), "a");
    }

    #[test]
    fn a_text_keeps_its_lines_and_is_cut_between_characters() {
        assert_eq!(text("a\n\tb\u{1b}[2J", 100), "a\n\tb[2J");
        assert_eq!(text("äää", 3), "ä");
        let mut whole = "äää".to_owned();
        assert!(cut(&mut whole, 3) && whole == "ä" && !cut(&mut whole, 2));
    }
}
