//! A conversation as text on standard output: the server's by `nexus sessions show`, ours by `nexus history show`.

use opencode_nexus::model::{Message, Part, PartBody};

use super::{clean, print_line};

/// The line above a conversation.
pub(crate) fn print_heading(session: &str, title: &str, state: &str) {
    print_line(&clean(&format!("── {session} {title} ({state})")));
}

/// A message; with `full` also what the model thought and what tools gave.
pub(crate) fn print_message(message: &Message, full: bool) {
    print_line(&clean(&format!("\n{}  {}", message.role.word(), message.id)));
    let lines = message.parts.iter().filter_map(|part| part_text(part, full));
    lines.for_each(|text| text.lines().for_each(|line| print_line(&clean(&format!("  {line}")))));
    if let Some(error) = &message.error {
        print_line(&clean(&format!("  ! {}", error.message)));
    }
}

fn part_text(part: &Part, full: bool) -> Option<String> {
    match &part.body {
        PartBody::Text { text, synthetic: false, .. } => Some(text.clone()),
        PartBody::Reasoning { text } if full => Some(format!("(thinks) {text}")),
        PartBody::File { filename, mime, .. } => {
            Some(format!("[file] {} ({mime})", filename.as_deref().unwrap_or_default()))
        }
        PartBody::Tool(call) => {
            let title = call.title.clone().unwrap_or_else(|| call.input.to_string());
            let head = format!("[{} {}] {title}", call.tool, call.status.word());
            let result = call.output.as_deref().or(call.error.as_deref()).unwrap_or_default();
            Some(if full && !result.is_empty() { format!("{head}\n{result}") } else { head })
        }
        _ => None,
    }
}
