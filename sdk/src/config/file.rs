//! A configuration file as it was written: its values with their places, and what is wrong in it. Pure.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

use super::plugins::{PLUGINS, PluginEntry};
use super::setting::{SETTINGS, Setting};
use super::value::Value;

/// The table with the profiles; below each name stand the same settings as at the top.
pub(super) const PROFILES: &str = "profiles";

/// A place in a file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Something that is wrong in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// The setting, as far as it is known.
    pub key: String,
    /// One line: what is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// A value that stands in the file.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub setting: &'static Setting,
    /// The profile to which it belongs; `None`: to all.
    pub profile: Option<String>,
    pub value: Value,
    pub place: Place,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub entries: Vec<Entry>,
    pub plugins: Vec<PluginEntry>,
    pub profiles: Vec<String>,
    pub problems: Vec<Problem>,
}

impl Contents {
    /// Reads a file; whatever is wrong is a problem, and the rest counts.
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader { text, contents: Self::default() };
        match Document::parse(text) {
            Ok(document) => reader.table(document.as_table(), &[], None),
            Err(error) => {
                let place = reader.place(error.span());
                reader.contents.problems.push(Problem {
                    place,
                    key: String::new(),
                    message: error.message().lines().collect::<Vec<_>>().join("; "),
                    hint: "write it as TOML: https://toml.io".to_owned(),
                });
            }
        }
        reader.contents
    }

    /// The value of a setting: of this profile, else for all.
    pub(super) fn entry(&self, key: &str, profile: Option<&str>) -> Option<&Entry> {
        let of = |wanted: Option<&str>| {
            self.entries.iter().find(|e| e.setting.key == key && e.profile.as_deref() == wanted)
        };
        profile.and_then(|name| of(Some(name))).or_else(|| of(None))
    }
}

struct Reader<'a> {
    text: &'a str,
    contents: Contents,
}

impl Reader<'_> {
    fn table(&mut self, table: &dyn TableLike, path: &[&str], profile: Option<&str>) {
        for (name, item) in table.iter() {
            let place = self.place(table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span()));
            let path: Vec<&str> = path.iter().copied().chain([name]).collect();
            let key = path.join(".");
            if key == PROFILES && profile.is_none() {
                self.profiles(item, place);
            } else if let ([PLUGINS, id], true) = (path.as_slice(), name.contains('.')) {
                self.plugin(id, item, place, profile);
            } else if let Some(setting) = Setting::find(&key) {
                self.entry(setting, item, place, profile);
            } else if SETTINGS.iter().any(|s| s.key.starts_with(&format!("{key}."))) {
                match item.as_table_like() {
                    Some(below) => self.table(below, &path, profile),
                    None => self.problem(
                        place,
                        &key,
                        "it is a table",
                        format!("write [{key}] and its settings below"),
                    ),
                }
            } else {
                let hint = match nearest(&key) {
                    // An identifier without quotes is two tables.
                    _ if path[0] == PLUGINS && item.is_table_like() => {
                        format!("write the plugin's name in quotes: [{PLUGINS}.\"PUBLISHER.NAME\"]")
                    }
                    Some(known) => format!("did you mean {known}?"),
                    None => "see `nexus config explain` for all settings".to_owned(),
                };
                self.problem(place, &key, "there is no such setting", hint);
            }
        }
    }

    fn plugin(&mut self, id: &str, item: &Item, place: Place, profile: Option<&str>) {
        let key = format!("{PLUGINS}.\"{id}\"");
        let Some(table) = item.as_table_like() else {
            return self.problem(place, &key, "a plugin is a table", format!("write [{key}]"));
        };
        let (entry, wrong) = PluginEntry::read(id, profile, table);
        self.contents.plugins.push(entry);
        for field in wrong {
            let span = table.key(field.name).and_then(toml_edit::Key::span);
            let place = span.map_or(place, |span| self.place(Some(span)));
            self.problem(place, &format!("{key}.{}", field.name), &field.message, field.hint);
        }
    }

    fn profiles(&mut self, item: &Item, place: Place) {
        let Some(profiles) = item.as_table_like() else {
            let hint = "write [profiles.NAME] and its settings below".to_owned();
            return self.problem(place, PROFILES, "it is a table", hint);
        };
        for (name, item) in profiles.iter() {
            let place = self.place(profiles.key(name).and_then(toml_edit::Key::span).or_else(|| item.span()));
            match item.as_table_like() {
                Some(below) => {
                    self.contents.profiles.push(name.to_owned());
                    self.table(below, &[], Some(name));
                }
                None => {
                    let hint = format!("write [profiles.{name}] and its settings below");
                    self.problem(place, &format!("{PROFILES}.{name}"), "a profile is a table", hint);
                }
            }
        }
    }

    fn entry(&mut self, setting: &'static Setting, item: &Item, place: Place, profile: Option<&str>) {
        if setting.key == "profile" && profile.is_some() {
            let hint = "remove it: a profile cannot choose another one".to_owned();
            return self.problem(place, setting.key, "it stands in a profile", hint);
        }
        let at_value = item.span().map_or(place, |span| self.place(Some(span)));
        let read = item.as_value().map_or_else(
            || Err(format!("expected {}", setting.kind.expected())),
            |value| setting.kind.of_toml(value),
        );
        match read {
            Ok(value) => {
                let profile = profile.map(str::to_owned);
                self.contents.entries.push(Entry { setting, profile, value, place: at_value });
            }
            Err(message) => {
                self.problem(at_value, setting.key, &message, format!("for example {}", setting.example));
            }
        }
    }

    fn problem(&mut self, place: Place, key: &str, message: &str, hint: String) {
        let (key, message) = (key.to_owned(), message.to_owned());
        self.contents.problems.push(Problem { place, key, message, hint });
    }

    fn place(&self, span: Option<Range<usize>>) -> Place {
        let before = self.text.get(..span.map_or(0, |s| s.start)).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// The setting whose name is most like this one, if any is.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |known: &str| {
        let whole = strsim::jaro_winkler(key, known);
        if last(key) == last(known) { whole.max(0.9) } else { whole }
    };
    let best = SETTINGS.iter().map(|s| (likeness(s.key), s.key)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.82).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problems(text: &str) -> Vec<(usize, usize, String, String)> {
        let problems = Contents::read(text).problems.into_iter();
        problems.map(|p| (p.place.line, p.place.column, p.key, p.hint)).collect()
    }

    #[test]
    fn every_problem_has_its_line_and_column() {
        let text = "model = \"a/b\"\n\n[server]\nurl = 7\n  strat = true\nstart = \"maybe\"\n[profiles.x.netwrk]\nproxy = \"http://p\"\n";
        let found = problems(text);
        assert_eq!((found[0].0, found[0].1, found[0].2.as_str()), (4, 7, "server.url"));
        assert_eq!((found[1].0, found[1].1, found[1].2.as_str()), (5, 3, "server.strat"));
        assert_eq!((found[2].0, found[2].1, found[2].2.as_str()), (6, 9, "server.start"), "{found:?}");
        assert_eq!((found[3].0, found[3].2.as_str()), (7, "netwrk"));
        assert_eq!(found.len(), 4);
        let cut = problems("model = \"a/b\"\n[server\n");
        assert_eq!((cut.len(), cut[0].0), (1, 2));
    }

    #[test]
    fn a_name_that_is_nearly_right_is_answered_with_the_right_one() {
        assert_eq!(problems("[server]\nurll = \"http://x\"\n")[0].3, "did you mean server.url?");
        assert_eq!(problems("url = \"http://x\"\n")[0].3, "did you mean server.url?");
        assert!(problems("zzz = 1\n")[0].3.contains("config explain"));
    }

    #[test]
    fn inline_tables_and_dotted_keys_are_the_same_settings() {
        for text in
            ["server = { url = \"http://x\" }", "server.url = \"http://x\"", "[server]\nurl = \"http://x\""]
        {
            let contents = Contents::read(text);
            assert!(contents.problems.is_empty(), "{text}: {:?}", contents.problems);
            assert_eq!(
                contents.entry("server.url", None).map(|e| e.value.to_string()).as_deref(),
                Some("http://x")
            );
        }
    }

    #[test]
    fn a_profile_wins_over_what_holds_for_all_and_leaves_the_rest() {
        let text = "model = \"a/b\"\nagent = \"plan\"\n[profiles.work]\nmodel = \"c/d\"\n[profiles.work.server]\nurl = \"http://w\"\n";
        let contents = Contents::read(text);
        let value = |key, profile| contents.entry(key, profile).map(|e| e.value.to_string());
        assert_eq!(value("model", Some("work")).as_deref(), Some("c/d"));
        assert_eq!(value("agent", Some("work")).as_deref(), Some("plan"));
        assert_eq!(value("server.url", None), None);
        assert_eq!(contents.profiles, ["work"]);
    }

    #[test]
    fn a_plugin_has_its_settings_and_a_profile_lays_its_own_over_them() {
        let text = "[plugins]\nenabled = true\n[plugins.\"acme.jira\"]\ngrant = [\"http\"]\n[plugins.\"acme.jira\".settings]\nhost = \"a\"\ndepth = 3\nlist = [1, { x = 2.5 }]\n[profiles.work.plugins.\"acme.jira\"]\ngrant = \"all\"\nmust_agree = true\nsettings = { host = \"w\" }\n";
        let contents = Contents::read(text);
        assert!(contents.problems.is_empty(), "{:?}", contents.problems);
        let of = |profile| super::super::plugins::holding(&contents.plugins, profile)["acme.jira"].clone();
        assert_eq!(of(None).grant, Some(vec!["http".to_owned()]));
        assert!(!of(None).must_agree && of(None).enabled.is_none());
        assert_eq!(
            serde_json::Value::Object(of(None).settings),
            serde_json::json!({"host": "a", "depth": 3, "list": [1, {"x": 2.5}]})
        );
        let work = of(Some("work"));
        assert_eq!((work.grant, work.must_agree), (Some(vec!["all".to_owned()]), true));
        assert_eq!((&work.settings["host"], &work.settings["depth"]), (&"w".into(), &3.into()));
    }

    #[test]
    fn what_is_wrong_of_a_plugin_has_its_place() {
        let text =
            "[plugins.\"acme.jira\"]\ngrants = \"all\"\n  enabled = 1\n[plugins.acme.jira]\nenabled = true\n";
        let found = problems(text);
        assert_eq!((found[0].0, found[0].1, found[0].2.as_str()), (2, 1, "plugins.\"acme.jira\".grants"));
        assert!(found[0].3.contains("enabled, grant, must_agree, settings"), "{found:?}");
        assert_eq!((found[1].0, found[1].1), (3, 3));
        assert_eq!((found[2].2.as_str(), found[2].3.contains("in quotes")), ("plugins.acme", true));
        assert_eq!(found.len(), 3);
    }

    proptest! {
        #[test]
        fn no_file_makes_the_reader_panic(text in "[a-z\\[\\]=\".{}\n #é]{0,120}") {
            let contents = Contents::read(&text);
            let lines = text.matches('\n').count() + 1;
            prop_assert!(contents.problems.iter().all(|p| p.place.line <= lines));
        }
    }
}
