//! What the person types. A long paste is shown as one word, `[pasted 1.0 MB, 12,345 lines]`, and sent whole: the word
//! stands for the text as long as it is there, and goes as a whole when one letter of it is deleted.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui_textarea::{CursorMove, DataCursor, TextArea, WrapMode};

use super::size;
use super::view::clean::clean;

/// A paste with more than this many bytes or lines is folded.
const FOLD_BYTES: usize = 2_000;
const FOLD_LINES: usize = 12;

/// The text that is being written.
pub(crate) struct Editor {
    area: TextArea<'static>,
    /// Words that stand for pasted texts.
    pastes: Vec<(String, String)>,
}

impl Default for Editor {
    fn default() -> Self {
        Self { area: area(Vec::new()), pastes: Vec::new() }
    }
}

fn area(lines: Vec<String>) -> TextArea<'static> {
    let mut area = TextArea::new(if lines.is_empty() { vec![String::new()] } else { lines });
    area.set_wrap_mode(WrapMode::Glyph);
    area.set_cursor_line_style(ratatui::style::Style::new());
    area.set_cursor_style(ratatui::style::Style::new());
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

impl Editor {
    pub fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    pub fn is_empty(&self) -> bool {
        self.area.lines().iter().all(String::is_empty)
    }

    /// As it stands there, with words for pastes.
    pub fn shown(&self) -> String {
        self.area.lines().join("\n")
    }

    /// With the pasted texts in the place of their words.
    pub fn text(&self) -> String {
        let shown = self.shown();
        let mut out = String::with_capacity(shown.len());
        let mut rest = shown.as_str();
        // One walk: what was pasted may hold such words itself, and those are text.
        while let Some((at, (word, text))) = self
            .pastes
            .iter()
            .filter_map(|paste| Some((rest.find(&paste.0)?, paste)))
            .min_by_key(|(at, _)| *at)
        {
            out.push_str(&rest[..at]);
            out.push_str(text);
            rest = &rest[at + word.len()..];
        }
        out.push_str(rest);
        out
    }

    /// Empties it and says what it held.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub fn set(&mut self, text: &str) {
        self.pastes.clear();
        self.area = area(Vec::new());
        self.paste(text);
    }

    pub fn insert(&mut self, text: &str) {
        self.area.insert_str(text);
    }

    /// Puts in what was pasted.
    pub fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines = text.lines().count();
        if text.len() <= FOLD_BYTES && lines <= FOLD_LINES {
            self.area.insert_str(clean(&text));
            return;
        }
        let word = format!("[pasted {}, {}]", size::bytes(text.len()), size::lines(lines));
        let mut unique = word.clone();
        let mut number = 1;
        while self.pastes.iter().any(|(known, other)| *known == unique && *other != text) {
            number += 1;
            unique = format!("{}, no. {number}]", &word[..word.len() - 1]);
        }
        self.area.insert_str(&unique);
        self.pastes.push((unique, text));
    }

    /// A key that edits; says whether it was one.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let plain = key.modifiers - KeyModifiers::SHIFT == KeyModifiers::NONE;
        match key.code {
            KeyCode::Backspace if plain && self.delete_paste() => true,
            KeyCode::Tab | KeyCode::Enter | KeyCode::Esc => false,
            // Never through its shortcuts: it would understand Ctrl-J or a carriage return in its own way.
            KeyCode::Char(c) if plain => {
                self.area.insert_char(c);
                true
            }
            // What shells do by it; the widget would undo.
            KeyCode::Char('u') if key.modifiers == KeyModifiers::CONTROL => self.area.delete_line_by_head(),
            _ => {
                self.area.input(key);
                true
            }
        }
    }

    pub fn new_line(&mut self) {
        self.area.insert_newline();
    }

    /// Whether the cursor is on the first line, where Up leaves the text.
    pub fn at_top(&self) -> bool {
        self.area.cursor().0 == 0
    }

    pub fn at_bottom(&self) -> bool {
        self.area.cursor().0 + 1 >= self.area.lines().len()
    }

    /// The text of the line before the cursor, and whether it is the first line.
    pub fn before_cursor(&self) -> (&str, bool) {
        let DataCursor(row, column) = self.area.cursor();
        let line = self.area.lines().get(row).map_or("", String::as_str);
        let end = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        (&line[..end], row == 0)
    }

    /// Puts `text` in the place of the last `count` characters before the cursor.
    pub fn complete(&mut self, count: usize, text: &str) {
        (0..count).for_each(|_| {
            self.area.delete_char();
        });
        self.area.insert_str(text);
    }

    /// How many lines the text takes on a screen of this width.
    pub fn height(&self, width: usize) -> usize {
        use super::view::wrap::{Break, Indent, wrap};
        let room = width.max(1);
        // The cursor needs a place behind the last letter.
        let one = |line: &String| {
            let line = format!("{line} ");
            wrap(&[ratatui::text::Span::raw(line)], room, &Indent::default(), Break::Anywhere).len()
        };
        self.area.lines().iter().map(one).sum()
    }

    /// Deletes the word of a paste before the cursor.
    fn delete_paste(&mut self) -> bool {
        let before = self.before_cursor().0;
        let Some(word) = self.pastes.iter().map(|(word, _)| word).find(|word| before.ends_with(*word)) else {
            return false;
        };
        let (word, count) = (word.clone(), word.chars().count());
        self.complete(count, "");
        if !self.shown().contains(&word) {
            self.pastes.retain(|(known, _)| *known != word);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_paste_is_one_word_and_sent_whole() {
        let mut editor = Editor::default();
        let big = "0123456789\n".repeat(12_345);
        editor.insert("look: ");
        editor.paste(&big);
        editor.insert(" end");
        assert_eq!(editor.shown(), "look: [pasted 135 kB, 12,345 lines] end");
        assert_eq!(editor.text(), format!("look: {big} end"));
    }

    #[test]
    fn two_pastes_of_the_same_size_stay_apart() {
        let mut editor = Editor::default();
        let (a, b) = ("a\n".repeat(50), "b\n".repeat(50));
        editor.paste(&a);
        editor.paste(&b);
        assert_eq!(editor.text(), format!("{a}{b}"));
    }

    #[test]
    fn one_backspace_deletes_a_whole_paste() {
        let mut editor = Editor::default();
        editor.insert("x");
        editor.paste(&"y\n".repeat(50));
        assert!(editor.key(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE)));
        assert_eq!((editor.shown().as_str(), editor.text().as_str()), ("x", "x"));
    }

    #[test]
    fn a_short_paste_is_text_and_harmless() {
        let mut editor = Editor::default();
        editor.paste("a\r\nb\u{1b}[2J");
        assert_eq!(editor.shown(), "a\nb␛[2J");
    }

    #[test]
    fn a_completion_takes_the_place_of_what_was_typed() {
        let mut editor = Editor::default();
        editor.insert("see @é/m");
        assert_eq!(editor.before_cursor(), ("see @é/m", true));
        editor.complete(4, "@é/main.rs ");
        assert_eq!(editor.shown(), "see @é/main.rs ");
    }
}
