//! Markdown on a terminal, while it is still being written.
//!
//! A block that another block follows does not change any more, so its lines are kept and only the last one is
//! rendered again when text arrives: the cost of a delta is that of a paragraph, however long the answer. What is
//! unfinished (a fence, a list, emphasis) is shown as what it would be if it ended here.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use ratatui::text::{Line, Span};

use super::code::{self, Highlighter};
use super::inline::Inline;
use super::table::Table;
use super::theme;
use super::wrap::{Break, Indent, wrap};

/// A text and its lines.
#[derive(Default)]
pub(crate) struct Markdown {
    source: String,
    width: usize,
    coloured: bool,
    /// So many bytes of the source are rendered for good, in so many lines.
    stable: (usize, usize),
    /// The colours of the last block, when it is code.
    code: Option<Highlighter>,
    lines: Vec<Line<'static>>,
}

impl Markdown {
    /// The lines, made by the last [`update`](Self::update).
    pub fn lines(&self) -> &[Line<'static>] {
        &self.lines
    }

    /// Renders what is new.
    pub fn update(&mut self, text: &str, width: usize) {
        let same = self.width == width && self.coloured == code::is_loaded();
        if same && self.source == text {
            return;
        }
        if !same || !text.starts_with(&self.source) {
            *self = Self { width, coloured: code::is_loaded(), ..Self::default() };
        }
        let (done, kept) = self.stable;
        self.lines.truncate(kept);
        let mut renderer = Renderer::new(width, &mut self.lines, self.code.take());
        renderer.run(&text[done..]);
        let (last, code) = (renderer.last, renderer.finished_code);
        self.code = code;
        if let Some((at, lines)) = last {
            self.stable = (done + at, lines);
        }
        text.clone_into(&mut self.source);
    }
}

/// What a block stands in.
enum Container {
    Quote,
    List(Option<u64>),
    /// What stands before the first line, until it was used.
    Item(Option<String>, usize),
}

struct Renderer<'a> {
    width: usize,
    out: &'a mut Vec<Line<'static>>,
    within: Vec<Container>,
    inline: Inline,
    table: Option<Table>,
    code: Option<(String, String)>,
    known_code: Option<Highlighter>,
    finished_code: Option<Highlighter>,
    /// Where the last block on the top level begins that surely is one, and the lines before it.
    last: Option<(usize, usize)>,
    /// Whether the block that is being read is that one.
    keeps: bool,
    /// A block in the same container has ended: the next one keeps a distance.
    apart: bool,
}

impl<'a> Renderer<'a> {
    fn new(width: usize, out: &'a mut Vec<Line<'static>>, known_code: Option<Highlighter>) -> Self {
        Self {
            width,
            out,
            within: Vec::new(),
            inline: Inline::default(),
            table: None,
            code: None,
            known_code,
            finished_code: None,
            last: None,
            keeps: false,
            apart: false,
        }
    }

    fn run(&mut self, text: &str) {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        let mut depth = 0_usize;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match &event {
                Event::Start(_) => {
                    if depth == 0 {
                        self.top_level(text, &range);
                    }
                    depth += 1;
                }
                Event::End(_) => depth = depth.saturating_sub(1),
                Event::Rule | Event::Html(_) if depth == 0 => self.top_level(text, &range),
                _ => {}
            }
            self.event(event);
        }
        self.flush();
    }

    fn top_level(&mut self, text: &str, range: &Range<usize>) {
        if self.last.is_some() {
            // Only the block at the very start can be the one that was coloured before.
            self.known_code = None;
        }
        // A first line that may still grow may turn out to belong to the block before: a row of a table.
        self.keeps = self.last.is_none() || text[range.start..].contains('\n');
        if self.keeps {
            self.finished_code = None;
            self.last = Some((range.start, self.out.len()));
        }
        if !self.out.is_empty() {
            self.out.push(Line::default());
        }
        self.apart = false;
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.inline.text(&text),
            },
            Event::Code(text) => self.inline.code(&text),
            Event::Html(text) | Event::InlineHtml(text) => self.inline.text(&text),
            Event::SoftBreak => self.inline.text(" "),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                let rule = "─".repeat(self.width.min(40));
                self.out.push(Line::from(Span::styled(rule, theme::DIM)));
            }
            Event::TaskListMarker(done) => self.inline.text(if done { "[x] " } else { "[ ] " }),
            Event::FootnoteReference(name) => self.inline.text(&format!("[{name}]")),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.inline.code(&text),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.distance(),
            Tag::Heading { .. } => {
                self.distance();
                self.inline.push(theme::HEADING);
            }
            Tag::BlockQuote(_) => {
                self.distance();
                self.within.push(Container::Quote);
                self.apart = false;
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                self.distance();
                let language = match &kind {
                    pulldown_cmark::CodeBlockKind::Fenced(info) => {
                        info.split([' ', ',']).next().unwrap_or("")
                    }
                    pulldown_cmark::CodeBlockKind::Indented => "",
                };
                self.code = Some((language.to_owned(), String::new()));
            }
            Tag::List(first) => {
                self.flush();
                self.within.push(Container::List(first));
                self.apart = false;
            }
            Tag::Item => {
                let marker = self.marker();
                let width = marker.chars().count();
                self.within.push(Container::Item(Some(marker), width));
                self.apart = false;
            }
            Tag::Table(alignments) => {
                self.distance();
                self.table = Some(Table::new(alignments));
            }
            Tag::Strong => self.inline.push(theme::STRONG),
            Tag::Emphasis => self.inline.push(theme::PLAIN.italic()),
            Tag::Strikethrough => self.inline.push(theme::PLAIN.crossed_out()),
            Tag::Link { dest_url, .. } => self.inline.link(&dest_url),
            Tag::Image { dest_url, .. } => {
                self.inline.text("[image] ");
                self.inline.link(&dest_url);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.flush();
                self.apart = true;
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.inline.pop();
                self.apart = true;
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => {
                self.flush();
                if let Some(Container::Item(Some(_), _)) = self.within.last() {
                    // An item without anything still has its mark.
                    self.put(&[]);
                }
                self.within.pop();
                self.apart = !matches!(tag, TagEnd::Item);
            }
            TagEnd::CodeBlock => {
                self.code_block();
                self.apart = true;
            }
            TagEnd::Table => {
                let indent = self.indent();
                if let Some(table) = self.table.take() {
                    self.out.extend(table.lines(self.width, &indent));
                }
                self.apart = true;
            }
            TagEnd::TableCell => {
                let cell = self.inline.take();
                if let Some(table) = &mut self.table {
                    table.cell(cell);
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                if let Some(table) = &mut self.table {
                    table.end_row();
                }
            }
            TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough => self.inline.pop(),
            TagEnd::Link | TagEnd::Image => self.inline.end_link(),
            _ => {}
        }
    }

    /// A line between blocks that stand in the same container.
    fn distance(&mut self) {
        self.flush();
        if std::mem::take(&mut self.apart) && !self.within.is_empty() {
            self.put(&[]);
        }
    }

    fn marker(&mut self) -> String {
        match self.within.last_mut() {
            Some(Container::List(Some(number))) => {
                let marker = format!("{number}. ");
                *number += 1;
                marker
            }
            _ => "• ".to_owned(),
        }
    }

    /// Shows the text that has come together.
    fn flush(&mut self) {
        if self.table.is_none() && !self.inline.is_empty() {
            let spans = self.inline.take();
            self.put(&spans);
        }
    }

    fn put(&mut self, spans: &[Span<'static>]) {
        let indent = self.indent();
        self.out.extend(wrap(spans, self.width, &indent, Break::Words));
    }

    /// What stands before the next line; the mark of an item is used up by that.
    fn indent(&mut self) -> Indent {
        let mut indent = Indent::default();
        for container in &mut self.within {
            match container {
                Container::Quote => {
                    indent.first.push(Span::styled("│ ", theme::DIM));
                    indent.rest.push(Span::styled("│ ", theme::DIM));
                }
                Container::Item(marker, width) => {
                    let space = " ".repeat(*width);
                    let first = marker.take().unwrap_or_else(|| space.clone());
                    indent.first.push(Span::styled(first, theme::ACCENT));
                    indent.rest.push(Span::raw(space));
                }
                Container::List(_) => {}
            }
        }
        indent
    }

    fn code_block(&mut self) {
        let Some((language, text)) = self.code.take() else { return };
        let known = self.known_code.take().filter(|known| {
            let done = known.bytes();
            known.continues(&language, done) && text.len() >= done
        });
        let mut highlighter = known.unwrap_or_else(|| Highlighter::new(&language));
        let rest = text.get(highlighter.bytes()..).unwrap_or_default();
        let (complete, open) = rest.rsplit_once('\n').map_or((None, rest), |(c, o)| (Some(c), o));
        for line in complete.into_iter().flat_map(|text| text.split('\n')) {
            highlighter.push(line);
        }
        let mut indent = self.indent();
        indent.first.push(Span::styled("│ ", theme::DIM));
        indent.rest.push(Span::styled("│ ", theme::DIM));
        let mut first = true;
        let open = (!open.is_empty()).then(|| highlighter.peek(open));
        for spans in highlighter.lines.iter().chain(open.as_ref()) {
            let spans: Vec<Span<'_>> = spans.iter().map(|span| super::inline::cleaned(span)).collect();
            self.out.extend(wrap(&spans, self.width, &indent, Break::Anywhere));
            if std::mem::take(&mut first) {
                indent.first = indent.rest.clone();
            }
        }
        if self.within.is_empty() && self.keeps {
            self.finished_code = Some(highlighter);
        }
    }
}

#[cfg(test)]
mod tests;
