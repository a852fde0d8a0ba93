//! Texts of plugins as one plain line: nothing in them moves a cursor, starts a line, or turns what stands beside them around.

/// One line of at most `bytes` bytes: breaks and tabs become a space, other controls, marks of direction and what is invisible
/// are taken out. What was cut ends with `…`.
pub(crate) fn one_line(text: &str, bytes: usize) -> String {
    let mut line = String::with_capacity(text.len().min(bytes));
    for character in text.chars() {
        let character = match character {
            '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
            hidden if is_hidden(hidden) => continue,
            other => other,
        };
        if line.len() + character.len_utf8() > bytes {
            return ended(line, bytes);
        }
        line.push(character);
    }
    line
}

/// Makes room for the sign that says that it was cut.
fn ended(mut line: String, bytes: usize) -> String {
    while line.len() + '…'.len_utf8() > bytes {
        if line.pop().is_none() {
            return line;
        }
    }
    line.push('…');
    line
}

/// Whether a character does something instead of being something: C0, C1 and DEL (Unicode's category Cc), marks of direction
/// and joints of words (UAX 9, UAX 14), the byte order mark, annotations, and tags, which hide text.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_or_a_log_is_left() {
        for (text, wanted) in [
            ("plain ünï 🦀", "plain ünï 🦀"),
            ("a\r\n2026 ERROR forged", "a  2026 ERROR forged"),
            ("\u{1b}]52;c;ZXZpbA==\u{7}x", "]52;c;ZXZpbA==x"),
            ("\u{1b}[2J\u{9b}31mred", "[2J31mred"),
            ("user\u{202e}gpj.exe\u{2066}\u{200f}", "usergpj.exe"),
            ("a\u{2028}b\u{85}c\0\u{7f}", "a b c"),
            ("\u{e0041}\u{feff}x", "x"),
        ] {
            assert_eq!(one_line(text, 100), wanted);
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_says_so() {
        let cut = one_line(&"ä".repeat(10_000), 8192);
        assert!(cut.len() <= 8192 && cut.ends_with("ä…"), "{}", cut.len());
        assert_eq!(one_line("äöü", 6), "äöü");
        assert_eq!(one_line("äöü!", 6), "ä…");
        assert_eq!(one_line("abc", 2), "");
    }
}
