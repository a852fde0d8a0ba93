//! A message on the screen: its pieces one below the other, and what is said about it.

use opencode_nexus::model::{Message, PartId, Role};
use ratatui::text::{Line, Span};

use super::clean::one_line;
use super::piece::{self, Kind, Look, Piece};
use super::theme;
use super::wrap::{Break, Indent, wrap};

/// A message and its lines.
#[derive(Default)]
pub(crate) struct Section {
    pieces: Vec<Piece>,
    /// Whether a free line stands before the piece with the same number.
    free: Vec<bool>,
    /// Errors, and notes that belong here.
    tail: Vec<Line<'static>>,
    /// When it was last shown, for those that forget what is not.
    pub shown: u64,
}

/// What a line of a section is.
pub(crate) enum Row<'a> {
    Free,
    Line(&'a Line<'static>, Option<&'a PartId>),
}

impl Section {
    /// Renders what has changed. `previous` is the message before, `notes` what we have to say after this one.
    pub fn update(
        &mut self,
        message: &Message,
        previous: Option<&Message>,
        notes: &[Line<'static>],
        look: &Look<'_>,
    ) {
        let mut old = std::mem::take(&mut self.pieces);
        for (at, part) in message.parts.iter().enumerate() {
            // Parts nearly always stand where they stood.
            let found = match old.get(at).is_some_and(|piece| piece.part.id == part.id) {
                true => Some(at),
                false => old.iter().position(|piece| piece.part.id == part.id),
            };
            match found {
                Some(at) => {
                    let mut piece = std::mem::replace(&mut old[at], Piece::nothing());
                    piece.update(part, &message.role, look);
                    self.pieces.push(piece);
                }
                None => self.pieces.push(Piece::new(part, &message.role, look)),
            }
        }
        self.space(message, previous);
        self.tail.clear();
        self.explain(message, look.width);
        self.tail.extend(notes.iter().cloned());
    }

    /// Decides where free lines stand.
    fn space(&mut self, message: &Message, previous: Option<&Message>) {
        let entry_before = previous
            .filter(|previous| previous.role == message.role)
            .and_then(last_kind)
            .is_some_and(|kind| kind == Kind::Entry);
        let mut before = if entry_before { Kind::Entry } else { Kind::Text };
        let person = message.role == Role::User;
        self.free.clear();
        let mut first = true;
        for piece in &self.pieces {
            let shown = piece.kind != Kind::Hidden;
            // What a person says with its files is one block.
            let close = (before == Kind::Entry && piece.kind == Kind::Entry) || (person && !first);
            self.free.push(shown && !close);
            if shown {
                before = piece.kind;
                first = false;
            }
        }
    }

    fn explain(&mut self, message: &Message, width: usize) {
        let Some(error) = &message.error else { return };
        let (text, style) = if error.aborted {
            ("■ stopped".to_owned(), theme::WARN)
        } else {
            (format!("✗ {}", one_line(&error.message)), theme::BAD)
        };
        self.tail.push(Line::default());
        self.tail.extend(wrap(&[Span::styled(text, style)], width, &Indent::default(), Break::Words));
    }

    pub fn height(&self) -> usize {
        let pieces = self.pieces.iter().zip(&self.free);
        pieces.map(|(piece, free)| visible(piece) * (piece.lines().len() + usize::from(*free))).sum::<usize>()
            + self.tail.len()
    }

    /// The rows from `from` on.
    pub fn rows(&self, from: usize) -> impl Iterator<Item = Row<'_>> {
        let pieces = self.pieces.iter().zip(&self.free).filter(|(piece, _)| visible(piece) == 1);
        let pieces = pieces.flat_map(|(piece, free)| {
            let fold = piece.folds.then_some(&piece.part.id);
            let lines = piece.lines().iter().map(move |line| Row::Line(line, fold));
            free.then_some(Row::Free).into_iter().chain(lines)
        });
        pieces.chain(self.tail.iter().map(|line| Row::Line(line, None))).skip(from)
    }
}

fn visible(piece: &Piece) -> usize {
    usize::from(piece.kind != Kind::Hidden && !piece.lines().is_empty())
}

fn last_kind(message: &Message) -> Option<Kind> {
    message.parts.iter().rev().map(piece::kind).find(|kind| *kind != Kind::Hidden)
}
