//! What a plugin shows in a terminal, made harmless, and the keys that it gets. The terminal itself is the frontend's.
//!
//! Of all escapes only colours stay (ECMA-48 SGR): nothing that moves the cursor, sets a title, touches the clipboard or asks
//! the terminal something. Rows are cut by columns, so that none becomes two.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use unicode_width::UnicodeWidthChar as _;

use crate::plain::is_hidden;

/// What may be shown: rows, bytes of a row.
const ROWS: usize = 512;
const ROW: usize = 16 << 10;

/// The longest colour: more would be no colour.
const COLOUR: usize = 48;

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The character, or `enter`, `escape`, `tab`, `backspace`, `delete`, `insert`, `home`, `end`, `page-up`, `page-down`,
    /// `up`, `down`, `left`, `right`, `f1` … `f12`.
    pub code: String,
    /// Whether the control key was held.
    pub ctrl: bool,
    /// Whether the alternative key was held.
    pub alt: bool,
    /// Whether the shift key was held.
    pub shift: bool,
}

/// What a person does with a frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Presses a key.
    Key(Key),
    /// Pastes a text.
    Paste(String),
    /// Makes the terminal so many columns and rows large.
    Resize(u16, u16),
    /// Opens a page.
    ClientOpen(u32),
    /// Closes it.
    ClientClose(u32),
}

/// What is shown now.
#[derive(Debug)]
pub(crate) struct Screen {
    rows: watch::Sender<Arc<[String]>>,
}

impl Default for Screen {
    fn default() -> Self {
        Self { rows: watch::channel(Arc::from([])).0 }
    }
}

impl Screen {
    /// Shows these rows and no others.
    pub(crate) fn render(&self, rows: &[String]) {
        let rows: Vec<String> = rows.iter().take(ROWS).map(|row| harmless(row)).collect();
        self.rows.send_replace(rows.into());
    }

    pub(crate) fn terminal(&self, inputs: mpsc::Sender<Input>) -> Terminal {
        Terminal { rows: self.rows.subscribe(), inputs }
    }
}

/// A plugin that is shown in a terminal.
#[derive(Debug)]
pub struct Terminal {
    rows: watch::Receiver<Arc<[String]>>,
    inputs: mpsc::Sender<Input>,
}

impl Terminal {
    /// What is to be shown in a terminal of this size: at most so many rows, none wider than that. Each ends with the colours
    /// with which it began.
    pub fn frame(&mut self, columns: u16, rows: u16) -> Vec<String> {
        let shown = self.rows.borrow_and_update().clone();
        shown.iter().take(rows.into()).map(|row| fit(row, columns.into())).collect()
    }

    /// Waits until there is something else to show; false when there will be nothing more. Cancel-safe.
    pub async fn changed(&mut self) -> bool {
        self.rows.changed().await.is_ok()
    }

    /// Tells the plugin what the person does. False when it has not kept up with what came before; then it is not told.
    pub fn input(&self, input: Input) -> bool {
        self.inputs.try_send(input).is_ok()
    }
}

/// A row without anything that acts, but for its colours.
fn harmless(row: &str) -> String {
    let mut out = String::with_capacity(row.len().min(ROW));
    let mut rest = row;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = match first {
            '\u{1b}' => escape(rest),
            // C1: the same in one character.
            '\u{9b}' | '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => {
                (body(first, &rest[2..]) + 2, false)
            }
            '\t' => (1, false),
            hidden if is_hidden(hidden) => (hidden.len_utf8(), false),
            other => (other.len_utf8(), true),
        };
        if out.len() + length > ROW {
            break;
        }
        match (first, kept) {
            ('\t', _) => out.push(' '),
            (_, true) => out.push_str(&rest[..length]),
            _ => {}
        }
        rest = &rest[length..];
    }
    out
}

/// The length of the escape with which the text begins, and whether it is a colour.
fn escape(text: &str) -> (usize, bool) {
    let Some(kind) = text[1..].chars().next() else { return (1, false) };
    let after = 1 + kind.len_utf8();
    let c1 = match kind {
        '[' => '\u{9b}',
        ']' => '\u{9d}',
        'P' => '\u{90}',
        'X' => '\u{98}',
        '^' => '\u{9e}',
        '_' => '\u{9f}',
        // Two characters, or one with something between.
        _ => return (1, false),
    };
    let length = after + body(c1, &text[after..]);
    let inner = &text[after..length];
    let numbers = inner
        .strip_suffix('m')
        .is_some_and(|n| n.chars().all(|c| c.is_ascii_digit() || matches!(c, ';' | ':')));
    (length, kind == '[' && numbers && length <= COLOUR)
}

/// How long what belongs to a control is: parameters and a letter (ECMA-48, 5.4), or a string with its end (5.6).
fn body(control: char, text: &str) -> usize {
    if control == '\u{9b}' {
        let end = text.find(|c: char| !matches!(c, ' '..='?')).unwrap_or(text.len());
        return end + text[end..].chars().next().filter(|c| matches!(c, '@'..='~')).map_or(0, char::len_utf8);
    }
    let ends = [("\u{7}", 1), ("\u{1b}\\", 2), ("\u{9c}", 2)];
    // A string without an end would swallow what the terminal gets next: so it has all of the row.
    ends.iter().filter_map(|(end, length)| text.find(end).map(|at| at + length)).min().unwrap_or(text.len())
}

/// As much of a harmless row as has room, with its colours undone.
fn fit(row: &str, columns: usize) -> String {
    let (mut out, mut used, mut coloured, mut rest) = (String::with_capacity(row.len()), 0, false, row);
    while let Some(first) = rest.chars().next() {
        let length = if first == '\u{1b}' { escape(rest).0 } else { first.len_utf8() };
        let width = if first == '\u{1b}' { 0 } else { first.width().unwrap_or_default() };
        if used + width > columns {
            break;
        }
        coloured |= first == '\u{1b}';
        used += width;
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    if coloured {
        out.push_str("\u{1b}[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_stay_and_everything_else_that_acts_goes() {
        for (row, wanted) in [
            ("\u{1b}[1;38;5;9mred\u{1b}[0m", "\u{1b}[1;38;5;9mred\u{1b}[0m"),
            ("\u{1b}[2Ja\u{1b}[10;10Hb\u{1b}[?1049lc\u{1b}[6nd", "abcd"),
            ("\u{1b}]0;title\u{7}a\u{1b}]52;c;ZXZpbA==\u{1b}\\b", "ab"),
            ("\u{1b}]52;c;without an end", ""),
            ("\u{1b}Pq#0\u{1b}\\a\u{1b}_G\u{9c}b\u{9d}2;x\u{7}c\u{9b}2Jd", "abcd"),
            ("a\r\nb\u{8}\u{0}c\u{202e}d\te", "abcd e"),
            ("\u{1b}c\u{1b}7x", "c7x"),
            ("\u{1b}[>4;2m\u{1b}[1 mx\u{1b}", "x"),
        ] {
            assert_eq!(harmless(row), wanted, "{row:?}");
        }
    }

    #[test]
    fn a_row_is_cut_by_columns_and_leaves_no_colour_behind() {
        assert_eq!(fit("日本語", 5), "日本");
        assert_eq!(fit("\u{1b}[31mabc", 2), "\u{1b}[31mab\u{1b}[0m");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn a_slow_plugin_is_not_told_every_key_and_the_terminal_knows() {
        let (screen, (inputs, mut told)) = (Screen::default(), mpsc::channel(1));
        let mut terminal = screen.terminal(inputs);
        screen.render(&["one".to_owned(), "two".to_owned(), "three".to_owned()]);
        assert_eq!(terminal.frame(2, 2), ["on", "tw"]);
        assert!(terminal.input(Input::Resize(2, 2)) && !terminal.input(Input::Paste("x".to_owned())));
        assert_eq!(told.try_recv().ok(), Some(Input::Resize(2, 2)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn whatever_is_rendered_nothing_but_colours_acts(pieces in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,3}", Just("\u{1b}".to_owned()), Just("\u{1b}[".to_owned()), Just("\u{1b}]".to_owned()),
                Just("\u{9b}".to_owned()), Just("\u{7}".to_owned()), Just("\u{1b}\\".to_owned()), "[0-9;:?m]{0,4}",
                any::<char>().prop_map(String::from),
            ], 0..24), columns in 0usize..40) {
            let row = harmless(&pieces.concat());
            for text in [row.clone(), fit(&row, columns)] {
                let mut rest = text.as_str();
                while let Some(at) = rest.find(is_hidden) {
                    rest = &rest[at..];
                    prop_assert!(rest.starts_with("\u{1b}["), "{rest:?}");
                    let end = rest[2..].find(|c: char| !matches!(c, '0'..='9' | ';' | ':')).map(|end| end + 2);
                    prop_assert!(end.is_some_and(|end| rest[end..].starts_with('m')), "{rest:?}");
                    rest = &rest[2..];
                }
            }
            // Cleaned again, it is the same: nothing was put together by what was taken out.
            prop_assert_eq!(harmless(&row), row);
        }
    }
}
