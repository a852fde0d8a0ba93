//! Searching the messages of the history.

use std::io::IsTerminal as _;

use opencode_nexus::Result;
use opencode_nexus::history::{FoundMessage, History, HistoryOrder, HistoryQuery, Snippet};
use serde_json::json;

use super::list::{directory, server};
use crate::output;

/// What is looked for.
#[derive(clap::Args)]
pub(super) struct Search {
    /// Words (all of them), "phrases" in quotation marks, begin*. Nothing: everything that the filters let through.
    text: Vec<String>,
    /// Only messages without this word; repeatable.
    #[arg(long, value_name = "WORD", help_heading = "Filters")]
    without: Vec<String>,
    /// Only in this session: its id, or the beginning of it.
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    session: Option<String>,
    /// Only in sessions of this folder and those below.
    #[arg(long, value_name = "FOLDER", help_heading = "Filters")]
    folder: Option<std::path::PathBuf>,
    /// Only from this server: its address, or `local`.
    #[arg(long, value_name = "URL", help_heading = "Filters")]
    from: Option<String>,
    /// Only what this one said.
    #[arg(long, value_parser = ["user", "assistant"], help_heading = "Filters")]
    role: Option<String>,
    /// Only answers of this model.
    #[arg(long, value_name = "PROVIDER/MODEL", help_heading = "Filters")]
    model: Option<String>,
    /// Only answers of this agent.
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    agent: Option<String>,
    /// Only messages with a call of this tool.
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    tool: Option<String>,
    /// Only messages that cost at least so many dollars.
    #[arg(long, value_name = "DOLLARS", help_heading = "Filters")]
    cost_from: Option<f64>,
    /// Only messages that cost at most so many dollars.
    #[arg(long, value_name = "DOLLARS", help_heading = "Filters")]
    cost_to: Option<f64>,
    /// Not before: a day (2026-01-31, UTC), or how long ago (30min, 12h, 7d, 2w).
    #[arg(long, value_name = "WHEN", help_heading = "Filters")]
    since: Option<String>,
    /// Before: in the same forms.
    #[arg(long, value_name = "WHEN", help_heading = "Filters")]
    until: Option<String>,
    /// Only messages that ended with an error.
    #[arg(long, help_heading = "Filters")]
    errors: bool,
    /// Only messages with a file.
    #[arg(long, help_heading = "Filters")]
    files: bool,
    /// The newest first; otherwise the best first.
    #[arg(long)]
    newest: bool,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Pass over so many first.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    offset: usize,
}

impl Search {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        let history = super::history().await?;
        let query = self.query(&history).await?;
        let found = history.search(&query).await?;
        if json {
            output::print_json(&json!(found));
            return Ok(());
        }
        if found.messages.is_empty() {
            eprintln!("nothing found");
        }
        let colours = std::io::stdout().is_terminal() && output::colours();
        found.messages.iter().for_each(|message| print(message, colours));
        if found.more {
            eprintln!("there is more: --offset {}", self.offset + found.messages.len());
        }
        Ok(())
    }

    async fn query(&self, history: &History) -> Result<HistoryQuery> {
        let now = output::now();
        let moment =
            |text: &Option<String>| text.as_deref().map(|text| output::moment(text, now)).transpose();
        let session = match &self.session {
            Some(word) => Some(super::find(history, word).await?.session.id),
            None => None,
        };
        Ok(HistoryQuery {
            text: said(&self.text, &self.without),
            server: self.from.as_deref().map(server),
            directory: self.folder.as_deref().map(directory),
            session,
            role: self.role.clone(),
            model: self.model.clone(),
            agent: self.agent.clone(),
            tool: self.tool.clone(),
            cost_at_least: self.cost_from,
            cost_at_most: self.cost_to,
            since: moment(&self.since)?,
            until: moment(&self.until)?,
            has_error: self.errors.then_some(true),
            has_file: self.files.then_some(true),
            order: if self.newest { HistoryOrder::Newest } else { HistoryOrder::Relevance },
            limit: usize::from(self.limit),
            offset: self.offset,
        })
    }
}

/// One argument is a query as it stands. Of several, one with spaces is a phrase: the shell has taken its quotation marks
/// away.
fn said(arguments: &[String], without: &[String]) -> String {
    let phrase = |word: &String| match word.contains(char::is_whitespace) && !word.contains('"') {
        true => format!("\"{word}\""),
        false => word.clone(),
    };
    let mut words: Vec<String> = match arguments {
        [only] => vec![only.clone()],
        several => several.iter().map(phrase).collect(),
    };
    words.extend(without.iter().map(|word| format!("-{}", phrase(word))));
    words.join(" ")
}

fn print(found: &FoundMessage, colours: bool) {
    let (session, message) = (&found.session.session, &found.message);
    let head = format!(
        "{}  {}  {}  {}",
        session.id,
        output::date(message.created),
        message.role.word(),
        session.title.replace('\n', " ")
    );
    let head = output::clean(&head).into_owned();
    output::print_line(&if colours { format!("\x1b[1m{head}\x1b[0m") } else { head });
    output::print_line(&format!("    {}", marked(&found.snippet, colours)));
}

/// The snippet in one line: what was found is coloured on a terminal, and stands as it is elsewhere.
fn marked(snippet: &Snippet, colours: bool) -> String {
    let mut line = String::from(if snippet.cut_before { "…" } else { "" });
    for (text, found) in &snippet.pieces {
        let text = one_line(&output::clean(text));
        match *found && colours {
            true => line += &format!("\x1b[1;33m{text}\x1b[0m"),
            false => line += &text,
        }
    }
    line + if snippet.cut_after { "…" } else { "" }
}

/// Line breaks and what stands around them as one space; spaces at both ends stay, because other pieces join there.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_whitespace() {
            true if line.ends_with(' ') => {}
            true => line.push(' '),
            false => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_a_query_and_of_several_those_with_spaces_are_phrases() {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let of = |arguments: &[&str], without: &[&str]| said(&owned(arguments), &owned(without));
        assert_eq!(of(&["race", "cond*"], &["slow", "very slow"]), "race cond* -slow -\"very slow\"");
        assert_eq!(of(&["race condition", "lock"], &[]), "\"race condition\" lock");
        assert_eq!(of(&["race condition -slow"], &[]), "race condition -slow");
        assert_eq!(of(&[], &[]), "");
    }

    #[test]
    fn what_was_found_is_marked_only_where_colours_are_and_a_text_cannot_drive_the_terminal() {
        let pieces = vec![
            ("a \u{1b}[31m\n".to_owned(), false),
            ("race".to_owned(), true),
            (" here".to_owned(), false),
        ];
        let snippet = Snippet { pieces, cut_before: true, cut_after: false };
        assert_eq!(marked(&snippet, false), "…a \u{fffd}[31m race here");
        assert!(marked(&snippet, true).contains("\u{1b}[1;33mrace\u{1b}[0m here"));
    }
}
