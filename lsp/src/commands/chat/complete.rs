//! What can be completed: commands behind a slash, context behind an `@`. Pure.

use opencode_nexus::context::{Suggestion, fuzzy};
use opencode_nexus::model::SlashCommand;

use super::popup::{Entry, Pick};
use super::slash;
use super::view::clean::{is_harmful, one_line};

/// Entries that are offered at once.
const OFFERED: usize = 50;

/// Commands whose name begins with what was typed come first, others that fit after them.
pub(crate) fn commands(typed: &str, of_server: &[SlashCommand], added: &[SlashCommand]) -> Vec<Entry> {
    let own = slash::OWN.iter().map(|(name, _, about)| {
        let takes = about.contains(": /");
        let pick = if takes { Pick::Complete(format!("/{name} ")) } else { Pick::Run(format!("/{name}")) };
        Entry { label: format!("/{name}"), detail: (*about).to_owned(), pick }
    });
    let theirs = of_server.iter().chain(added);
    let theirs = theirs.filter(|c| !slash::OWN.iter().any(|(name, ..)| *name == c.name));
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

/// What a mention may mean. What cannot be shown as it is cannot be typed either.
pub(crate) fn mentions(suggestions: Vec<Suggestion>) -> Vec<Entry> {
    let shown = suggestions.into_iter().filter(|one| !one.mention.contains(is_harmful));
    let entries = shown.map(|one| {
        // Behind these, more is to be chosen.
        let is_open = one.mention.trim_end_matches('"').ends_with(['/', ':']);
        let space = if is_open { "" } else { " " };
        Entry {
            label: one_line(&one.label),
            detail: one_line(one.detail.as_deref().unwrap_or_default()),
            pick: Pick::Complete(format!("{}{space}", one.mention)),
        }
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_commands_those_of_the_server_and_of_plugins_are_offered() {
        let command = |name: &str| SlashCommand { name: name.into(), description: Some("about it".into()) };
        let labels = |typed: &str| -> Vec<String> {
            let (of_server, added) = ([command("init")], [command("standup")]);
            commands(typed, &of_server, &added).into_iter().map(|entry| entry.label).collect()
        };
        assert_eq!(labels("in")[0], "/init");
        assert_eq!(labels("mo")[0], "/model");
        assert_eq!(labels("stand")[0], "/standup");
        assert!(labels("").len() == slash::OWN.len() + 2);
    }

    #[test]
    fn a_mention_that_is_open_has_no_space_behind_it() {
        let suggestion = |mention: &str| Suggestion {
            label: mention.trim_start_matches('@').to_owned(),
            detail: None,
            mention: mention.to_owned(),
        };
        let all = ["@a.rs", "@src/", "@\"with space/\"", "@git-show:", "@evil\u{1b}[2J.txt"].map(suggestion);
        let picks = mentions(all.to_vec()).into_iter().map(|entry| entry.pick).collect::<Vec<_>>();
        let expected = ["@a.rs ", "@src/", "@\"with space/\"", "@git-show:"];
        assert_eq!(picks, expected.map(|text| Pick::Complete(text.to_owned())));
    }
}
