//! What a sub-agent does, below the call that started it: its tools, a line each, and its last words.

use std::collections::HashMap;

use opencode_nexus::chat::Transcript;
use opencode_nexus::model::{PartBody, Role, SessionId, ToolCall, ToolStatus};
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::clean::one_line;
use super::piece::Look;
use super::wrap::truncate;
use super::{theme, tool};

/// Calls of a sub-agent that are shown while its task is folded.
const FOLDED: usize = 4;
/// So deep may sub-agents start sub-agents on the screen.
const DEPTH: usize = 5;

/// The session of a sub-agent, as much as is shown of it; read anew from its transcript whenever that changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Child {
    calls: Vec<ToolCall>,
    /// The latest thing that it said.
    said: String,
    busy: bool,
}

impl Child {
    pub fn of(transcript: &Transcript) -> Self {
        let answers = || transcript.messages().iter().filter(|m| m.role == Role::Assistant);
        let parts = || answers().flat_map(|message| &message.parts);
        let text = |body: &PartBody| match body {
            PartBody::Text { text, .. } if !text.trim().is_empty() => Some(one_line(text)),
            _ => None,
        };
        let last = answers().rev().flat_map(|m| m.parts.iter().rev()).find_map(|part| text(&part.body));
        Self {
            calls: parts().filter_map(|part| part.tool().cloned()).collect(),
            said: last.unwrap_or_default(),
            busy: !transcript.status().is_idle(),
        }
    }
}

/// The session that a call has started: its metadata names it.
pub(crate) fn of<'a>(call: &ToolCall, children: &'a HashMap<SessionId, Child>) -> Option<&'a SessionId> {
    let named = |value: &Value| children.get_key_value(value.as_str()?).map(|(id, _)| id);
    call.metadata.as_ref()?.as_object()?.values().find_map(named)
}

pub(crate) fn lines(session: &SessionId, look: &Look<'_>, open: bool) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    collect(session, look, open, 1, &mut out);
    out
}

fn collect(session: &SessionId, look: &Look<'_>, open: bool, depth: usize, out: &mut Vec<Line<'static>>) {
    let Some(child) = look.children.get(session).filter(|_| depth <= DEPTH) else { return };
    let indent = "  ".repeat(depth - 1);
    let put = |mark: Span<'static>, name: &str, text: &str, out: &mut Vec<Line<'static>>| {
        let before = format!("{indent}  │ ");
        let used = before.chars().count() + 2 + name.chars().count() + 2;
        let mut spans = vec![Span::styled(before, theme::DIM), mark];
        if !name.is_empty() {
            spans.push(Span::raw(format!("{name}  ")));
        }
        spans.push(Span::styled(truncate(text, look.width.saturating_sub(used)), theme::DIM));
        out.push(Line::from(spans));
    };
    let hidden = if open { 0 } else { child.calls.len().saturating_sub(FOLDED) };
    if hidden > 0 {
        put(Span::raw(""), "", &format!("… {hidden} more"), out);
    }
    for call in &child.calls[hidden..] {
        let (mark, style) = tool::mark(&call.status, look.tick);
        put(Span::styled(format!("{mark} "), style), &one_line(&call.tool), &tool::title(call), out);
        if let Some(grandchild) = of(call, look.children) {
            collect(grandchild, look, open, depth + 1, out);
        }
    }
    if !child.said.is_empty() {
        let (mark, style) =
            if child.busy { tool::mark(&ToolStatus::Running, look.tick) } else { ("›", theme::DIM) };
        put(Span::styled(format!("{mark} "), style), "", &child.said, out);
    }
}
