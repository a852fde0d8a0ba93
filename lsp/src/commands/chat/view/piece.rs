//! One part of a message on the screen. What was rendered is kept with the part that it shows: it is used again only
//! while the transcript's part is the very same, so nothing can be on the screen that the transcript does not have.

use std::collections::{HashMap, HashSet};

use opencode_nexus::model::{Part, PartBody, PartId, Role, SessionId};
use ratatui::text::{Line, Span};

use super::child::Child;
use super::clean::{clean, one_line};
use super::markdown::Markdown;
use super::wrap::{Break, Indent, truncate, wrap};
use super::{theme, tool};

/// Lines of a long prompt that are shown while it is folded.
const FOLDED_PROMPT: usize = 12;

/// What the look of a part depends on beside itself.
pub(crate) struct Look<'a> {
    pub width: usize,
    pub unfold_all: bool,
    /// Parts that are otherwise than `unfold_all` says.
    pub turned: &'a HashSet<PartId>,
    pub children: &'a HashMap<SessionId, Child>,
    /// Counts the changes of `children`.
    pub children_change: u64,
    /// Which step of its movement the mark of a running tool shows.
    pub tick: usize,
}

impl Look<'_> {
    pub fn is_unfolded(&self, part: &PartId) -> bool {
        self.unfold_all != self.turned.contains(part)
    }
}

/// How close a piece stands to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With a free line above and below.
    Text,
    /// A line of a list: tools and thoughts stand close together.
    Entry,
    /// Not shown.
    Hidden,
}

/// A part and its lines.
pub(crate) struct Piece {
    pub part: Part,
    pub kind: Kind,
    /// Whether a key or a click opens and closes it.
    pub folds: bool,
    state: (usize, bool, u64, usize),
    markdown: Option<Markdown>,
    lines: Vec<Line<'static>>,
}

impl Piece {
    pub fn new(part: &Part, role: &Role, look: &Look<'_>) -> Self {
        let mut piece = Self {
            part: part.clone(),
            kind: kind(part),
            folds: false,
            state: Default::default(),
            markdown: None,
            lines: Vec::new(),
        };
        piece.state = piece.state_now(look);
        piece.render(role, look);
        piece
    }

    /// Stands for a moment where a piece was taken away.
    pub fn nothing() -> Self {
        let part = Part {
            id: "".into(),
            session_id: "".into(),
            message_id: "".into(),
            body: PartBody::StepStart,
            started: None,
            ended: None,
            extra: Default::default(),
        };
        Self {
            part,
            kind: Kind::Hidden,
            folds: false,
            state: Default::default(),
            markdown: None,
            lines: Vec::new(),
        }
    }

    /// Renders again if something has changed.
    pub fn update(&mut self, part: &Part, role: &Role, look: &Look<'_>) {
        let state = self.state_now(look);
        let highlighting = self.markdown.is_some();
        if self.part != *part || self.state != state || highlighting {
            if self.part != *part {
                self.part.clone_from(part);
            }
            self.kind = kind(part);
            self.state = state;
            self.render(role, look);
        }
    }

    pub fn lines(&self) -> &[Line<'static>] {
        self.markdown.as_ref().map_or(&self.lines, |markdown| markdown.lines())
    }

    fn state_now(&self, look: &Look<'_>) -> (usize, bool, u64, usize) {
        let runs = self.part.tool().is_some_and(|call| !call.status.is_final());
        let children = if self.part.tool().is_some() { look.children_change } else { 0 };
        (look.width, look.is_unfolded(&self.part.id), children, if runs { look.tick } else { 0 })
    }

    fn render(&mut self, role: &Role, look: &Look<'_>) {
        self.folds = false;
        let open = look.is_unfolded(&self.part.id);
        let text = match &self.part.body {
            PartBody::Text { text, synthetic: false, .. } if *role == Role::Assistant => {
                self.markdown.get_or_insert_default().update(text, look.width);
                return;
            }
            body => body,
        };
        self.markdown = None;
        (self.lines, self.folds) = match text {
            PartBody::Text { text, synthetic: true, .. } => added(text, open, look.width),
            PartBody::Text { text, .. } if *role == Role::User => prompt(text, open, look.width),
            PartBody::Text { text, .. } => (plain(text, look.width), false),
            PartBody::Reasoning { text } => {
                (thought(text, self.part.ended.is_none(), open, look.width), true)
            }
            PartBody::Tool(call) => (tool::lines(&self.part, call, look), true),
            PartBody::File { filename, url, mime } => {
                let name = filename.as_deref().unwrap_or(if url.starts_with("data:") { mime } else { url });
                let spans = [Span::styled("+ ", theme::ACCENT), Span::raw(one_line(name))];
                (wrap(&spans, look.width, &bar(), Break::Words), false)
            }
            PartBody::Agent { name } => {
                let spans = [Span::styled("@ ", theme::ACCENT), Span::raw(one_line(name))];
                (wrap(&spans, look.width, &bar(), Break::Words), false)
            }
            PartBody::Subtask { agent, description, .. } => {
                let text = format!("@{} {}", one_line(agent), one_line(description));
                (wrap(&[Span::raw(text)], look.width, &bar(), Break::Words), false)
            }
            PartBody::Compaction => {
                let text = "── the history was made shorter here ──";
                (vec![Line::styled(truncate(text, look.width), theme::DIM)], false)
            }
            PartBody::Retry { attempt } => {
                let text = format!("the provider failed, attempt {attempt}");
                (vec![Line::styled(truncate(&text, look.width), theme::WARN)], false)
            }
            PartBody::StepStart | PartBody::StepFinish { .. } | PartBody::Patch { .. } => (Vec::new(), false),
            _ => {
                let text = format!("· {}", one_line(self.part.kind()));
                (vec![Line::styled(truncate(&text, look.width), theme::DIM)], false)
            }
        };
    }
}

/// How close a part stands to its neighbours.
pub(crate) fn kind(part: &Part) -> Kind {
    match &part.body {
        PartBody::Text { text, .. } if text.is_empty() => Kind::Hidden,
        PartBody::StepStart | PartBody::StepFinish { .. } | PartBody::Patch { .. } => Kind::Hidden,
        PartBody::Reasoning { text } if text.trim().is_empty() => Kind::Hidden,
        PartBody::Reasoning { .. } | PartBody::Tool(_) | PartBody::File { .. } | PartBody::Agent { .. } => {
            Kind::Entry
        }
        PartBody::Text { synthetic: true, .. } => Kind::Entry,
        _ => Kind::Text,
    }
}

/// The bar that stands beside what the person said.
fn bar() -> Indent {
    Indent::all(Span::styled("▌ ", theme::PERSON))
}

fn prompt(text: &str, open: bool, width: usize) -> (Vec<Line<'static>>, bool) {
    let count = text.lines().count();
    // One long line is folded by its length: it would be as many lines on the screen.
    let folds = count > FOLDED_PROMPT + 3 || text.len() > width * (FOLDED_PROMPT + 3);
    if !folds || open {
        return (barred(text, width), folds);
    }
    let cut = text.char_indices().nth(width * FOLDED_PROMPT).map_or(text.len(), |(at, _)| at);
    let begin: Vec<&str> = text[..cut].lines().take(FOLDED_PROMPT).collect();
    let mut lines = barred(&begin.join("\n"), width);
    lines.truncate(FOLDED_PROMPT);
    let left = format!(
        "… folded: {}, {}",
        crate::commands::chat::size::bytes(text.len()),
        crate::commands::chat::size::lines(count)
    );
    lines.extend(wrap(&[Span::styled(left, theme::DIM)], width, &bar(), Break::Words));
    (lines, true)
}

fn barred(text: &str, width: usize) -> Vec<Line<'static>> {
    let line = |line: &str| wrap(&[Span::raw(line.to_owned())], width, &bar(), Break::Words);
    clean(text.trim_end_matches('\n')).split('\n').flat_map(line).collect()
}

fn plain(text: &str, width: usize) -> Vec<Line<'static>> {
    let line = |line: &str| wrap(&[Span::raw(line.to_owned())], width, &Indent::default(), Break::Words);
    clean(text.trim_end()).split('\n').flat_map(line).collect()
}

/// What the server put into the prompt on the person's behalf, for example the text of an attached file.
fn added(text: &str, open: bool, width: usize) -> (Vec<Line<'static>>, bool) {
    if open {
        let dim =
            |line: &str| wrap(&[Span::styled(line.to_owned(), theme::DIM)], width, &bar(), Break::Words);
        return (clean(text.trim_end()).split('\n').flat_map(dim).collect(), true);
    }
    let first = format!("▸ {}", one_line(text.lines().next().unwrap_or_default()));
    let spans = [
        Span::styled("▌ ", theme::PERSON),
        Span::styled(truncate(&first, width.saturating_sub(2)), theme::DIM),
    ];
    (vec![Line::from(spans.to_vec())], true)
}

/// Folded: the first words of a thought, or the last ones while it goes on.
fn thought(text: &str, running: bool, open: bool, width: usize) -> Vec<Line<'static>> {
    let text = text.trim();
    if open {
        let mut lines = vec![Line::styled("▾ thought", theme::THOUGHT)];
        for line in clean(text).split('\n') {
            let spans = [Span::styled(line.to_owned(), theme::THOUGHT)];
            lines.extend(wrap(&spans, width, &Indent::all(Span::raw("  ")), Break::Words));
        }
        return lines;
    }
    let word = if running { "▸ thinking  " } else { "▸ thought  " };
    let room = width.saturating_sub(word.chars().count());
    let line = if running { text.lines().next_back() } else { text.lines().next() };
    let shown = truncate(&one_line(line.unwrap_or_default()), room);
    vec![Line::from(vec![
        Span::styled(truncate(word, width), theme::DIM),
        Span::styled(shown, theme::THOUGHT),
    ])]
}
