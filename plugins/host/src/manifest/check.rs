//! What is right in a manifest, and where in the file it is not.

use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{API, LARGEST, Manifest, SCHEMA, Settings, World};

/// What a plugin may ask for, in MiB; the person's cap may be below it.
const MEMORY_MIB: std::ops::RangeInclusive<u32> = 1..=2_048;
/// The longest texts for people.
const SUMMARY: usize = 200;
const ABOUT: usize = 1_000;
const ABOUT_ENTRIES: usize = 20;
/// The longest of each half of an id, of a version, of a path.
const WORD: usize = 40;
const VERSION: usize = 64;
const PATH: usize = 200;
/// A schema compiles into a program, and so do the patterns in it.
const PATTERN_BYTES: usize = 1 << 20;

/// Something that is not right, and the keys that lead to it.
pub(super) struct Wrong {
    keys: Vec<&'static str>,
    why: String,
}

impl Wrong {
    fn new(keys: &[&'static str], why: impl Into<String>) -> Self {
        Self { keys: keys.to_vec(), why: why.into() }
    }

    /// The error, with the line where the value stands.
    pub(super) fn at(self, text: &str) -> Error {
        let keys = self.keys.join(".");
        match line_of(text, &self.keys) {
            Some(line) => wrong(format!("line {line}, {keys}: {}", self.why)),
            None => wrong(format!("{keys}: {}", self.why)),
        }
    }
}

pub(super) fn wrong(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("plugin.toml is not right: {why}"))
        .with_hint("plugins/FORMAT.md says what stands in it")
}

/// A syntax error, an unknown key, a value of another kind.
pub(super) fn not_toml(text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map(|span| line_at(text, span.start));
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    wrong(format!("{line}{}", error.message()))
}

/// Refuses what only a newer host can read, before anything else is looked at.
pub(super) fn age(text: &str) -> Result<()> {
    if text.len() > LARGEST {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("plugin.toml is larger than {} KiB", LARGEST >> 10),
        )
        .with_hint("texts and data belong into the component"));
    }
    let table = DeTable::parse(text).map_err(|error| not_toml(text, &error))?;
    let table = table.get_ref();
    let newer = |what: String| {
        Error::new(ErrorKind::NewerFormat, format!("this plugin needs a newer nexus: {what}"))
            .with_hint("update nexus, or take an older version of the plugin")
    };
    if let Some(DeValue::Integer(number)) = table.get("schema").map(|value| value.get_ref()) {
        let number = u64::from_str_radix(number.as_str(), number.radix());
        if number.as_ref().is_ok_and(|number| *number > u64::from(SCHEMA)) {
            let number = number.unwrap_or_default();
            return Err(newer(format!("its manifest has format {number}, and this one reads {SCHEMA}")));
        }
    }
    if let Some(DeValue::String(api)) = table.get("api").map(|value| value.get_ref())
        && let (Some(wanted), Some(ours)) = (interface(api), interface(API))
        && wanted > ours
    {
        return Err(newer(format!("it is made for plugin interface {api}, and this one has {API}")));
    }
    Ok(())
}

/// `0.1` as two numbers.
fn interface(version: &str) -> Option<(u32, u32)> {
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    };
    let (major, minor) = version.split_once('.')?;
    Some((number(major)?, number(minor)?))
}

impl Manifest {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        if self.schema != SCHEMA {
            return Err(Wrong::new(&["schema"], format!("it is {}; write {SCHEMA}", self.schema)));
        }
        check_id(&self.id)?;
        self.check_versions()?;
        check_text(&["summary"], &self.summary, SUMMARY)?;
        self.check_worlds()?;
        self.check_component()?;
        if let Some(memory) = self.limits.memory_mib
            && !MEMORY_MIB.contains(&memory)
        {
            let why = format!("it is {memory}; from {} to {}", MEMORY_MIB.start(), MEMORY_MIB.end());
            return Err(Wrong::new(&["limits", "memory-mib"], why));
        }
        let shown = self.permissions.web.is_some() || self.permissions.terminal.is_some();
        if self.frontend.once && (self.worlds != [World::Frontend] || shown) {
            let why =
                "only a plugin that is a frontend and nothing else runs once, without pages and terminal";
            return Err(Wrong::new(&["frontend", "once"], why));
        }
        if let Some(schema) = &self.settings.schema {
            compile(schema).map_err(|why| Wrong::new(&["settings", "schema"], why))?;
        }
        if self.about.len() > ABOUT_ENTRIES {
            return Err(Wrong::new(&["about"], format!("it has more than {ABOUT_ENTRIES} entries")));
        }
        self.about.iter().try_for_each(|(key, text)| {
            check_text(&["about"], key, WORD)?;
            check_text(&["about"], text, ABOUT)
        })
    }

    fn check_versions(&self) -> Result<(), Wrong> {
        let why = match semver::Version::parse(&self.version) {
            Ok(_) if self.version.len() <= VERSION => None,
            Ok(_) => Some(format!("it is longer than {VERSION} characters")),
            Err(error) => Some(format!("{error}; versions look like 1.2.0 (semver.org)")),
        };
        if let Some(why) = why {
            return Err(Wrong::new(&["version"], why));
        }
        match interface(&self.api) {
            Some(_) => Ok(()),
            None => Err(Wrong::new(&["api"], format!("versions of the plugin interface look like {API:?}"))),
        }
    }

    fn check_worlds(&self) -> Result<(), Wrong> {
        let mut worlds = self.worlds.clone();
        worlds.sort();
        worlds.dedup();
        match worlds.len() {
            0 => Err(Wrong::new(
                &["worlds"],
                "a plugin is something: context-provider, command, hook or frontend",
            )),
            many if many < self.worlds.len() => Err(Wrong::new(&["worlds"], "one is named twice")),
            _ => Ok(()),
        }
    }

    fn check_component(&self) -> Result<(), Wrong> {
        if !is_safe_path(&self.wasm) || !self.wasm.ends_with(".wasm") {
            let why =
                "it must be a path below the manifest that ends with .wasm, of letters, digits and . _ -";
            return Err(Wrong::new(&["wasm"], why));
        }
        match &self.sha256 {
            Some(sum) if sum.len() != 64 || !sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                Err(Wrong::new(&["sha256"], "it must be 64 digits of lower case hexadecimal"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether it is an id: `publisher.name`, both of lower case letters, digits and hyphens, at most 40 long, beginning with a letter.
/// It becomes the name of a folder, on Windows too.
pub fn is_id(id: &str) -> bool {
    let right = |word: &str| {
        let letters = word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        letters
            && word.len() <= WORD
            && word.starts_with(|c: char| c.is_ascii_lowercase())
            && !word.ends_with('-')
    };
    match id.split_once('.') {
        Some((publisher, name)) => right(publisher) && right(name) && !is_device(publisher),
        None => false,
    }
}

fn check_id(id: &str) -> Result<(), Wrong> {
    match is_id(id) {
        true => Ok(()),
        false => Err(Wrong::new(
            &["id"],
            format!(
                "an id is publisher.name, of lower case letters, digits and hyphens, each at most {WORD} long"
            ),
        )),
    }
}

fn check_text(keys: &[&'static str], text: &str, longest: usize) -> Result<(), Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::new(keys, "it is empty"));
    }
    if text.chars().count() > longest {
        return Err(Wrong::new(keys, format!("it is longer than {longest} characters")));
    }
    match text.chars().any(disturbs) {
        true => Err(Wrong::new(keys, "it is one line, without control characters")),
        false => Ok(()),
    }
}

/// Control characters, and those that turn the direction of a text: a question to a person could read as another one.
fn disturbs(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a path is relative, stays below its folder, and means one file on every system: pieces of ASCII letters, digits and
/// `. _ -`, divided by `/`, none of which begins or ends with a dot or is the name of a device on Windows. At most 200 bytes.
pub fn is_safe_path(path: &str) -> bool {
    let piece = |piece: &str| {
        let letters = piece.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let stem = piece.split('.').next().unwrap_or_default();
        letters && !piece.is_empty() && !piece.starts_with('.') && !piece.ends_with('.') && !is_device(stem)
    };
    path.len() <= PATH && path.split('/').all(piece)
}

/// Names that Windows keeps for devices, whatever stands behind a dot.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" => true,
        _ => match stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")) {
            Some(number) => number.len() == 1 && number.as_bytes()[0].is_ascii_digit(),
            None => false,
        },
    }
}

/// A schema of JSON Schema 2020-12. Nothing is fetched for it, and its patterns need time in proportion to the text only.
fn compile(schema: &Value) -> Result<jsonschema::Validator, String> {
    let patterns =
        jsonschema::PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|error| format!("it is no JSON Schema: {error}"))
}

pub(super) fn settings(settings: &Settings, given: &Value) -> Result<()> {
    let wrong = |why: String| {
        Error::new(ErrorKind::Configuration, format!("the settings of the plugin are not right: {why}"))
            .with_hint("`nexus plugin info ID` shows what it can be told")
    };
    let Some(schema) = &settings.schema else {
        return match given.as_object().is_some_and(|table| table.is_empty()) {
            true => Ok(()),
            false => Err(wrong("it has none".to_owned())),
        };
    };
    let validator = compile(schema).map_err(wrong)?;
    match validator.iter_errors(given).next() {
        None => Ok(()),
        // A value may be something that a person does not want to see in a log: the place and the rule are enough.
        Some(error) => {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "the whole of them".to_owned() } else { place };
            Err(wrong(format!("{place}: {}", error.masked())))
        }
    }
}

/// The line, from 1, where the value of these keys stands.
fn line_of(text: &str, keys: &[&str]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut place = None;
    let mut table = Some(root.into_inner());
    for key in keys {
        let (name, value) = table.take()?.into_iter().find(|(name, _)| name.get_ref().as_ref() == *key)?;
        place = Some(name.span().start);
        if let DeValue::Table(inner) = value.into_inner() {
            table = Some(inner);
        }
    }
    place.map(|place| line_at(text, place))
}

fn line_at(text: &str, place: usize) -> usize {
    text.as_bytes()[..place.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}
