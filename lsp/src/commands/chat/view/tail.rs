//! What stands after the messages and is none: a welcome, prompts that wait, what was taken back, and our own notes.

use std::collections::HashMap;

use opencode_nexus::model::{Message, MessageId};
use ratatui::text::{Line, Span};

use super::clean::{clean, one_line};
use super::wrap::{Break, Indent, truncate, wrap};
use super::{diff, theme, tool};
use crate::commands::chat::app::{App, Note, waiting};
use crate::commands::chat::effect::What;

pub(crate) fn lines(
    app: &App,
    messages: &[Message],
    taken_back: usize,
    width: usize,
    tick: usize,
) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    if messages.is_empty() && app.outbox.is_empty() && !app.opening {
        out.extend(welcome(app, width));
    }
    if taken_back > 0 {
        let text = format!("↶ {taken_back} messages taken back; /redo brings them back");
        out.push(Line::default());
        out.extend(wrap(&[Span::styled(text, theme::WARN)], width, &Indent::default(), Break::Words));
    }
    let orphans = app.notes.iter().filter(|note| note_place(note, messages).is_none());
    out.extend(orphans.flat_map(|note| note_lines(note, width)));
    for message in &app.scene.queued {
        out.extend(waits("waits", &waiting(message), width, tick));
    }
    for (sent, id) in &app.outbox {
        let known = id.as_ref().is_some_and(|id| app.scene.has(id));
        // An action shows itself as soon as it runs.
        let runs = id.is_some() && matches!(sent.what, What::Action(_)) && app.scene.busy;
        if !known && !runs {
            out.extend(waits("sending", &one_line(&sent.shown), width, tick));
        }
    }
    out
}

/// Our notes by the message after which they stand.
pub(crate) fn notes(app: &App, messages: &[Message], width: usize) -> HashMap<MessageId, Vec<Line<'static>>> {
    let mut out: HashMap<MessageId, Vec<Line<'static>>> = HashMap::new();
    for note in &app.notes {
        if let Some(id) = note_place(note, messages) {
            out.entry(id.clone()).or_default().extend(note_lines(note, width));
        }
    }
    out
}

fn note_place<'a>(note: &'a Note, messages: &[Message]) -> Option<&'a MessageId> {
    let id = note.after.as_ref()?;
    messages.iter().rev().any(|message| message.id == *id).then_some(id)
}

fn note_lines(note: &Note, width: usize) -> Vec<Line<'static>> {
    let mut out = vec![Line::default()];
    if let Some((head, patch)) = note.text.split_once("\n").filter(|(_, rest)| rest.contains("@@ ")) {
        out.push(Line::styled(truncate(head, width), theme::STRONG));
        out.extend(diff::lines(patch, width, &Indent::all(Span::raw("  ")), 2_000));
        return out;
    }
    for line in clean(note.text.trim_end()).split('\n') {
        out.extend(wrap(
            &[Span::styled(line.to_owned(), note.style)],
            width,
            &Indent::default(),
            Break::Words,
        ));
    }
    out
}

fn waits(word: &str, text: &str, width: usize, tick: usize) -> Vec<Line<'static>> {
    let (mark, style) = tool::mark(&opencode_nexus::model::ToolStatus::Running, tick);
    let room = width.saturating_sub(word.len() + 6);
    vec![
        Line::default(),
        Line::from(vec![
            Span::styled("▌ ", theme::DIM),
            Span::styled(format!("{mark} "), style),
            Span::styled(format!("{word}  "), theme::DIM),
            Span::styled(truncate(text, room), theme::DIM),
        ]),
    ]
}

fn welcome(app: &App, width: usize) -> Vec<Line<'static>> {
    let folder = app.place.folder.display().to_string();
    let rows = [
        Span::styled("● OpenCode Nexus".to_owned(), theme::CHOSEN),
        Span::styled(format!("  {}", one_line(&app.place.server)), theme::DIM),
        Span::styled(format!("  {}", one_line(&folder)), theme::DIM),
        Span::raw(String::new()),
        Span::raw("  Ask anything. /help shows keys and commands.".to_owned()),
    ];
    let row = |span: Span<'static>| wrap(&[span], width, &Indent::default(), Break::Words);
    std::iter::once(Line::default()).chain(rows.into_iter().flat_map(row)).collect()
}
