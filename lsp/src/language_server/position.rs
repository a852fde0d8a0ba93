//! Places in texts: lines and UTF-16 columns of the protocol, and characters of ours. Positions outside a text are moved to
//! its nearest place, as the specification says of columns (LSP 3.18, Position).

use ropey::{Rope, RopeSlice};
use tower_lsp_server::gen_lsp_types::Position;

/// The character at a position. A column behind the end of its line means the end of the line, before what breaks it; a line
/// behind the last means the end of the text. A column inside a character that takes two UTF-16 units means its beginning.
pub(crate) fn char_at(text: &Rope, position: Position) -> usize {
    let line = position.line as usize;
    if line >= text.len_lines() {
        return text.len_chars();
    }
    let start = text.line_to_char(line);
    let content = without_break(text.line(line));
    let column = (position.character as usize).min(content.len_utf16_cu());
    start + content.utf16_cu_to_char(column)
}

/// The position of a character; of one behind the end, the end.
pub(crate) fn position_of(text: &Rope, char: usize) -> Position {
    let char = char.min(text.len_chars());
    let line = text.char_to_line(char);
    let start = text.line_to_char(line);
    let column = text.char_to_utf16_cu(char) - text.char_to_utf16_cu(start);
    Position { line: number(line), character: number(column) }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A line without what ends it. The protocol knows `\n`, `\r\n` and `\r` (LSP 3.18, Text Documents), and so does the feature
/// set of the rope that is used here.
fn without_break(line: RopeSlice<'_>) -> RopeSlice<'_> {
    let chars = line.len_chars();
    let end = match chars.checked_sub(1).map(|last| (last, line.char(last))) {
        Some((last, '\n')) if last > 0 && line.char(last - 1) == '\r' => last - 1,
        Some((last, '\n' | '\r')) => last,
        _ => chars,
    };
    line.slice(..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, character by character.
    fn naive(text: &str, position: Position) -> usize {
        let (mut line, mut column, mut chars) = (0, 0, text.chars().enumerate().peekable());
        while let Some((at, char)) = chars.next() {
            let breaks = matches!(char, '\n' | '\r');
            if line == position.line && (breaks || column + char.len_utf16() as u32 > position.character) {
                return at;
            }
            if char == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n') {
                chars.next();
            }
            column += char.len_utf16() as u32;
            if breaks {
                (line, column) = (line + 1, 0);
            }
        }
        text.chars().count()
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("\n"),
            Just("\r\n"),
            Just("\r"),
            Just("a"),
            Just("é"),
            Just("€"),
            Just("🦀"),
            Just("\u{0301}"),
            Just("\u{2028}")
        ];
        proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_place_is_where_counting_by_hand_finds_it(text in texts(), line in 0u32..20, character in 0u32..20) {
            let position = Position { line, character };
            prop_assert_eq!(char_at(&Rope::from_str(&text), position), naive(&text, position));
        }

        #[test]
        fn a_position_leads_back_to_its_character(text in texts()) {
            let rope = Rope::from_str(&text);
            for at in 0..=rope.len_chars() {
                // Between the two characters of one line break there is no position.
                let inside = at > 0 && at < rope.len_chars() && rope.char(at - 1) == '\r' && rope.char(at) == '\n';
                if !inside {
                    prop_assert_eq!(char_at(&rope, position_of(&rope, at)), at);
                }
            }
        }
    }

    #[test]
    fn places_outside_of_the_text_are_moved_into_it() {
        let rope = Rope::from_str("one\n🦀x");
        let at = |line, character| char_at(&rope, Position { line, character });
        assert_eq!((at(0, 99), at(9, 0), at(1, u32::MAX), at(u32::MAX, u32::MAX)), (3, 6, 6, 6));
        assert_eq!(at(1, 1), 4, "inside a character of two units");
        assert_eq!(position_of(&rope, 99), Position { line: 1, character: 3 });
    }
}
