//! The last line of the screen: what goes on, and with what. What matters less gives way in a narrow window.

use opencode_nexus::model::Status;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::clean::one_line;
use super::wrap::{columns, truncate};
use super::{Moment, theme, tool};
use crate::commands::chat::app::{App, Connection, TWICE};
use crate::commands::chat::size;

pub(crate) fn line(app: &App, moment: &Moment, width: usize) -> Line<'static> {
    let (text, style) = state(app, moment);
    let mut spans = vec![Span::styled(truncate(&text, width), style)];
    for (text, style) in details(app) {
        let before = "  ·  ";
        let used = columns(&spans) + before.chars().count();
        let room = width.saturating_sub(used);
        if text.is_empty() || room < text.chars().count().min(8) {
            continue;
        }
        spans.push(Span::styled(before, theme::DIM));
        spans.push(Span::styled(truncate(&text, room), style));
    }
    Line::from(spans)
}

fn state(app: &App, moment: &Moment) -> (String, Style) {
    if app.quit_armed.is_some_and(|armed| moment.now.duration_since(armed) <= TWICE) {
        return ("Ctrl-C again quits".to_owned(), theme::WARN);
    }
    match &app.connection {
        Connection::Ended(why) => return (format!("✗ {why}"), theme::BAD),
        Connection::Lost(why) => return (format!("○ reconnecting: {why}"), theme::WARN),
        Connection::Live => {}
    }
    if app.opening {
        return ("○ opening".to_owned(), theme::DIM);
    }
    let mark = tool::mark(&opencode_nexus::model::ToolStatus::Running, moment.tick).0;
    match &app.scene.status {
        _ if !app.scene.asks.is_empty() => ("● waits for you".to_owned(), theme::WARN),
        _ if app.aborting => (format!("{mark} stopping"), theme::WARN),
        Status::Idle => ("● idle".to_owned(), theme::GOOD),
        Status::Retry { attempt, message, next } => {
            let seconds = next.saturating_sub(moment.unix).div_ceil(1_000);
            (format!("{mark} retry {attempt} in {seconds} s: {}", one_line(message)), theme::WARN)
        }
        Status::Busy | Status::Other { .. } => {
            let since = app.busy_since.map_or(0, |since| moment.now.duration_since(since).as_secs());
            (format!("{mark} working {since} s"), theme::ACCENT)
        }
    }
}

fn details(app: &App) -> Vec<(String, Style)> {
    let mut out = Vec::new();
    if !app.pane.follows() {
        out.push(("↓ more below".to_owned(), theme::WARN));
    }
    out.push((app.next_model().unwrap_or_default(), theme::PLAIN));
    out.push((app.next_agent().unwrap_or_default(), theme::PLAIN));
    let tokens = app.scene.usage.tokens;
    let count = tokens.input + tokens.output + tokens.reasoning + tokens.cache_read + tokens.cache_write;
    if count > 0.0 {
        out.push((format!("{} tokens", size::short(count)), theme::DIM));
    }
    if app.scene.usage.cost > 0.0 {
        out.push((format!("${:.4}", app.scene.usage.cost), theme::DIM));
    }
    if !app.kept.is_empty() {
        let style = if app.kept == "failing" { theme::WARN } else { theme::DIM };
        out.push((format!("history: {}", app.kept), style));
    }
    out.push((one_line(&app.scene.title), theme::DIM));
    out
}
