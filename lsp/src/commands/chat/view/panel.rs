//! What stands between the conversation and the input: the list of things to do, what is asked, and lists to choose
//! from.

use opencode_nexus::model::{Permission, Question};
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::clean::{one_line, tool_output};
use super::wrap::{Break, Indent, truncate, wrap};
use super::{Moment, diff, theme, tool};
use crate::commands::chat::app::App;
use crate::commands::chat::ask::Ask;
use crate::commands::chat::popup::{Kind, Popup};

/// Entries of the list of things to do that are shown.
const TODOS: usize = 6;
/// Entries of a list that are shown at once.
const LISTED: usize = 8;

pub(crate) fn lines(app: &App, moment: &Moment, width: usize, room: usize) -> Vec<Line<'static>> {
    let mut out = todos(app, moment, width, room);
    if let Some(ask) = app.scene.asks.first() {
        // The question is more than the list.
        out.clear();
        out.extend(ask_lines(app, ask, width, room));
    }
    if let Some(popup) = &app.popup {
        out.truncate(room.saturating_sub(LISTED));
        out.extend(popup_lines(popup, width, room.saturating_sub(out.len()).max(2)));
    }
    out
}

fn todos(app: &App, moment: &Moment, width: usize, room: usize) -> Vec<Line<'static>> {
    let todos = &app.scene.todos;
    let done = todos.iter().filter(|todo| todo.status == "completed" || todo.status == "cancelled").count();
    if todos.is_empty() || done == todos.len() {
        return Vec::new();
    }
    let mut out = vec![Line::default()];
    out.push(Line::styled(truncate(&format!("To do  {done} of {}", todos.len()), width), theme::STRONG));
    let most = TODOS.min(room.saturating_sub(2));
    if app.hide_todos || most == 0 {
        return out;
    }
    // The one that is worked on must be seen.
    let first = todos.iter().position(|todo| todo.status == "in_progress").unwrap_or(done);
    let from = first.saturating_sub(most / 2).min(todos.len().saturating_sub(most));
    for todo in todos.iter().skip(from).take(most) {
        let (mark, style, text) = match todo.status.as_str() {
            "completed" => ("✓", theme::GOOD, theme::DIM),
            "cancelled" => ("✗", theme::DIM, theme::DIM.crossed_out()),
            "in_progress" => (
                tool::mark(&opencode_nexus::model::ToolStatus::Running, moment.tick).0,
                theme::ACCENT,
                theme::PLAIN,
            ),
            _ => ("○", theme::DIM, theme::PLAIN),
        };
        let said = truncate(&one_line(&todo.content), width.saturating_sub(4));
        out.push(Line::from(vec![Span::styled(format!("  {mark} "), style), Span::styled(said, text)]));
    }
    out
}

fn ask_lines(app: &App, ask: &Ask, width: usize, room: usize) -> Vec<Line<'static>> {
    let bar = Indent::all(Span::styled("┃ ", theme::WARN));
    let put = |spans: &[Span<'static>]| wrap(spans, width, &bar, Break::Words);
    let mut head = head(app, ask, width);
    let mut foot = entries(app, ask, width, &bar, false);
    let hint = if app.choice.sent {
        "answering…"
    } else if !app.answering {
        "Tab to answer"
    } else if app.choice.text.is_some() {
        "Enter answers, Esc goes back"
    } else {
        "↑↓ or a number, then Enter; Tab to type, Ctrl-C stops"
    };
    let count = app.scene.asks.len();
    if count > 1 {
        head.push(Span::styled(format!("  (1 of {count})"), theme::DIM));
    }
    let mut head = put(&head);
    let mut body = match ask {
        Ask::Permission(ask) => permission_body(ask, width, &bar),
        Ask::Question(ask) => question_body(app, ask, width, &bar),
    };
    // In a small window the hint gives way first, then the words of the choices; what it is about, last.
    let mut hint = put(&[Span::styled(hint, theme::DIM)]);
    if head.len() + body.len() + foot.len() + hint.len() > room {
        hint.clear();
    }
    if head.len() + body.len() + foot.len() > room {
        foot = entries(app, ask, width, &bar, true);
        head.truncate(1);
    }
    let left = room.saturating_sub(head.len() + foot.len()).max(1);
    if body.len() > left {
        body.truncate(left);
        if let Some(last) = body.last_mut().filter(|_| left > 1) {
            *last = Line::from(vec![Span::styled("┃ ", theme::WARN), Span::styled("…", theme::DIM)]);
        }
    }
    let all = head.len() + body.len() + foot.len() + hint.len();
    let free = (all < room).then(Line::default);
    free.into_iter().chain(head).chain(body).chain(foot).chain(hint).collect()
}

fn head(app: &App, ask: &Ask, width: usize) -> Vec<Span<'static>> {
    let mut head = match ask {
        Ask::Permission(ask) => {
            vec![
                Span::styled("May the agent use ", theme::WARN),
                Span::styled(format!("{}?", one_line(&ask.action)), theme::WARN.bold()),
            ]
        }
        Ask::Question(ask) => {
            let header = app.choice.item(ask).map(|item| one_line(&item.header)).unwrap_or_default();
            let header = if header.is_empty() { "The agent asks".to_owned() } else { header };
            vec![Span::styled(truncate(&header, width), theme::WARN.bold())]
        }
    };
    if app.scene.children.contains_key(ask.session()) {
        head.push(Span::styled("  asked by a sub-agent", theme::DIM));
    }
    head
}

fn permission_body(ask: &Permission, width: usize, bar: &Indent) -> Vec<Line<'static>> {
    let text = |names: &[&str]| names.iter().find_map(|name| ask.metadata.get(*name)?.as_str());
    let mut out = Vec::new();
    let command = text(&["command"]).map(str::to_owned);
    match command {
        Some(command) => {
            for line in tool_output(&format!("$ {command}")).split('\n') {
                out.extend(wrap(&[Span::raw(line.to_owned())], width, bar, Break::Anywhere));
            }
        }
        None => {
            for pattern in &ask.patterns {
                out.extend(wrap(&[Span::raw(one_line(pattern))], width, bar, Break::Anywhere));
            }
        }
    }
    if let Some(message) = text(&["message", "description"]) {
        out.extend(wrap(&[Span::styled(one_line(message), theme::DIM)], width, bar, Break::Words));
    }
    if let Some(patch) = text(&["diff", "patch"]) {
        out.extend(diff::lines(patch, width, bar, 200));
    }
    if out.is_empty() && !ask.metadata.is_empty() {
        let shown = serde_json::to_string(&Value::Object(ask.metadata.clone())).unwrap_or_default();
        out.extend(wrap(&[Span::styled(one_line(&shown), theme::DIM)], width, bar, Break::Anywhere));
    }
    out
}

fn question_body(app: &App, ask: &Question, width: usize, bar: &Indent) -> Vec<Line<'static>> {
    let Some(item) = app.choice.item(ask) else { return Vec::new() };
    let number = app.choice.answers.len() + 1;
    let count = if ask.items.len() > 1 { format!("{number}/{}  ", ask.items.len()) } else { String::new() };
    let spans = [Span::styled(count, theme::DIM), Span::raw(one_line(&item.question))];
    wrap(&spans, width, bar, Break::Words)
}

/// What can be chosen; `short` cuts each to a line.
fn entries(app: &App, ask: &Ask, width: usize, bar: &Indent, short: bool) -> Vec<Line<'static>> {
    let choice = &app.choice;
    if let Some(text) = &choice.text {
        let spans =
            [Span::styled("❯ ", theme::CHOSEN), Span::raw(one_line(text)), Span::styled("█", theme::ACCENT)];
        return wrap(&spans, width, bar, Break::Words);
    }
    let item = match ask {
        Ask::Question(ask) => choice.item(ask),
        Ask::Permission(_) => None,
    };
    let mut out = Vec::new();
    for (at, label) in choice.entries(ask).into_iter().enumerate() {
        let marked = choice.marked == Some(at);
        let option = item.and_then(|item| item.options.get(at));
        let tick = match item.filter(|item| item.multiple && at < item.options.len()) {
            Some(_) if choice.ticked.contains(&at) => "[x] ",
            Some(_) => "[ ] ",
            None => "",
        };
        let before = if marked { "❯ " } else { "  " };
        let style = if marked { theme::CHOSEN } else { theme::PLAIN };
        let mut spans = vec![Span::styled(format!("{before}{} {tick}{}", at + 1, one_line(&label)), style)];
        if let Some(option) = option.filter(|option| !option.description.is_empty()) {
            spans.push(Span::styled(format!("  {}", one_line(&option.description)), theme::DIM));
        }
        let lines = wrap(&spans, width, bar, Break::Words);
        out.extend(lines.into_iter().take(if short { 1 } else { usize::MAX }));
    }
    out
}

fn popup_lines(popup: &Popup, width: usize, room: usize) -> Vec<Line<'static>> {
    let mut out = vec![Line::default()];
    if popup.kind == Kind::Picker {
        let spans = vec![
            Span::styled(format!("{}  ", popup.title), theme::STRONG),
            Span::raw(one_line(&popup.query)),
            Span::styled("█", theme::ACCENT),
        ];
        out.push(Line::from(spans));
    }
    let count = popup.entries().len();
    if count == 0 {
        out.push(Line::styled("  nothing fits", theme::DIM));
    }
    let most = LISTED.min(room.saturating_sub(out.len()).max(1));
    let from = popup.marked.saturating_sub(most - 1);
    let wide = popup.entries().skip(from).take(most).map(|e| e.label.chars().count()).max().unwrap_or(0);
    let wide = wide.min(width.saturating_sub(2) / 2).max(8);
    for (at, entry) in popup.entries().enumerate().skip(from).take(most) {
        let marked = at == popup.marked;
        let label = if entry.detail.is_empty() {
            truncate(&one_line(&entry.label), width.saturating_sub(2))
        } else {
            format!("{:wide$}", truncate(&one_line(&entry.label), wide))
        };
        let style = if marked { theme::CHOSEN } else { theme::PLAIN };
        let left = width.saturating_sub(label.chars().count() + 4);
        out.push(Line::from(vec![
            Span::styled(if marked { "❯ " } else { "  " }, theme::CHOSEN),
            Span::styled(label, style),
            Span::styled(format!("  {}", truncate(&one_line(&entry.detail), left)), theme::DIM),
        ]));
    }
    out
}
