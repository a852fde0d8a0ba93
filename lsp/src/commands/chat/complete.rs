//! What can be completed: commands behind a slash, files and agents behind an `@`. Pure.

use opencode_nexus::context::fuzzy;
use opencode_nexus::model::{Agent, SlashCommand};

use super::popup::{Entry, Pick};
use super::slash;
use super::view::clean::{is_harmful, one_line};

/// Entries that are offered at once.
const OFFERED: usize = 50;

/// Commands whose name begins with what was typed come first, others that fit after them.
pub(crate) fn commands(typed: &str, of_server: &[SlashCommand]) -> Vec<Entry> {
    let own = slash::OWN.iter().map(|(name, _, about)| {
        let takes = about.contains(": /");
        let pick = if takes { Pick::Complete(format!("/{name} ")) } else { Pick::Run(format!("/{name}")) };
        Entry { label: format!("/{name}"), detail: (*about).to_owned(), pick }
    });
    let theirs = of_server.iter().filter(|c| !slash::OWN.iter().any(|(name, ..)| *name == c.name));
    let theirs =
        theirs.filter(|c| !c.name.contains(|c: char| c.is_whitespace() || is_harmful(c))).map(|command| {
            Entry {
                label: format!("/{}", command.name),
                detail: one_line(command.description.as_deref().unwrap_or_default()),
                pick: Pick::Complete(format!("/{} ", command.name)),
            }
        });
    let all: Vec<Entry> = own.chain(theirs).collect();
    let mut found: Vec<Entry> =
        fuzzy::best(typed, all.iter(), |entry| &entry.label[1..], OFFERED).into_iter().cloned().collect();
    found.sort_by_key(|entry| !entry.label[1..].starts_with(typed));
    found
}

/// Files of the project; agents that can be called stand first while nothing but a name was typed.
pub(crate) fn files(typed: &str, files: &[String], agents: &[Agent]) -> Vec<Entry> {
    // Lines behind a name are typed by hand.
    if typed.contains("#L") || typed.starts_with('"') {
        return Vec::new();
    }
    let called = agents.iter().filter(|a| !a.hidden && a.mode != "primary" && !typed.is_empty());
    let called = fuzzy::best(typed, called.collect::<Vec<_>>().into_iter(), |agent| &agent.name, 3);
    let called = called.into_iter().map(|agent| Entry {
        label: format!("@{}", one_line(&agent.name)),
        detail: format!("agent  {}", one_line(agent.description.as_deref().unwrap_or_default())),
        pick: Pick::Complete(format!("@{} ", agent.name)),
    });
    let found = fuzzy::best(typed, files.iter(), |file| file, OFFERED).into_iter();
    // A name that cannot be shown as it is cannot be typed either.
    let found = found.filter(|file| !file.contains(is_harmful)).map(|file| {
        let mention = if file.contains(' ') { format!("@\"{file}\"") } else { format!("@{file}") };
        let space = if file.ends_with('/') { "" } else { " " };
        Entry {
            label: file.clone(),
            detail: String::new(),
            pick: Pick::Complete(format!("{mention}{space}")),
        }
    });
    found.chain(called).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_commands_and_those_of_the_server_are_offered() {
        let init = SlashCommand { name: "init".into(), description: Some("make AGENTS.md".into()) };
        let labels = |typed: &str| -> Vec<String> {
            commands(typed, std::slice::from_ref(&init)).into_iter().map(|entry| entry.label).collect()
        };
        assert_eq!(labels("in")[0], "/init");
        assert_eq!(labels("mo")[0], "/model");
        assert!(labels("").len() == slash::OWN.len() + 1);
    }

    #[test]
    fn files_are_found_by_some_letters() {
        let all = ["src/main.rs", "with space.md", "evil\u{1b}[2J.txt"].map(str::to_owned);
        let first = |typed: &str| files(typed, &all, &[]).first().map(|entry| entry.pick.clone());
        assert_eq!(first("mrs"), Some(Pick::Complete("@src/main.rs ".into())));
        assert_eq!(first("space"), Some(Pick::Complete("@\"with space.md\" ".into())));
        assert_eq!(first("evil"), None);
    }
}
