//! Styled text within a block: emphasis, code and links come and go while it grows. Pure.

use ratatui::style::Style;
use ratatui::text::Span;

use super::clean::clean;
use super::theme;

/// The text of the block that is being read.
#[derive(Default)]
pub(crate) struct Inline {
    spans: Vec<Span<'static>>,
    styles: Vec<Style>,
    /// Where the link leads that is open, and the spans before it.
    link: Option<(String, usize)>,
}

impl Inline {
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn take(&mut self) -> Vec<Span<'static>> {
        // A link that is open goes on in what follows.
        if let Some((_, at)) = &mut self.link {
            *at = 0;
        }
        std::mem::take(&mut self.spans)
    }

    pub fn push(&mut self, style: Style) {
        self.styles.push(style);
    }

    pub fn pop(&mut self) {
        self.styles.pop();
    }

    pub fn text(&mut self, text: &str) {
        let text = clean(text).replace('\n', " ");
        if !text.is_empty() {
            self.spans.push(Span::styled(text, self.style()));
        }
    }

    pub fn code(&mut self, text: &str) {
        self.push(theme::CODE);
        self.text(text);
        self.pop();
    }

    pub fn link(&mut self, to: &str) {
        self.link = Some((to.to_owned(), self.spans.len()));
        self.push(theme::LINK);
    }

    /// Says where the link leads, unless its text does.
    pub fn end_link(&mut self) {
        self.pop();
        let Some((to, from)) = self.link.take() else { return };
        let said: String = self.spans.iter().skip(from).map(|span| span.content.as_ref()).collect();
        if said != to && to.strip_prefix("mailto:") != Some(&said) && !to.is_empty() {
            self.push(theme::DIM);
            self.text(&format!(" ({to})"));
            self.pop();
        }
    }

    fn style(&self) -> Style {
        self.styles.iter().fold(theme::PLAIN, |all, style| all.patch(*style))
    }
}

/// A span that is harmless.
pub(crate) fn cleaned<'a>(span: &'a Span<'_>) -> Span<'a> {
    Span::styled(clean(&span.content), span.style)
}
