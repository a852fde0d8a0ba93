//! What git says, as text that a model reads.

use std::fmt::Write as _;

use opencode_nexus_plugin::clock::iso_date;
use opencode_nexus_plugin::git::{BlameLine, Commit};

/// So many characters of a commit's name say which one it is.
pub fn short(id: &str) -> String {
    id.chars().take(10).collect()
}

/// The first line of a message.
pub fn subject(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// A line for each line: commit, date, author, number from 1, text.
pub fn blame(lines: &[BlameLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let (commit, date) = (short(&line.commit), iso_date(line.time_ms));
        let _ = writeln!(text, "{commit} {date} {}\t{}: {}", line.author, line.line + 1, line.text);
    }
    text
}

/// The commits of some lines, each once, in the order of the lines; at most ten.
pub fn commits_of(lines: &[BlameLine]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for line in lines {
        // Git's name for what is not yet committed has zeros only.
        let committed = line.commit.bytes().any(|byte| byte != b'0');
        if committed && ids.len() < 10 && !ids.contains(&line.commit) {
            ids.push(line.commit.clone());
        }
    }
    ids
}

/// Commits, with their whole messages or the first lines.
pub fn log(commits: &[Commit], whole: bool) -> String {
    let mut text = String::new();
    for commit in commits {
        let (id, date, author) = (short(&commit.id), iso_date(commit.time_ms), &commit.author.name);
        let message = if whole { commit.message.trim_end() } else { subject(&commit.message) };
        let _ = writeln!(text, "{id} {date} {author}: {message}");
    }
    text
}

#[cfg(test)]
mod tests {
    use opencode_nexus_plugin::git::Author;

    use super::*;

    fn line(number: u32, commit: &str) -> BlameLine {
        let (commit, text) = (commit.to_owned(), "let a = 1;".to_owned());
        BlameLine { line: number, commit, author: "Ann".into(), time_ms: 86_400_000, text }
    }

    #[test]
    fn blame_counts_lines_as_people_do() {
        assert_eq!(blame(&[line(2, "0123456789abcdef")]), "0123456789 1970-01-02 Ann\t3: let a = 1;\n");
    }

    #[test]
    fn each_commit_is_asked_for_once_and_uncommitted_lines_have_none() {
        let lines = [line(0, "aa"), line(1, "000"), line(2, "bb"), line(3, "aa")];
        assert_eq!(commits_of(&lines), ["aa", "bb"]);
    }

    #[test]
    fn a_log_has_first_lines_or_whole_messages() {
        let author = Author { name: "Ann".into(), email: "ann@example.org".into() };
        let commit = Commit { id: "aa".into(), author, time_ms: 0, message: "One\n\nTwo\n".into() };
        assert_eq!(log(std::slice::from_ref(&commit), false), "aa 1970-01-01 Ann: One\n");
        assert_eq!(log(&[commit], true), "aa 1970-01-01 Ann: One\n\nTwo\n");
    }
}
