//! Makes foreign text harmless: a model, a tool or a file name must not be able to drive the terminal. Pure.
//!
//! Everything that comes from outside passes here before it is laid out. Control characters and marks that change the
//! direction of text become visible ones, so that a person sees that they were there.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The width of a tab, in columns from the start of the line.
const TAB: usize = 4;

/// Keeps line breaks; tabs become spaces, other control characters visible pictures of themselves.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_harmful(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => column = 0,
            '\r' if chars.peek() == Some(&'\n') => continue,
            _ => column += 1,
        }
        match c {
            '\n' => out.push('\n'),
            '\t' => {
                let fill = TAB - (column - 1) % TAB;
                out.extend(std::iter::repeat_n(' ', fill));
                column += fill - 1;
            }
            c if is_harmful(c) => out.push_str(&picture(c)),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same on one line, for titles and names: line breaks become spaces.
pub(crate) fn one_line(text: &str) -> String {
    let cleaned = clean(text.trim());
    if cleaned.contains('\n') {
        cleaned.split('\n').map(str::trim).collect::<Vec<_>>().join(" ")
    } else {
        cleaned.into_owned()
    }
}

/// What a tool printed: colours and cursor movements of the usual form are left out, everything else is cleaned.
pub(crate) fn tool_output(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match sequence_length(rest) {
            Some(length) => rest = &rest[length..],
            None => {
                out.push('\u{1b}');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    clean(&out).into_owned()
}

/// The length of the control sequence (`ESC [ … letter`) with which the text begins.
fn sequence_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| !matches!(c, '0'..='?' | ' '..='/'))?;
    let last = body[end..].chars().next()?;
    ('@'..='~').contains(&last).then_some(2 + end + 1)
}

/// Whether a terminal would do something else with it than show it in its place.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn picture(c: char) -> String {
    match c {
        '\u{7f}' => "\u{2421}".into(),
        c if (c as u32) < 0x20 => char::from_u32(0x2400 + c as u32).map(String::from).unwrap_or_default(),
        c => {
            let mut out = String::new();
            // Writing to a string cannot fail.
            let _ = write!(out, "<U+{:04X}>", c as u32);
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_become_visible_and_can_do_nothing() {
        assert_eq!(clean("a\u{1b}]0;owned\u{7}b"), "a␛]0;owned␇b");
        assert_eq!(clean("\u{9b}2J\u{202e}x\u{7f}"), "<U+009B>2J<U+202E>x␡");
        assert_eq!(clean("x\r\ny\rz"), "x\ny␍z");
        let all: String = (0..=0x10ffff).filter_map(char::from_u32).collect();
        assert!(!clean(&all).chars().any(|c| c != '\n' && is_harmful(c)));
    }

    #[test]
    fn plain_text_is_not_copied_and_tabs_reach_their_stops() {
        assert!(matches!(clean("é 日本 😀\nx"), Cow::Borrowed(_)));
        assert_eq!(clean("a\tb\n\tc"), "a   b\n    c");
        assert_eq!(one_line(" a\nb\t"), "a b");
    }

    #[test]
    fn colours_of_tools_are_left_out() {
        assert_eq!(tool_output("\u{1b}[1;31mred\u{1b}[0m \u{1b}]8;;x\u{7}"), "red ␛]8;;x␇");
        assert_eq!(tool_output("\u{1b}["), "␛[");
    }
}
