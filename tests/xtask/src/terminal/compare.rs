//! Holds the screen, scrolled through from its start to its end, against the server's own answer. What should stand
//! there is computed here by other code than the client's, and compared letter by letter.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::window::{Window, framed};

/// Both sides come to rest within this time: an answer that its server has forgotten is given up after 11 s.
const BOUND: Duration = Duration::from_secs(40);
/// Stands where a folded line was cut to the width of the window.
const CUT: char = '\u{1}';
/// More pages than any story has.
const PAGES: usize = 200;

/// Looks until the screen is what the server has, or stays different; lines with notes of the client's own are left out.
pub fn equal(window: &mut Window, server: &Value, own: &[&str]) -> Result<(), String> {
    let wanted = letters(&(expected(server).join("\n") + "\n"));
    let until = Instant::now() + BOUND;
    loop {
        let mut lines = scrolled_through(window)?;
        lines.retain(|line| !own.iter().any(|own| line.contains(own)));
        let seen = letters(&on_screen(&lines).join("\n"));
        if is_told(&seen, &wanted) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!(
                "the screen is not what the server has\nscreen: {seen}\nserver: {wanted}\n{}",
                framed(&lines)
            ));
        }
    }
}

/// All lines of the conversation, from its start to its end.
fn scrolled_through(window: &mut Window) -> Result<Vec<String>, String> {
    window.press("\x1b[1;5H")?;
    window.rest();
    let mut all: Vec<String> = conversation(&window.rows());
    for _ in 0..PAGES {
        if !window.rows().last().is_some_and(|status| status.contains(" more")) {
            window.press("\x1b[1;5F")?;
            window.rest();
            return Ok(all);
        }
        window.press("\x1b[6~")?;
        window.rest();
        let page = conversation(&window.rows());
        // A page begins with lines of the one before; the last one with more of them.
        let common = (0..=page.len().min(all.len())).rev().find(|n| all.ends_with(&page[..*n])).unwrap_or(0);
        all.extend_from_slice(&page[common..]);
    }
    Err(format!("the conversation has no end\n{}", framed(&window.rows())))
}

/// The rows above the line over the input.
fn conversation(rows: &[String]) -> Vec<String> {
    let rule = |row: &String| !row.is_empty() && row.chars().all(|c| c == '─' || c == '-');
    let end = rows.iter().rposition(rule).unwrap_or(rows.len());
    rows[..end].to_vec()
}

/// What is written there, without the marks of the client's own.
fn on_screen(lines: &[String]) -> Vec<String> {
    lines.iter().filter(|line| !is_added(line)).map(|line| with_cut(&without_duration(line))).collect()
}

/// Tools and thoughts are a line each, and cut where that is too long.
fn with_cut(line: &str) -> String {
    let folded = ["✓ ", "✗ ", "▸ "].iter().any(|mark| line.trim_start().starts_with(mark));
    match line.strip_suffix('…').filter(|_| folded) {
        Some(begin) => format!("{begin}{CUT}"),
        None => line.to_owned(),
    }
}

/// What a server puts into a prompt is folded.
fn is_added(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("▌ ▸") || line.starts_with("| >")
}

/// How long a tool took is at the end of its line, `1.3 s`.
fn without_duration(line: &str) -> String {
    let trimmed = line.trim_start();
    let tool = ["✓ ", "✗ ", "v ", "x "].iter().any(|mark| trimmed.starts_with(mark));
    match line.rsplit_once("  ").filter(|(_, end)| tool && end.ends_with(" s")) {
        Some((before, _)) => before.to_owned(),
        None => line.to_owned(),
    }
}

/// What the server has, as it should be told, a text for each part.
fn expected(server: &Value) -> Vec<String> {
    match server.get("data") {
        Some(second) => {
            let all = second.as_array().into_iter().flatten();
            all.filter(|m| m["type"] == "user" || m["type"] == "assistant").flat_map(second_message).collect()
        }
        None => server.as_array().into_iter().flatten().flat_map(first_message).collect(),
    }
}

fn first_message(entry: &Value) -> Vec<String> {
    let parts = entry["parts"].as_array().into_iter().flatten();
    let mut out: Vec<String> = parts
        .filter_map(|part| match part["type"].as_str()? {
            "text" if part["synthetic"] == true => None,
            "text" => Some(shown_text(part["text"].as_str()?, entry["info"]["role"] == "user")),
            "reasoning" => Some(format!("thought {}", part["text"].as_str()?.trim())),
            "compaction" => Some("the history was made shorter here".to_owned()),
            "file" => Some(part["filename"].as_str()?.to_owned()),
            "tool" => {
                let state = &part["state"];
                Some(tool(
                    part["tool"].as_str()?,
                    &state["input"],
                    state["title"].as_str(),
                    state["error"].as_str(),
                ))
            }
            _ => None,
        })
        .collect();
    out.extend(error(&entry["info"]["error"], entry["info"]["error"]["name"] == "MessageAbortedError"));
    out
}

fn second_message(entry: &Value) -> Vec<String> {
    if entry["type"] == "user" {
        return vec![shown_text(entry["text"].as_str().unwrap_or_default(), true)];
    }
    let parts = entry["content"].as_array().into_iter().flatten();
    let mut out: Vec<String> = parts
        .filter_map(|part| match part["type"].as_str()? {
            "text" => Some(shown_text(part["text"].as_str()?, false)),
            "reasoning" => Some(format!("thought {}", part["text"].as_str()?.trim())),
            "tool" => {
                let state = &part["state"];
                Some(tool(part["name"].as_str()?, &state["input"], None, state["error"]["message"].as_str()))
            }
            _ => None,
        })
        .collect();
    let aborted = entry["error"]["type"].as_str().is_some_and(|kind| kind.contains("abort"));
    out.extend(error(&entry["error"], aborted));
    out
}

fn error(error: &Value, aborted: bool) -> Option<String> {
    let message = error["data"]["message"].as_str().or_else(|| error["message"].as_str());
    match error {
        Value::Null => None,
        _ if aborted => Some("stopped".to_owned()),
        _ => Some(message.unwrap_or_default().to_owned()),
    }
}

/// The line of a tool.
fn tool(name: &str, input: &Value, title: Option<&str>, error: Option<&str>) -> String {
    let given = title.filter(|title| !title.is_empty());
    let named = ["filePath", "path", "pattern", "url", "query", "description"];
    let about = match input["command"].as_str() {
        Some(command) => command,
        None => given.or_else(|| named.iter().find_map(|name| input[*name].as_str())).unwrap_or_default(),
    };
    format!("{name} {about}\n{}", error.unwrap_or_default())
}

/// A text as it is read: a long prompt only by its size, no words behind fences, control characters as pictures.
fn shown_text(text: &str, person: bool) -> String {
    if person && (text.lines().count() > 15 || text.len() > 1_500) {
        return folded(text);
    }
    let lines = text.lines().map(|line| if line.trim_start().starts_with("```") { "" } else { line });
    let mut out = String::new();
    for c in lines.collect::<Vec<_>>().join("\n").chars() {
        match u32::from(c) {
            code @ (0x80..=0x9f | 0x202a..=0x202e | 0x200b | 0x200e | 0x200f | 0x2066..=0x2069) => {
                out.push_str(&format!("<U+{code:04X}>"));
            }
            _ => out.push(c),
        }
    }
    out
}

/// The first twelve lines, and how much there is.
fn folded(text: &str) -> String {
    let count = text.lines().count();
    let grouped = match count {
        0..1_000 => count.to_string(),
        _ => format!("{},{:03}", count / 1_000, count % 1_000),
    };
    let size = match text.len() {
        n @ 1_000_000.. => format!("{:.1} MB", n as f64 / 1e6),
        n @ 1_000.. => format!("{} kB", n / 1_000),
        n => format!("{n} bytes"),
    };
    let first: Vec<&str> = text.lines().take(12).collect();
    format!("{}\n… folded: {size}, {grouped} lines", first.join("\n"))
}

/// Letters and digits alone: how lines are broken and marked is the client's own. A terminal without more than ASCII
/// shows other letters as marks, so only ASCII counts. Ends of lines, and places where one was cut, are kept.
fn letters(text: &str) -> String {
    text.chars().filter(|&c| c.is_ascii_alphanumeric() || matches!(c, '\n' | CUT)).collect()
}

/// Whether the screen says what it should, letter by letter. A line that was cut says the beginning of one.
fn is_told(seen: &str, wanted: &str) -> bool {
    let mut wanted = wanted.chars();
    for c in seen.chars().filter(|c| *c != '\n') {
        let next = match c {
            CUT => wanted.find(|c| *c == '\n'),
            _ => wanted.find(|c| *c != '\n').filter(|next| *next == c),
        };
        if next.is_none() {
            return false;
        }
    }
    wanted.all(|c| c == '\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_that_is_missing_or_doubled_is_noticed() {
        let server = json!([
            {"info": {"role": "user"}, "parts": [{"type": "text", "text": "hi"}]},
            {"info": {"role": "assistant"}, "parts": [
                {"type": "text", "text": "**Bold** `code`\n```rust\nlet x;\n```"},
                {"type": "tool", "tool": "bash", "state": {"input": {"command": "ls -l"}, "title": "List"}},
            ]},
        ]);
        let wanted = letters(&(expected(&server).join("\n") + "\n"));
        let told = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            is_told(&letters(&on_screen(&lines).join("\n")), &wanted)
        };
        let right = ["▌ hi", "  Bold code", "  │ let x;", "  ✓ bash  $ ls -l  1.3 s"];
        assert!(told(&right));
        assert!(told(&[&right[..3], &["✓ bash  $ l…"]].concat()), "a tool is cut");
        assert!(!told(&right[1..]), "a text is missing");
        assert!(!told(&[&right[..], &right[..1]].concat()), "a text is doubled");
        assert!(!told(&["▌ hi", "  Bold…", "  │ let x;", "  ✓ bash  $ ls -l"]), "a text is cut");
        assert!(!told(&right[..3]), "the end is missing");
    }
}
