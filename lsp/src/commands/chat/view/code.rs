//! Colours for source code. The grammars are read in the background: a start must not wait for them, and code that is
//! shown before they are there is plain until the next look at it.

use std::str::FromStr as _;
use std::sync::OnceLock;

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;
use syntect::easy::HighlightLines;
use syntect::highlighting::{
    Color as ThemeColor, FontStyle, ScopeSelectors, StyleModifier, Theme, ThemeItem, ThemeSettings,
};
use syntect::parsing::SyntaxSet;

use super::theme;

/// A longer block is not coloured further: colouring would cost more than it shows.
const LIMIT: usize = 200_000;

struct Grammars {
    syntaxes: SyntaxSet,
    theme: Theme,
}

static GRAMMARS: OnceLock<Grammars> = OnceLock::new();

/// Reads the grammars; takes some 30 ms, so not where somebody waits.
pub(crate) fn load() {
    GRAMMARS.get_or_init(|| Grammars { syntaxes: SyntaxSet::load_defaults_newlines(), theme: theme() });
}

/// Whether code gets colours by now. What was rendered before looks different after.
pub(crate) fn is_loaded() -> bool {
    GRAMMARS.get().is_some()
}

/// Colours a growing block of code: lines that were coloured stay so, only new ones are worked on.
pub(crate) struct Highlighter {
    language: String,
    state: Option<HighlightLines<'static>>,
    /// The lines that are complete and coloured.
    pub lines: Vec<Vec<Span<'static>>>,
    bytes: usize,
}

impl Highlighter {
    pub fn new(language: &str) -> Self {
        let state = GRAMMARS.get().and_then(|grammars| {
            let syntax = grammars.syntaxes.find_syntax_by_token(alias(language))?;
            Some(HighlightLines::new(syntax, &grammars.theme))
        });
        Self { language: language.to_owned(), state, lines: Vec::new(), bytes: 0 }
    }

    /// Whether this is about a block of that language whose text begins with what was coloured already.
    pub fn continues(&self, language: &str, done: usize) -> bool {
        self.language == language && self.bytes == done
    }

    /// How many bytes of the block are coloured.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Colours one more complete line, without its line break.
    pub fn push(&mut self, line: &str) {
        let spans = self.colour(line);
        self.bytes += line.len() + 1;
        self.lines.push(spans);
    }

    /// Colours the last line, which may still grow.
    pub fn peek(&self, line: &str) -> Vec<Span<'static>> {
        // The state must stay as it is before this line, and has no cheap copy: an unfinished line is plain.
        vec![Span::styled(line.to_owned(), theme::PLAIN)]
    }

    fn colour(&mut self, line: &str) -> Vec<Span<'static>> {
        let (Some(state), Some(grammars)) = (&mut self.state, GRAMMARS.get()) else { return self.peek(line) };
        if self.bytes > LIMIT {
            return self.peek(line);
        }
        let with_break = format!("{line}\n");
        match state.highlight_line(&with_break, &grammars.syntaxes) {
            Ok(pieces) => pieces
                .into_iter()
                .map(|(style, text)| Span::styled(text.trim_end_matches('\n').to_owned(), to_style(style)))
                .filter(|span| !span.content.is_empty())
                .collect(),
            Err(_) => self.peek(line),
        }
    }
}

/// Words that people write behind the fence and the grammars do not know.
fn alias(language: &str) -> &str {
    match language {
        "typescript" | "ts" | "tsx" | "jsx" | "mjs" => "js",
        "shell" | "console" | "zsh" | "fish" => "sh",
        "jsonc" | "json5" => "json",
        "toml" | "ini" => "properties",
        "kotlin" | "kt" | "swift" => "java",
        "c++" | "cc" | "hpp" => "cpp",
        other => other,
    }
}

/// The colour's number is kept in the red part, as there are only the sixteen of the terminal.
fn to_style(style: syntect::highlighting::Style) -> Style {
    let colour = match style.foreground.r {
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        8 => Color::DarkGray,
        _ => return Style::new(),
    };
    let style_of = Style::new().fg(colour);
    if style.font_style.contains(FontStyle::ITALIC) {
        style_of.add_modifier(Modifier::ITALIC)
    } else {
        style_of
    }
}

fn theme() -> Theme {
    let rule = |scopes: &str, colour: u8| {
        let scope = ScopeSelectors::from_str(scopes).ok()?;
        let foreground = Some(ThemeColor { r: colour, g: 0, b: 0, a: 0 });
        Some(ThemeItem { scope, style: StyleModifier { foreground, ..StyleModifier::default() } })
    };
    let scopes = [
        rule("comment, punctuation.definition.comment", 8),
        rule("string, punctuation.definition.string, constant.character", 2),
        rule("constant.numeric, constant.language", 3),
        rule("keyword, storage.modifier, storage.type", 5),
        rule("keyword.operator", 0),
        rule("entity.name.function, support.function, variable.function", 4),
        rule("entity.name.type, entity.name.class, support.type, support.class, entity.name.tag", 6),
        rule("variable.other.constant, support.constant, entity.other.attribute-name", 3),
        rule("markup.inserted", 2),
        rule("markup.deleted", 1),
        rule("markup.heading", 5),
    ];
    let none = Some(ThemeColor { r: 0, g: 0, b: 0, a: 0 });
    let settings = ThemeSettings { foreground: none, ..ThemeSettings::default() };
    Theme { settings, scopes: scopes.into_iter().flatten().collect(), ..Theme::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_coloured_and_its_text_stays() {
        load();
        let mut highlighter = Highlighter::new("rust");
        highlighter.push("fn main() { // hello");
        let text: String = highlighter.lines[0].iter().map(|s| s.content.as_ref()).collect();
        assert_eq!(text, "fn main() { // hello");
        let comment = highlighter.lines[0].last().unwrap();
        assert_eq!((comment.content.contains("hello"), comment.style.fg), (true, Some(Color::DarkGray)));
        assert!(highlighter.lines[0].len() > 3);
    }

    #[test]
    fn an_unknown_language_is_plain() {
        load();
        let mut highlighter = Highlighter::new("no-such-language");
        highlighter.push("x = 1");
        assert_eq!(highlighter.lines[0], vec![Span::raw("x = 1")]);
    }
}
