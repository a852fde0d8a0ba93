//! The last look at a frame before it is written: without colours where there are none, in ASCII where the terminal
//! cannot show more, and never with a character that drives the terminal, whatever happened before. Pure.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

use super::clean::is_harmful;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub colours: bool,
    pub unicode: bool,
}

pub(crate) fn finish(buffer: &mut Buffer, abilities: Abilities) {
    let columns = usize::from(buffer.area.width).max(1);
    let mut wide_until = 0;
    for (at, cell) in buffer.content.iter_mut().enumerate() {
        if cell.symbol().chars().any(is_harmful) {
            cell.set_symbol("?");
        }
        if !abilities.colours {
            // Bold and dim still tell things apart; what was only a colour is gone.
            (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
            cell.modifier.remove(Modifier::ITALIC);
        }
        if abilities.unicode {
            continue;
        }
        let symbol = cell.symbol();
        if at < wide_until {
            // The second half of a wide character.
            cell.set_symbol("?");
        } else if !symbol.is_ascii() {
            let wide = symbol.width() > 1 && (at + 1) % columns != 0;
            wide_until = if wide { at + symbol.width() } else { 0 };
            let plain = ascii(symbol);
            cell.set_symbol(plain);
        }
    }
}

/// The nearest thing that a terminal without more than ASCII can show.
fn ascii(symbol: &str) -> &'static str {
    match symbol {
        "│" | "▌" | "▏" | "┃" => "|",
        "─" | "━" | "—" | "–" => "-",
        "┼" | "╭" | "╮" | "╰" | "╯" | "├" | "┤" => "+",
        "✓" => "v",
        "✗" => "x",
        "○" => "o",
        "●" => "*",
        "•" => "*",
        "·" => "-",
        "◐" | "◑" | "◒" | "◓" => "~",
        "▸" | "❯" | "›" | "→" => ">",
        "▾" | "↓" => "v",
        "↑" => "^",
        "…" => ".",
        "■" | "█" => "#",
        "↶" => "<",
        "‘" | "’" => "'",
        "“" | "”" => "\"",
        "\u{a0}" => " ",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn row(buffer: &Buffer) -> String {
        buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn without_unicode_only_ascii_is_left_and_nothing_moves() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "✓ é日本 x│…", Style::new());
        finish(&mut buffer, Abilities { colours: true, unicode: false });
        assert_eq!(row(&buffer), "v ????? x|. ");
    }

    #[test]
    fn without_colours_none_is_left() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer.set_string(
            0,
            0,
            "ab",
            Style::new().fg(Color::Red).bg(Color::Blue).add_modifier(Modifier::BOLD),
        );
        finish(&mut buffer, Abilities { colours: false, unicode: true });
        assert!(buffer.content.iter().all(|c| c.fg == Color::Reset && c.bg == Color::Reset));
        assert!(buffer.content[0].modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn no_control_character_passes() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer.content[0].set_symbol("\u{1b}[2J");
        finish(&mut buffer, Abilities { colours: true, unicode: true });
        assert_eq!(row(&buffer), "? ");
    }
}
