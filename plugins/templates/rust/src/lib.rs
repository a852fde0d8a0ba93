//! `@words:TERM`: what the documents of the project say of a term.

use opencode_nexus_plugin::{
    Context, Error, Item, Plugin, Provider, Request, Result, Suggestion, plugin, workspace,
};

/// So many lines are given.
const LINES: u32 = 50;

#[derive(Default)]
struct Words;

impl Plugin for Words {}

impl Context for Words {
    fn describe(&mut self) -> Vec<Provider> {
        vec![Provider::new("words", "What the documents say of a term").with_argument("term").needing_it()]
    }

    /// Headings that hold what was typed.
    fn suggest(&mut self, _provider: &str, typed: &str, limit: u32) -> Result<Vec<Suggestion>> {
        let pattern = format!("(?i)^#+ .*{}", escaped(typed));
        let hits = workspace::search(&pattern, Some("*.md"), limit)?;
        Ok(hits.iter().map(|hit| Suggestion::new(heading(&hit.text)).with_detail(&hit.path)).collect())
    }

    fn provide(&mut self, request: Request) -> Result<Vec<Item>> {
        let term = request.argument.unwrap_or_default();
        let hits = workspace::search(&format!("(?i){}", escaped(&term)), Some("*.md"), LINES)?;
        if hits.is_empty() {
            return Err(Error::not_found(format!("no document says anything of {term}")));
        }
        let lines: Vec<String> =
            hits.iter().map(|hit| format!("{}:{}: {}", hit.path, hit.line + 1, hit.text.trim())).collect();
        Ok(vec![Item::text(format!("{term} in the documents"), lines.join("\n"))])
    }
}

/// A heading without its marks.
fn heading(line: &str) -> &str {
    line.trim_start_matches('#').trim()
}

/// The text as a regular expression that means just that text.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

plugin!(Words: context);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_has_no_marks_and_a_pattern_means_its_text() {
        assert_eq!(heading("## Turns"), "Turns");
        assert_eq!(escaped("a.b(c)"), "a\\.b\\(c\\)");
    }
}
