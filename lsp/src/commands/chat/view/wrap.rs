//! Breaks styled text into lines of a width, as terminals count it: by graphemes, with wide ones two columns. Pure.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Where a line may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Between words; a word that is wider than a line is cut.
    Words,
    /// Anywhere, and every space is kept: for code.
    Anywhere,
}

/// What stands before the text of each line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Indent {
    pub first: Vec<Span<'static>>,
    pub rest: Vec<Span<'static>>,
}

impl Indent {
    /// The same on every line.
    pub fn all(span: Span<'static>) -> Self {
        Self { first: vec![span.clone()], rest: vec![span] }
    }
}

struct Piece<'a> {
    text: &'a str,
    width: usize,
    style: Style,
}

/// Lines of at most `width` columns, indents included. Text without anything is one line of the indent alone.
pub(crate) fn wrap(spans: &[Span<'_>], width: usize, indent: &Indent, how: Break) -> Vec<Line<'static>> {
    let pieces: Vec<Piece<'_>> = spans
        .iter()
        .flat_map(|span| {
            span.content.graphemes(true).map(|text| Piece { text, width: text.width(), style: span.style })
        })
        .collect();
    let mut lines = Vec::new();
    let mut start = 0;
    loop {
        let before = if lines.is_empty() { &indent.first } else { &indent.rest };
        let room = width.saturating_sub(columns(before)).max(1);
        let (end, next) = line_end(&pieces, start, room, how);
        lines.push(line(before, &pieces[start..end]));
        start = next;
        if start >= pieces.len() {
            return lines;
        }
    }
}

/// The width of spans in columns.
pub(crate) fn columns(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|span| span.content.width()).sum()
}

/// Where the line that begins at `start` ends, and where the next begins.
fn line_end(pieces: &[Piece<'_>], start: usize, room: usize, how: Break) -> (usize, usize) {
    let (mut used, mut space) = (0, None);
    for (at, piece) in pieces.iter().enumerate().skip(start) {
        let blank = piece.text == " " && how == Break::Words;
        if used + piece.width > room && at > start {
            if blank {
                let next = pieces[at..].iter().position(|p| p.text != " ").map_or(pieces.len(), |n| at + n);
                return (at, next);
            }
            return match space {
                Some(space) if how == Break::Words => (space, space + 1),
                _ => (at, at),
            };
        }
        used += piece.width;
        // Spaces at the start are an indent of the text's own, and no place to break.
        if blank && pieces[start..at].iter().any(|p| p.text != " ") {
            space = Some(at);
        }
    }
    (pieces.len(), pieces.len())
}

fn line(before: &[Span<'static>], pieces: &[Piece<'_>]) -> Line<'static> {
    let mut spans = before.to_vec();
    for run in pieces.chunk_by(|a, b| a.style == b.style) {
        let text: String = run.iter().map(|piece| piece.text).collect();
        spans.push(Span::styled(text, run[0].style));
    }
    Line::from(spans)
}

/// Cuts text to a width; what is left out is told by `…`.
pub(crate) fn truncate(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        if used + grapheme.width() + 1 > width {
            break;
        }
        used += grapheme.width();
        out.push_str(grapheme);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, width: usize, how: Break) -> Vec<String> {
        let indent = Indent { first: vec![Span::raw("- ")], rest: vec![Span::raw("  ")] };
        wrap(&[Span::raw(text.to_owned())], width, &indent, how).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(texts("one two three", 9, Break::Words), ["- one two", "  three"]);
        assert_eq!(texts("abcdefghij k", 6, Break::Words), ["- abcd", "  efgh", "  ij k"]);
        assert_eq!(texts("", 6, Break::Words), ["- "]);
    }

    #[test]
    fn wide_characters_count_twice_and_no_line_is_too_wide() {
        assert_eq!(texts("日本語", 6, Break::Words), ["- 日本", "  語"]);
        for width in 1..30 {
            for how in [Break::Words, Break::Anywhere] {
                for line in texts("a 日本語 😀😀 longword   x", width, how) {
                    assert!(line.width() <= width.max(4), "{line:?} in {width}");
                }
            }
        }
    }

    #[test]
    fn nothing_but_spaces_at_breaks_is_lost() {
        let text = "The quick brown fox jumps over the lazy dog and runs";
        for width in 3..60 {
            let joined =
                texts(text, width, Break::Words).iter().map(|l| &l[2..]).collect::<Vec<_>>().join(" ");
            let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
            assert_eq!(letters(&joined), letters(text));
            let code: String = texts(text, width, Break::Anywhere).iter().map(|l| &l[2..]).collect();
            assert_eq!(code, text);
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(truncate("abcdef", 4), "abc…");
        assert_eq!(truncate("日本語", 4), "日…");
        assert_eq!(truncate("abc", 3), "abc");
    }
}
