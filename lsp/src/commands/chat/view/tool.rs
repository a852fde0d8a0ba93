//! A tool call on the screen: one line with its state, its title and how long it took; unfolded also its input and its
//! output. A change to a file is shown as a diff, and what a sub-agent does below its call.

use opencode_nexus::model::{Part, ToolCall, ToolStatus};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::child;
use super::clean::{one_line, tool_output};
use super::piece::Look;
use super::wrap::{Break, Indent, truncate, wrap};
use super::{diff, theme};

/// Lines of a diff that are shown while the call is folded.
const FOLDED_DIFF: usize = 12;
/// The most lines of output that are shown at all.
const OUTPUT_LINES: usize = 2_000;

const MOVEMENT: [&str; 4] = ["◐", "◓", "◑", "◒"];

pub(crate) fn lines(part: &Part, call: &ToolCall, look: &Look<'_>) -> Vec<Line<'static>> {
    let open = look.is_unfolded(&part.id);
    let mut out = vec![head(part, call, look)];
    let indent = Indent::all(Span::raw("  "));
    if open && let Some(input) = input(call) {
        out.extend(block(&input, look.width, theme::DIM));
    }
    if let Some(error) = &call.error {
        let shown = if open { tool_output(error) } else { one_line(error) };
        let limit = if open { OUTPUT_LINES } else { 2 };
        let lines = shown.split('\n').flat_map(|line| {
            wrap(&[Span::styled(line.to_owned(), theme::BAD)], look.width, &indent, Break::Words)
        });
        out.extend(lines.take(limit));
    }
    if let Some(patch) = patch(call) {
        let limit = if open { OUTPUT_LINES } else { FOLDED_DIFF };
        out.extend(diff::lines(&patch, look.width, &indent, limit));
    } else if open && let Some(output) = call.output.as_deref().filter(|output| !output.trim().is_empty()) {
        out.extend(block(&tool_output(output), look.width, theme::PLAIN));
    }
    if let Some(session) = child::of(call, look.children) {
        out.extend(child::lines(session, look, open));
    }
    out
}

fn head(part: &Part, call: &ToolCall, look: &Look<'_>) -> Line<'static> {
    let (mark, style) = mark(&call.status, look.tick);
    let name = one_line(&call.tool);
    let took = duration(part);
    let title = title(call);
    // The name stays whole; the title gives way.
    let room = look.width.saturating_sub(2 + name.chars().count() + 2 + took.chars().count());
    let mut spans = vec![
        Span::styled(format!("{mark} "), style),
        Span::styled(truncate(&name, look.width.saturating_sub(2)), theme::STRONG),
    ];
    if room > 3 {
        spans.push(Span::raw("  "));
        spans.push(Span::styled(truncate(&title, room), theme::DIM));
        spans.push(Span::styled(took, theme::DIM));
    }
    Line::from(spans)
}

/// The mark of a state and its colour.
pub(crate) fn mark(status: &ToolStatus, tick: usize) -> (&'static str, Style) {
    match status {
        ToolStatus::Completed => ("✓", theme::GOOD),
        ToolStatus::Error => ("✗", theme::BAD),
        ToolStatus::Running => (MOVEMENT[tick % MOVEMENT.len()], theme::ACCENT),
        _ => ("○", theme::DIM),
    }
}

/// What the call is about, on one line.
pub(crate) fn title(call: &ToolCall) -> String {
    let text =
        |name: &str| call.input.get(name).and_then(Value::as_str).map(one_line).filter(|t| !t.is_empty());
    let command = text("command").map(|command| format!("$ {command}"));
    let from_input = || {
        ["filePath", "path", "pattern", "url", "query", "description", "name"]
            .iter()
            .find_map(|name| text(name))
    };
    let given = call.title.as_deref().map(one_line).filter(|title| !title.is_empty());
    command.or(given).or_else(from_input).unwrap_or_default()
}

fn duration(part: &Part) -> String {
    match (part.started, part.ended) {
        (Some(from), Some(to)) if to >= from + 100 => {
            format!("  {}", crate::commands::chat::size::duration(to - from))
        }
        _ => String::new(),
    }
}

/// The input of a call; a command is shown as a person types it.
fn input(call: &ToolCall) -> Option<String> {
    if let Some(command) = call.input.get("command").and_then(Value::as_str) {
        return Some(tool_output(&format!("$ {command}")));
    }
    let object = call.input.as_object().filter(|object| !object.is_empty())?;
    let mut small = object.clone();
    // The texts of an edit are shown by its diff.
    ["oldString", "newString", "content", "oldText", "newText", "patchText"].iter().for_each(|name| {
        small.remove(*name);
    });
    serde_json::to_string_pretty(&small).ok().map(|text| tool_output(&text))
}

/// The change that the call made, or wants to make, to a file.
fn patch(call: &ToolCall) -> Option<String> {
    let given = call.metadata.as_ref().and_then(|m| m.get("diff").or_else(|| m.get("patch")));
    if let Some(patch) = given.and_then(Value::as_str).filter(|patch| !patch.is_empty()) {
        return Some(patch.to_owned());
    }
    let text = |names: [&str; 2]| names.iter().find_map(|name| call.input.get(*name)?.as_str());
    if let (Some(before), Some(after)) = (text(["oldString", "oldText"]), text(["newString", "newText"])) {
        return Some(diff::between(before, after));
    }
    let written = call.input.get("content").and_then(Value::as_str).filter(|_| call.tool == "write")?;
    Some(diff::between("", written))
}

fn block(text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    let indent = Indent::all(Span::styled("  │ ", theme::DIM));
    let all: Vec<&str> = text.trim_end().split('\n').collect();
    let mut lines: Vec<Line<'static>> = all
        .iter()
        .take(OUTPUT_LINES)
        .flat_map(|line| wrap(&[Span::styled((*line).to_owned(), style)], width, &indent, Break::Anywhere))
        .collect();
    if all.len() > OUTPUT_LINES {
        let rest = format!("… {} more lines", all.len() - OUTPUT_LINES);
        lines.extend(wrap(&[Span::styled(rest, theme::DIM)], width, &indent, Break::Words));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn call(tool: &str, status: ToolStatus, input: Value) -> (Part, ToolCall) {
        let call = ToolCall {
            call_id: "c".into(),
            tool: tool.into(),
            status,
            input,
            title: None,
            output: Some("one\n\u{1b}[31mtwo\u{1b}[0m".into()),
            error: None,
            metadata: None,
            extra: Default::default(),
        };
        let part = Part {
            id: "p".into(),
            session_id: "s".into(),
            message_id: "m".into(),
            body: opencode_nexus::model::PartBody::Tool(Box::new(call.clone())),
            started: Some(1_000),
            ended: Some(2_300),
            extra: Default::default(),
        };
        (part, call)
    }

    fn shown(tool: &str, status: ToolStatus, input: Value, open: bool) -> Vec<String> {
        let (part, call) = call(tool, status, input);
        let look = Look {
            width: 40,
            unfold_all: open,
            turned: &HashSet::new(),
            children: &HashMap::new(),
            children_change: 0,
            tick: 0,
        };
        lines(&part, &call, &look).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_call_is_one_line_until_it_is_unfolded() {
        let input = serde_json::json!({"command": "ls -l"});
        assert_eq!(shown("bash", ToolStatus::Completed, input.clone(), false), ["✓ bash  $ ls -l  1.3 s"]);
        assert_eq!(
            shown("bash", ToolStatus::Completed, input, true),
            ["✓ bash  $ ls -l  1.3 s", "  │ $ ls -l", "  │ one", "  │ two"]
        );
    }

    #[test]
    fn an_edit_shows_its_change() {
        let input = serde_json::json!({"filePath": "a.rs", "oldString": "a\n", "newString": "b\n"});
        let lines = shown("edit", ToolStatus::Completed, input, false);
        assert_eq!(lines, ["✓ edit  a.rs  1.3 s", "  @@ -1 +1 @@", "  -a", "  +b"]);
    }
}
