//! The window on the conversation. It is held by a message and a line of it (or by the end), not by a number of lines
//! from the top: only what is seen is ever laid out, so ten thousand messages cost as much as ten.

use std::collections::HashMap;

use opencode_nexus::model::{Message, MessageId, PartId};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::piece::Look;
use super::section::{Row, Section};

/// Sections that are kept although they are not seen.
const KEPT: usize = 400;

/// Where the window is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Anchor {
    /// At the end, and it stays there when something is added.
    #[default]
    End,
    /// The line of the message that is at the top; no message means what stands after the last.
    At(Option<MessageId>, usize),
}

/// What the person wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scroll {
    /// So many lines down, or up if negative.
    Lines(isize),
    /// So many windows down, or up if negative.
    Pages(isize),
    Start,
    End,
}

/// The window and what it remembers.
#[derive(Default)]
pub(crate) struct Pane {
    anchor: Anchor,
    wanted: Option<Scroll>,
    sections: HashMap<MessageId, Section>,
    frame: u64,
    /// The part on each row, as far as it folds.
    clickable: Vec<Option<PartId>>,
    /// How many messages end below the window.
    pub below: usize,
}

/// What the window looks at: the messages, and after them what is no message (yet).
pub(crate) struct Content<'a> {
    pub messages: &'a [Message],
    pub tail: &'a [Line<'static>],
    /// What we have to say after certain messages.
    pub notes: &'a HashMap<MessageId, Vec<Line<'static>>>,
}

impl Content<'_> {
    /// Messages, and what stands after them.
    fn len(&self) -> usize {
        self.messages.len() + 1
    }

    fn key(&self, at: usize) -> Option<MessageId> {
        self.messages.get(at).map(|message| message.id.clone())
    }
}

impl Pane {
    /// Scrolls when it is drawn next.
    pub fn scroll(&mut self, scroll: Scroll) {
        self.wanted = match (self.wanted, scroll) {
            (Some(Scroll::Lines(before)), Scroll::Lines(more)) => Some(Scroll::Lines(before + more)),
            (Some(Scroll::Pages(before)), Scroll::Pages(more)) => Some(Scroll::Pages(before + more)),
            _ => Some(scroll),
        };
    }

    /// Whether new text moves the window.
    pub fn follows(&self) -> bool {
        self.anchor == Anchor::End
    }

    /// The part that folds on a row of the window.
    pub fn part_at(&self, row: usize) -> Option<&PartId> {
        self.clickable.get(row)?.as_ref()
    }

    /// Forgets another conversation.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn draw(&mut self, content: &Content<'_>, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        self.frame += 1;
        self.clickable.clear();
        let height = usize::from(area.height);
        if height == 0 || area.width == 0 {
            return;
        }
        let (mut at, mut line) = self.top(content, look, height);
        self.anchor = match self.rest(content, look, at, line, height) {
            true => Anchor::At(content.key(at), line),
            false => {
                // Nothing is below: the window is at the end.
                (at, line) = self.end(content, look, height);
                Anchor::End
            }
        };
        let mut y = 0;
        while y < height && at < content.len() {
            self.lay_out(content, look, at);
            let mut put = |row: Row<'_>, clickable: &mut Vec<Option<PartId>>| {
                let part = match row {
                    Row::Free => None,
                    Row::Line(text, part) => {
                        let row = u16::try_from(y).unwrap_or_default();
                        buffer.set_line(area.x, area.y + row, text, area.width);
                        part.cloned()
                    }
                };
                clickable.push(part);
                y += 1;
            };
            match content.messages.get(at).and_then(|message| self.sections.get(&message.id)) {
                Some(section) => section
                    .rows(line)
                    .take(height - self.clickable.len())
                    .for_each(|row| put(row, &mut self.clickable)),
                None => content.tail.iter().skip(line).take(height - self.clickable.len()).for_each(|text| {
                    put(Row::Line(text, None), &mut self.clickable);
                }),
            }
            (at, line) = (at + 1, 0);
        }
        self.below = if self.follows() { 0 } else { content.messages.len().saturating_sub(at) };
        self.forget();
    }

    /// The line at the top of the window after what the person wanted.
    fn top(&mut self, content: &Content<'_>, look: &Look<'_>, height: usize) -> (usize, usize) {
        let page = isize::try_from(height.saturating_sub(2).max(1)).unwrap_or(1);
        let lines = match self.wanted.take() {
            None => 0,
            Some(Scroll::Lines(lines)) => lines,
            Some(Scroll::Pages(pages)) => pages * page,
            Some(Scroll::Start) => return (0, 0),
            Some(Scroll::End) => {
                self.anchor = Anchor::End;
                0
            }
        };
        let place = match &self.anchor {
            Anchor::End => None,
            Anchor::At(None, line) => Some((content.messages.len(), *line)),
            // A message that is gone gives the end.
            Anchor::At(Some(id), line) => {
                content.messages.iter().rposition(|message| message.id == *id).map(|at| (at, *line))
            }
        };
        let (mut at, mut line) = match place {
            Some((at, line)) => (at, line.min(self.height(content, look, at).saturating_sub(1))),
            None => self.end(content, look, height),
        };
        let mut left = lines.unsigned_abs();
        while left > 0 && lines < 0 && (at, line) != (0, 0) {
            let step = left.min(line);
            (left, line) = (left - step, line - step);
            if left > 0 && at > 0 {
                at -= 1;
                line = self.height(content, look, at);
            }
        }
        while left > 0 && lines > 0 && at < content.len() {
            let room = self.height(content, look, at).saturating_sub(line);
            if left < room {
                return (at, line + left);
            }
            (left, line, at) = (left - room, 0, at + 1);
        }
        (at, line)
    }

    /// Whether something is left below a window that begins there.
    fn rest(
        &mut self,
        content: &Content<'_>,
        look: &Look<'_>,
        at: usize,
        line: usize,
        height: usize,
    ) -> bool {
        let mut lines = 0;
        for at in at..content.len() {
            lines += self.height(content, look, at);
            if lines.saturating_sub(line) > height {
                return true;
            }
        }
        false
    }

    /// Where a window begins that ends with the last line.
    fn end(&mut self, content: &Content<'_>, look: &Look<'_>, height: usize) -> (usize, usize) {
        let mut lines = 0;
        for at in (0..content.len()).rev() {
            lines += self.height(content, look, at);
            if lines >= height {
                return (at, lines - height);
            }
        }
        (0, 0)
    }

    fn height(&mut self, content: &Content<'_>, look: &Look<'_>, at: usize) -> usize {
        self.lay_out(content, look, at);
        match content.messages.get(at) {
            Some(message) => self.sections.get(&message.id).map_or(0, Section::height),
            None if at == content.messages.len() => content.tail.len(),
            None => 0,
        }
    }

    /// Lays a message out, once a frame.
    fn lay_out(&mut self, content: &Content<'_>, look: &Look<'_>, at: usize) {
        let Some(message) = content.messages.get(at) else { return };
        let section = self.sections.entry(message.id.clone()).or_default();
        if section.shown != self.frame {
            section.shown = self.frame;
            let previous = at.checked_sub(1).and_then(|at| content.messages.get(at));
            let notes = content.notes.get(&message.id).map(Vec::as_slice).unwrap_or_default();
            section.update(message, previous, notes, look);
        }
    }

    fn forget(&mut self) {
        if self.sections.len() > KEPT * 2 {
            let frame = self.frame;
            self.sections.retain(|_, section| section.shown + KEPT as u64 / 4 > frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencode_nexus::model::{Part, PartBody, Role};
    use std::collections::HashSet;

    fn message(number: usize, text: &str) -> Message {
        let id = MessageId::from(format!("msg_{number:06}"));
        let part = Part {
            id: format!("prt_{number:06}").into(),
            session_id: "s".into(),
            message_id: id.clone(),
            body: PartBody::Text { text: text.into(), synthetic: false, ignored: false },
            started: Some(1),
            ended: Some(2),
            extra: Default::default(),
        };
        Message {
            id,
            session_id: "s".into(),
            role: Role::Assistant,
            parent_id: None,
            created: number as u64,
            completed: Some(1),
            agent: None,
            model: None,
            usage: None,
            finish: None,
            error: None,
            parts: vec![part],
            extra: Default::default(),
        }
    }

    struct Window {
        pane: Pane,
        messages: Vec<Message>,
    }

    impl Window {
        fn with(count: usize) -> Self {
            let messages =
                (0..count).map(|n| message(n, &format!("message {n}\n\nline two of {n}"))).collect();
            Self { pane: Pane::default(), messages }
        }

        fn rows(&mut self, width: u16, height: u16) -> Vec<String> {
            let look = Look {
                width: usize::from(width),
                unfold_all: false,
                turned: &HashSet::new(),
                children: &HashMap::new(),
                children_change: 0,
                tick: 0,
            };
            let area = Rect::new(0, 0, width, height);
            let mut buffer = Buffer::empty(area);
            let content = Content { messages: &self.messages, tail: &[], notes: &HashMap::new() };
            self.pane.draw(&content, &look, area, &mut buffer);
            (0..height)
                .map(|y| {
                    (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned()
                })
                .collect()
        }
    }

    #[test]
    fn the_end_is_shown_and_followed() {
        let mut window = Window::with(3);
        assert_eq!(window.rows(30, 3), ["message 2", "", "line two of 2"]);
        window.messages.push(message(3, "new"));
        assert_eq!(window.rows(30, 3), ["line two of 2", "", "new"]);
    }

    #[test]
    fn a_window_that_was_moved_stays_where_it_is() {
        let mut window = Window::with(3);
        window.rows(30, 3);
        window.pane.scroll(Scroll::Lines(-2));
        assert_eq!(window.rows(30, 3), ["line two of 1", "", "message 2"]);
        window.messages.push(message(3, "new"));
        assert_eq!(window.rows(30, 3), ["line two of 1", "", "message 2"]);
        assert!(!window.pane.follows());
        window.pane.scroll(Scroll::End);
        assert_eq!(window.rows(30, 3)[2], "new");
        assert!(window.pane.follows());
    }

    #[test]
    fn scrolling_by_lines_meets_every_line_once() {
        let mut window = Window::with(20);
        window.pane.scroll(Scroll::Start);
        let mut all = window.rows(30, 4);
        while !window.pane.follows() {
            window.pane.scroll(Scroll::Lines(1));
            let rows = window.rows(30, 4);
            all.push(rows[3].clone());
        }
        let wanted: Vec<String> = (0..20)
            .flat_map(|n| [String::new(), format!("message {n}"), String::new(), format!("line two of {n}")])
            .collect();
        assert_eq!(all, wanted);
    }

    #[test]
    fn ten_thousand_messages_lay_out_only_what_is_seen() {
        let mut window = Window::with(10_000);
        assert_eq!(window.rows(30, 10)[9], "line two of 9999");
        assert!(window.pane.sections.len() < 10, "{}", window.pane.sections.len());
        window.pane.scroll(Scroll::Start);
        assert_eq!(window.rows(30, 10)[1], "message 0");
    }

    #[test]
    fn a_message_that_goes_away_leaves_nothing() {
        let mut window = Window::with(3);
        window.pane.scroll(Scroll::Start);
        window.rows(30, 3);
        window.messages.clear();
        assert_eq!(window.rows(30, 3), ["", "", ""]);
    }
}
