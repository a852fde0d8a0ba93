//! A list to choose from: completions while one types, and pickers that have a line of their own. Pure.

use opencode_nexus::context::fuzzy;
use opencode_nexus::model::{ModelRef, SessionId};

/// Entries that are offered at once.
const OFFERED: usize = 200;

/// What choosing an entry does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pick {
    /// Puts this in the place of what was typed.
    Complete(String),
    /// Runs a command that needs nothing more.
    Run(String),
    /// Puts this in the place of the whole text.
    Replace(String),
    Model(ModelRef),
    Agent(String),
    Session(SessionId),
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub label: String,
    pub detail: String,
    pub pick: Pick,
}

/// What is looked for while one types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    File,
    Picker,
}

/// An open list.
#[derive(Clone, Debug)]
pub(crate) struct Popup {
    pub kind: Kind,
    pub title: &'static str,
    /// What a picker is asked for; completions look at the text itself.
    pub query: String,
    all: Vec<Entry>,
    shown: Vec<usize>,
    pub marked: usize,
    /// So many characters before the cursor are replaced.
    pub replaces: usize,
}

impl Popup {
    /// A list with a line of its own.
    pub fn picker(title: &'static str, all: Vec<Entry>) -> Self {
        let mut popup = Self {
            kind: Kind::Picker,
            title,
            query: String::new(),
            all,
            shown: Vec::new(),
            marked: 0,
            replaces: 0,
        };
        popup.filter();
        popup
    }

    /// A list for what stands before the cursor.
    pub fn completion(kind: Kind, all: Vec<Entry>, replaces: usize) -> Self {
        let shown = (0..all.len()).collect();
        let title = if kind == Kind::Command { "commands" } else { "context" };
        Self { kind, title, query: String::new(), all, shown, marked: 0, replaces }
    }

    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.shown.iter().map(|at| &self.all[*at])
    }

    pub fn chosen(&self) -> Option<&Entry> {
        self.shown.get(self.marked).map(|at| &self.all[*at])
    }

    pub fn step(&mut self, by: isize) {
        let count = isize::try_from(self.shown.len()).unwrap_or(isize::MAX);
        if count > 0 {
            let marked = isize::try_from(self.marked).unwrap_or_default() + by;
            self.marked = usize::try_from(marked.rem_euclid(count)).unwrap_or_default();
        }
    }

    pub fn ask(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.query);
        self.filter();
    }

    fn filter(&mut self) {
        let numbered: Vec<(usize, String)> =
            self.all.iter().enumerate().map(|(at, e)| (at, format!("{} {}", e.label, e.detail))).collect();
        let best = fuzzy::best(&self.query, numbered.iter(), |(_, name)| name, OFFERED);
        self.shown = best.into_iter().map(|(at, _)| *at).collect();
        self.marked = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picker_narrows_down_and_goes_round() {
        let entry = |label: &str| Entry {
            label: label.into(),
            detail: String::new(),
            pick: Pick::Agent(label.into()),
        };
        let mut popup = Popup::picker("agents", vec![entry("build"), entry("plan"), entry("planner")]);
        popup.step(-1);
        assert_eq!(popup.chosen().map(|e| e.label.as_str()), Some("planner"));
        popup.ask(|query| query.push_str("pl"));
        assert_eq!(popup.entries().len(), 2);
        assert_eq!(popup.chosen().map(|e| e.label.as_str()), Some("plan"));
    }
}
