//! The form for people: Markdown (CommonMark 0.31) that shows what was said, whatever was said.
//!
//! No content can break out of its place. What stands in a code block is fenced by more backticks than it has. A text is
//! shown as it is when its own code blocks are whole and it begins no HTML; any other text is quoted, because whatever is
//! left open in a quotation ends with it.

use std::io::{Result, Write};

use super::StoredConversation;
use crate::context::{code_fence, longest_run};
use crate::model::{Message, Part, PartBody, Role, Session, ToolCall};

/// A conversation as Markdown for people, as [`ExportFormat::Markdown`](super::ExportFormat::Markdown) has it: whatever was
/// said in it, nothing breaks out of its place.
pub fn markdown(session: &Session, messages: &[Message]) -> String {
    let mut text = Vec::new();
    // Memory takes everything.
    let _ = write_conversation(&mut text, session, None, messages);
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes one conversation.
pub(super) fn write(to: &mut dyn Write, conversation: &StoredConversation, first: bool) -> Result<()> {
    if !first {
        writeln!(to, "\n---\n")?;
    }
    let StoredConversation { session: stored, messages } = conversation;
    write_conversation(to, &stored.session, Some(&stored.server), messages)
}

fn write_conversation(
    to: &mut dyn Write,
    session: &Session,
    server: Option<&str>,
    messages: &[Message],
) -> Result<()> {
    let title = if session.title.trim().is_empty() { session.id.as_str() } else { &session.title };
    writeln!(to, "# {}\n", line(title))?;
    writeln!(to, "- **Folder:** {}", code(&session.directory))?;
    if let Some(server) = server {
        writeln!(to, "- **Server:** {}", code(server))?;
    }
    writeln!(to, "- **Session:** {}", code(session.id.as_str()))?;
    writeln!(to, "- **Time:** {} to {}", utc(session.created), utc(session.updated))?;
    let cost: f64 = messages.iter().filter_map(|m| m.usage).map(|usage| usage.cost).sum();
    if cost > 0.0 {
        writeln!(to, "- **Cost:** ${cost:.4}")?;
    }
    for message in messages {
        write_message(to, message)?;
    }
    Ok(())
}

fn write_message(to: &mut dyn Write, message: &Message) -> Result<()> {
    let who = match &message.role {
        Role::User => "You".to_owned(),
        Role::Assistant => match &message.agent {
            Some(agent) => format!("Agent {}", line(agent)),
            None => "Agent".to_owned(),
        },
        Role::Other(word) => line(word),
    };
    write!(to, "\n## {who} · {}", utc(message.created))?;
    if let (Role::Assistant, Some(model)) = (&message.role, &message.model) {
        write!(to, " · {}", line(&model.to_string()))?;
    }
    writeln!(to)?;
    for part in &message.parts {
        write_part(to, part)?;
    }
    if let Some(error) = &message.error {
        let what = if error.aborted { "Stopped" } else { "Error" };
        writeln!(to, "\n> **{what}:** {}", line(&error.message))?;
    }
    Ok(())
}

fn write_part(to: &mut dyn Write, part: &Part) -> Result<()> {
    match &part.body {
        PartBody::Text { text, .. } => write_text(to, text),
        PartBody::Reasoning { text } if text.trim().is_empty() => Ok(()),
        PartBody::Reasoning { text } => {
            open(to, "Thinking")?;
            write_text(to, text)?;
            close(to)
        }
        PartBody::Tool(call) => write_call(to, call),
        PartBody::File { mime, filename, url } => {
            let name = filename.as_deref().unwrap_or(if url.starts_with("data:") { mime } else { url });
            writeln!(to, "\n- File {} ({})", code(name), line(mime))
        }
        PartBody::Agent { name } => writeln!(to, "\n- Agent {}", code(name)),
        PartBody::Subtask { prompt, description, agent } => {
            open(to, &format!("Task for {agent}: {description}"))?;
            write_text(to, prompt)?;
            close(to)
        }
        PartBody::Patch { files } if !files.is_empty() => {
            writeln!(to)?;
            files.iter().try_for_each(|file| writeln!(to, "- Changed {}", code(file)))
        }
        PartBody::Compaction => writeln!(to, "\n*What came before was summarised here.*"),
        PartBody::Retry { attempt } => writeln!(to, "\n*The provider failed; attempt {attempt}.*"),
        PartBody::Other { kind } => writeln!(to, "\n*Something of another kind: {}.*", code(kind)),
        PartBody::Patch { .. } | PartBody::StepStart | PartBody::StepFinish { .. } => Ok(()),
    }
}

fn write_call(to: &mut dyn Write, call: &ToolCall) -> Result<()> {
    let title = call.title.as_deref().filter(|title| !title.trim().is_empty());
    let title = title.map(|title| format!(" · {title}")).unwrap_or_default();
    open(to, &format!("{}{title} · {}", call.tool, call.status.word()))?;
    if !call.input.is_null() {
        let input = serde_json::to_string_pretty(&call.input).unwrap_or_default();
        fenced(to, "json", &input)?;
    }
    for (text, mark) in [(&call.output, "text"), (&call.error, "error")] {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            fenced(to, mark, text)?;
        }
    }
    close(to)
}

/// Something that is folded until a reader opens it.
fn open(to: &mut dyn Write, summary: &str) -> Result<()> {
    writeln!(to, "\n<details>\n<summary>{}</summary>", line(summary))
}

fn close(to: &mut dyn Write) -> Result<()> {
    writeln!(to, "\n</details>")
}

/// A code block. A carriage return ends a line in Markdown, so none is left to hide a fence behind.
fn fenced(to: &mut dyn Write, language: &str, text: &str) -> Result<()> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let fence = code_fence(&text);
    writeln!(to, "\n{fence}{language}\n{}\n{fence}", text.strip_suffix('\n').unwrap_or(&text))
}

fn write_text(to: &mut dyn Write, text: &str) -> Result<()> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
    let text = text.trim_matches('\n');
    if text.trim().is_empty() {
        return Ok(());
    }
    writeln!(to)?;
    if is_closed(text) {
        return writeln!(to, "{text}");
    }
    text.split('\n').try_for_each(|line| writeln!(to, "> {line}"))
}

/// Whether a text leaves nothing open behind it. Only code blocks that begin at the left edge are understood; whatever else
/// could be one, or could begin HTML, makes it no.
fn is_closed(text: &str) -> bool {
    let mut fence: Option<(char, usize)> = None;
    for line in text.split('\n') {
        let bare = line.trim_start_matches([' ', '\t']);
        match fence {
            Some((mark, length)) => {
                let indent = line.len() - bare.len();
                let run = bare.chars().take_while(|c| *c == mark).count();
                let rest = bare.trim_start_matches(mark);
                // With one that is almost an end, it is not sure where the block ends.
                if run >= length && rest.trim().is_empty() {
                    if indent > 3 || line.starts_with('\t') {
                        return false;
                    }
                    fence = None;
                }
            }
            None => {
                let mark = line.chars().next().unwrap_or(' ');
                let run = line.chars().take_while(|c| *c == mark).count();
                let is_fence = matches!(mark, '`' | '~') && run >= 3;
                if is_fence && !line[run..].contains('`') {
                    fence = Some((mark, run));
                } else if line.contains("```") || line.contains("~~~") || bare.starts_with('<') {
                    return false;
                }
            }
        }
    }
    fence.is_none()
}

/// A text as one line in which nothing is markup.
fn line(text: &str) -> String {
    let mut out = String::new();
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                // In HTML a backslash is shown; a number is understood in both.
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A text as code within a line.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = if text.trim().is_empty() { "-" } else { text.trim() };
    let marks = "`".repeat(longest_run(text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{marks}{space}{text}{space}{marks}")
}

/// Unix milliseconds as people write them, in UTC. Proleptic Gregorian calendar, days counted in eras of 400 years that
/// begin in March, so that the leap day is the last of a year.
fn utc(milliseconds: u64) -> String {
    let (days, minutes) = (milliseconds / 86_400_000, milliseconds / 60_000 % 1440);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
