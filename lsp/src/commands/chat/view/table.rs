//! Tables. Where the window is too narrow for the columns, their texts are broken; where even that cannot be, each row
//! is a list of names and values. Pure.

use pulldown_cmark::Alignment;
use ratatui::text::{Line, Span};

use super::theme;
use super::wrap::{Break, Indent, columns, wrap};

type Cell = Vec<Span<'static>>;

/// No column becomes narrower.
const NARROWEST: usize = 4;

/// The table that is being read.
pub(crate) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Cell>>,
    row: Vec<Cell>,
}

impl Table {
    pub fn new(alignments: Vec<Alignment>) -> Self {
        Self { alignments, rows: Vec::new(), row: Vec::new() }
    }

    pub fn cell(&mut self, cell: Cell) {
        self.row.push(cell);
    }

    pub fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }

    pub fn lines(mut self, width: usize, indent: &Indent) -> Vec<Line<'static>> {
        if !self.row.is_empty() {
            self.end_row();
        }
        let room = width.saturating_sub(columns(&indent.rest));
        match self.widths(room) {
            Some(widths) => self.grid(&widths, indent),
            None => self.list(width, indent),
        }
    }

    /// The width of each column without its margins; `None` when they do not fit however they are broken.
    fn widths(&self, room: usize) -> Option<Vec<usize>> {
        let count = self.rows.iter().map(Vec::len).max()?;
        let wide = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..count).map(|column| wide(column).max(1)).collect();
        // A margin on each side and a line between.
        let room = room.checked_sub(count * 3 - 1)?;
        while widths.iter().sum::<usize>() > room {
            let widest = widths.iter_mut().max_by_key(|width| **width)?;
            if *widest <= NARROWEST {
                return None;
            }
            *widest -= 1;
        }
        Some(widths)
    }

    fn grid(&self, widths: &[usize], indent: &Indent) -> Vec<Line<'static>> {
        let mut out = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let before = if number == 0 { &indent.first } else { &indent.rest };
            let cells: Vec<Vec<Line<'static>>> = widths
                .iter()
                .enumerate()
                .map(|(column, width)| {
                    let cell = row.get(column).map(Vec::as_slice).unwrap_or_default();
                    wrap(cell, *width, &Indent::default(), Break::Words)
                })
                .collect();
            for height in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                out.push(self.grid_line(before, &cells, widths, height, number == 0));
            }
            if number == 0 {
                let line: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
                let mut spans = indent.rest.clone();
                spans.push(Span::styled(line.join("┼"), theme::DIM));
                out.push(Line::from(spans));
            }
        }
        out
    }

    fn grid_line(
        &self,
        before: &[Span<'static>],
        cells: &[Vec<Line<'static>>],
        widths: &[usize],
        height: usize,
        head: bool,
    ) -> Line<'static> {
        let mut spans = before.to_vec();
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if column > 0 {
                spans.push(Span::styled("│", theme::DIM));
            }
            let text = cell.get(height).map(|line| line.spans.clone()).unwrap_or_default();
            let free = width.saturating_sub(columns(&text));
            let left = match self.alignments.get(column) {
                Some(Alignment::Right) => free,
                Some(Alignment::Center) => free / 2,
                _ => 0,
            };
            spans.push(Span::raw(" ".repeat(left + 1)));
            spans.extend(
                text.into_iter().map(|span| if head { span.patch_style(theme::STRONG) } else { span }),
            );
            spans.push(Span::raw(" ".repeat(free - left + 1)));
        }
        Line::from(spans)
    }

    fn list(&self, width: usize, indent: &Indent) -> Vec<Line<'static>> {
        let mut out = Vec::new();
        let Some((head, rows)) = self.rows.split_first() else { return out };
        if rows.is_empty() {
            return head.iter().flat_map(|cell| wrap(cell, width, indent, Break::Words)).collect();
        }
        for row in rows {
            for (column, cell) in row.iter().enumerate() {
                let mut spans: Cell = head.get(column).cloned().unwrap_or_default();
                spans.iter_mut().for_each(|span| span.style = span.style.patch(theme::STRONG));
                spans.push(Span::raw(": "));
                spans.extend(cell.iter().cloned());
                out.extend(wrap(&spans, width, indent, Break::Words));
            }
        }
        out
    }
}
