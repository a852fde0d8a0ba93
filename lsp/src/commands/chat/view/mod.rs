//! Draws the whole screen from the transcript and the state of the client. Pure: into a buffer, without a terminal.

mod child;
pub(crate) mod clean;
pub(crate) mod code;
mod diff;
pub(crate) mod finish;
mod inline;
mod markdown;
pub(crate) mod pane;
mod panel;
mod piece;
pub(crate) mod scene;
mod section;
mod status;
mod table;
mod tail;
pub(crate) mod theme;
mod tool;
pub(crate) mod wrap;

use std::time::Instant;

use opencode_nexus::model::Message;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use super::app::App;
use pane::Content;
use piece::Look;

/// From this width on, the conversation keeps a distance from the edges.
const MARGIN_FROM: u16 = 60;

/// A moment of the screen.
pub(crate) struct Moment {
    pub now: Instant,
    /// Unix milliseconds, for the countdown of a retry.
    pub unix: u64,
    /// Which step of its movement a mark shows.
    pub tick: usize,
}

/// Draws everything and says where the cursor is.
pub(crate) fn draw(
    app: &mut App,
    messages: &[Message],
    moment: &Moment,
    buffer: &mut Buffer,
) -> Option<Position> {
    let area = buffer.area;
    if area.width < 4 || area.height < 3 {
        return None;
    }
    let width = usize::from(area.width);
    let input = input_height(app, area);
    let free = area.height.saturating_sub(input + 1);
    let margin = margin(area);
    // Something of the conversation is always seen.
    let room = usize::from(free.saturating_sub(1));
    let mut panels = panel::lines(app, moment, width - 2 * usize::from(margin), room);
    panels.truncate(room);
    let panel_height = u16::try_from(panels.len()).unwrap_or_default();
    let pane_area = Rect { height: free - panel_height, ..area };
    draw_pane(app, messages, moment, pane_area, buffer);
    for (row, line) in panels.iter().enumerate() {
        let row = u16::try_from(row).unwrap_or_default();
        buffer.set_line(margin, pane_area.height + row, line, area.width - 2 * margin);
    }
    let top = area.height - input - 1;
    let cursor = draw_input(app, Rect { y: top, height: input, ..area }, buffer);
    buffer.set_line(0, area.height - 1, &status::line(app, moment, width), area.width);
    cursor
}

/// The distance of everything from the edges, where there is room for one.
fn margin(area: Rect) -> u16 {
    if area.width >= MARGIN_FROM { 2 } else { 0 }
}

fn draw_pane(app: &mut App, messages: &[Message], moment: &Moment, area: Rect, buffer: &mut Buffer) {
    let margin = margin(area);
    let area = Rect { x: area.x + margin, width: area.width - 2 * margin, ..area };
    let taken_back = app.scene.taken_back.as_ref();
    let shown =
        taken_back.and_then(|id| messages.iter().rposition(|m| m.id == *id)).unwrap_or(messages.len());
    let width = usize::from(area.width);
    let tail = tail::lines(app, &messages[..shown], messages.len() - shown, width, moment.tick);
    let notes = tail::notes(app, &messages[..shown], width);
    let content = Content { messages: &messages[..shown], tail: &tail, notes: &notes };
    let mut pane = std::mem::take(&mut app.pane);
    let look = Look {
        width,
        unfold_all: app.unfold_all,
        turned: &app.turned,
        children: &app.scene.children,
        children_change: app.scene.children_change,
        tick: moment.tick,
    };
    pane.draw(&content, &look, area, buffer);
    app.pane = pane;
}

/// The input and the line above it.
fn input_height(app: &App, area: Rect) -> u16 {
    let room = usize::from(area.width.saturating_sub(2));
    let most = usize::from(area.height / 3).max(1);
    u16::try_from(app.editor.height(room).min(most)).unwrap_or(1) + 1
}

fn draw_input(app: &App, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let rule = "─".repeat(usize::from(area.width));
    let style = if app.answering { theme::DIM } else { theme::ACCENT };
    buffer.set_line(area.x, area.y, &Line::styled(rule, theme::DIM), area.width);
    buffer.set_line(area.x, area.y + 1, &Line::styled("❯", style), 1);
    let text = Rect { x: area.x + 2, y: area.y + 1, width: area.width - 2, height: area.height - 1 };
    if app.editor.is_empty() {
        let hint = "Ask anything   / commands   @ files   ! shell";
        let hint = Span::styled(wrap::truncate(hint, usize::from(text.width)), theme::DIM);
        buffer.set_line(text.x, text.y, &Line::from(hint), text.width);
        return (!app.answering).then_some(Position::new(text.x, text.y));
    }
    app.editor.area().render(text, buffer);
    let (cursor, (top, _)) = (app.editor.area().screen_cursor(), app.editor.area().scroll_offset());
    let row = u16::try_from(cursor.row).unwrap_or_default().saturating_sub(top);
    let column = u16::try_from(cursor.col).unwrap_or_default();
    let place = Position::new(text.x + column.min(text.width - 1), text.y + row.min(text.height - 1));
    (!app.answering).then_some(place)
}
