//! A hook that takes secrets out of prompts before they are sent.

mod find;
mod tokens;

use std::collections::BTreeMap;

use find::{Found, find};
use opencode_nexus_plugin::{Hook, Part, Plugin, Result, TextPart, Verdict, info, plugin, settings};
use serde::Deserialize;

#[derive(Default)]
struct Redact {
    settings: Settings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Settings {
    on_secret: OnSecret,
    allow: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnSecret {
    #[default]
    Replace,
    Block,
}

impl Plugin for Redact {
    fn start(&mut self, _state: Option<Vec<u8>>) -> Result<()> {
        self.settings = settings::read()?;
        Ok(())
    }
}

impl Hook for Redact {
    fn before_send(&mut self, _session: &str, parts: Vec<Part>) -> Result<Verdict> {
        let (parts, found) = clean(parts, &self.settings.allow);
        if found.is_empty() {
            return Ok(Verdict::Keep);
        }
        let said = say(&found);
        info!("found {said}");
        Ok(match self.settings.on_secret {
            OnSecret::Replace => Verdict::Replace(parts),
            OnSecret::Block => Verdict::Block(format!("the prompt holds {said}")),
        })
    }
}

/// The parts without secrets, and how many there were of each kind.
fn clean(parts: Vec<Part>, allow: &[String]) -> (Vec<Part>, BTreeMap<&'static str, usize>) {
    let mut counts = BTreeMap::new();
    let parts = parts.into_iter().map(|part| match part {
        Part::Text(TextPart { text, synthetic }) => {
            let found = find(&text, allow);
            found.iter().for_each(|found| *counts.entry(found.kind).or_default() += 1);
            Part::Text(TextPart { text: without(&text, &found), synthetic })
        }
        other => other,
    });
    (parts.collect(), counts)
}

/// The text with a word for each secret.
fn without(text: &str, found: &[Found]) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    for secret in found {
        clean.push_str(&text[at..secret.at.start]);
        clean.push_str(&format!("[redacted: {}]", secret.kind));
        at = secret.at.end;
    }
    clean.push_str(&text[at..]);
    clean
}

/// `1 GitHub token, 2 passwords`
fn say(found: &BTreeMap<&'static str, usize>) -> String {
    let kinds = found.iter().map(|(kind, count)| format!("{count} × {kind}"));
    kinds.collect::<Vec<_>>().join(", ")
}

plugin!(Redact: hook);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_change_and_what_the_person_wrote_stays_theirs() {
        let other = Part::Reasoning("password = \"hY7z-qq81.Xp0_wMZr\"".to_owned());
        let written = Part::written("use ghp_0123456789abcdefghijABCDEFGHIJ012345 please");
        let (parts, found) = clean(vec![written, other.clone()], &[]);
        assert_eq!(parts, [Part::written("use [redacted: GitHub token] please"), other]);
        assert_eq!(say(&found), "1 × GitHub token");
    }

    #[test]
    fn a_prompt_without_secrets_is_the_same() {
        let parts = vec![Part::written("Why does `token = next_token()` fail at src/lex.rs:12?")];
        assert_eq!(clean(parts.clone(), &[]), (parts, BTreeMap::new()));
    }
}
