//! `--report FILE.md`: what was asked and answered, with which tools, what has changed, what was refused, what it cost.

use std::fmt::Write as _;
use std::path::Path;

use opencode_nexus::context::code_fence;
use opencode_nexus::model::{FileDiff, Message, Part, Role, Usage};
use opencode_nexus::{Error, ErrorKind, Result};

use super::ending::Ending;

/// Everything that the report tells.
pub(super) struct Report<'a> {
    pub(super) title: &'a str,
    pub(super) prompt: &'a str,
    /// The messages of the run, prompts among them.
    pub(super) messages: &'a [Message],
    pub(super) answer: &'a str,
    pub(super) files: &'a [FileDiff],
    pub(super) refused: &'a [String],
    pub(super) usage: &'a Usage,
    pub(super) ending: &'a Ending,
    pub(super) session: &'a str,
    pub(super) server: &'a str,
}

impl Report<'_> {
    /// Writes the report beside its place first, so that nobody ever sees half of one.
    ///
    /// # Errors
    /// `user.invalid_input` when the file cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let wrong = |error: std::io::Error| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("cannot write the report {}: {error}", path.display()),
            )
            .with_hint("give --report a file in a folder that exists")
        };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        std::fs::write(&partial, self.markdown()).map_err(wrong)?;
        std::fs::rename(&partial, path).map_err(wrong)
    }

    fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n", self.title);
        let outcome = self.ending.line().unwrap_or_else(|| self.ending.word().to_owned());
        let _ = writeln!(text, "**Outcome:** {} (exit code {})\n", outcome, self.ending.exit_code());
        let _ = writeln!(text, "## Prompt\n\n{}\n", fenced("", self.prompt));
        let answer = if self.answer.trim().is_empty() { "_None._" } else { self.answer.trim() };
        let _ = writeln!(text, "## Answer\n\n{answer}\n");
        self.tools(&mut text);
        self.changes(&mut text);
        if !self.refused.is_empty() {
            text.push_str("## Refused\n\n");
            self.refused.iter().for_each(|what| {
                let _ = writeln!(text, "- {}", code(what));
            });
            text.push('\n');
        }
        let (tokens, model) = (self.usage.tokens, self.model());
        let _ = writeln!(text, "## Usage\n");
        let _ =
            writeln!(text, "| cost | input | output | reasoning | cache read | model | session | server |");
        let _ = writeln!(text, "|---|---|---|---|---|---|---|---|");
        let _ = writeln!(
            text,
            "| ${:.4} | {} | {} | {} | {} | {model} | {} | {} |",
            self.usage.cost,
            tokens.input,
            tokens.output,
            tokens.reasoning,
            tokens.cache_read,
            self.session,
            self.server
        );
        text
    }

    fn tools(&self, text: &mut String) {
        let calls: Vec<_> = self.messages.iter().flat_map(|m| &m.parts).filter_map(Part::tool).collect();
        if calls.is_empty() {
            return;
        }
        text.push_str("## Tools\n\n");
        for call in calls {
            let title = call.title.clone().unwrap_or_else(|| call.input.to_string());
            let _ = writeln!(text, "- {} {} ({})", call.tool, code(&title), call.status.word());
            if let Some(error) = &call.error {
                let _ = writeln!(text, "  {}", code(error));
            }
        }
        text.push('\n');
    }

    fn changes(&self, text: &mut String) {
        if self.files.is_empty() {
            return;
        }
        text.push_str("## Changed files\n\n");
        for file in self.files {
            let _ = writeln!(text, "{} (+{} −{})\n", code(&file.path), file.additions, file.deletions);
            if let Some(patch) = &file.patch {
                let _ = writeln!(text, "{}\n", fenced("diff", patch));
            }
        }
    }

    fn model(&self) -> String {
        let answer = self.messages.iter().rev().find(|m| m.role == Role::Assistant);
        let model = answer.and_then(|m| m.model.as_ref());
        model.map(ToString::to_string).unwrap_or_default()
    }
}

/// A block that nothing in the text can end.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = code_fence(text);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// A text in one line of code.
fn code(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().replace('`', "'");
    let short: String = line.chars().take(160).collect();
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_outcome_the_changes_and_what_was_refused() {
        let file = FileDiff {
            path: "a.rs".into(),
            patch: Some("--- a\n+++ b\n+```\n".into()),
            additions: 1,
            deletions: 0,
            status: None,
        };
        let report = Report {
            title: "A run",
            prompt: "do it",
            messages: &[],
            answer: "",
            files: &[file],
            refused: &["bash:rm -rf /".to_owned()],
            usage: &Usage::default(),
            ending: &Ending::TimedOut(5),
            session: "ses_1",
            server: "1.18.33",
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.md");
        report.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for wanted in
            ["# A run", "(exit code 124)", "_None._", "````diff\n--- a", "- `bash:rm -rf /`", "| $0.0000 |"]
        {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing half-written stays");
        assert!(report.write(&folder.path().join("no/such/folder.md")).is_err_and(|e| e.hint().is_some()));
    }
}
