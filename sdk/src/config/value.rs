//! What values look like: in a file, in an environment variable, on a command line.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use toml_edit::Value as Toml;
use url::Url;

use crate::model::ModelRef;

/// What the value of a setting looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// An address with scheme and host.
    Url,
    /// A path; `~` at its beginning is the home.
    Path,
    /// `true` or `false`.
    Switch,
    /// A number with a unit: `500ms`, `30s`, `5m`, `2h`.
    Duration,
    /// `provider/model`; what stands behind another slash is part of the model's name.
    Model,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of `action:pattern`.
    Rules,
    /// A list of hosts: `example.org`, `example.org:8080`, `*.example.org`.
    Hosts,
    /// A size with a unit: `64KiB`, `1MiB`, `20000tokens` (four bytes each).
    Size,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Texts, addresses, paths, models and words.
    Text(String),
    /// A switch.
    Switch(bool),
    /// A length of time.
    Duration(Duration),
    /// A list.
    List(Vec<String>),
}

impl Kind {
    /// What a person should write, in words.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Url => "an address like \"https://host:port\"".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Duration => "a time with its unit, like \"500ms\", \"30s\", \"5m\" or \"2h\"".to_owned(),
            Self::Model => "a model as \"provider/model\"".to_owned(),
            Self::Choice(words) => {
                format!("one of {}", words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", "))
            }
            Self::Rules => "a list of texts like [\"bash:git *\"]".to_owned(),
            Self::Hosts => "a list of hosts like [\"example.org\", \"*.example.org\"]".to_owned(),
            Self::Size => "a size with its unit, like \"64KiB\", \"1MiB\" or \"20000tokens\"".to_owned(),
        }
    }

    /// A value as a person writes it on a command line or in a variable: without quotes, lists with commas.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self {
            Self::Switch => match text {
                "true" | "1" | "yes" | "on" => Ok(Value::Switch(true)),
                "false" | "0" | "no" | "off" => Ok(Value::Switch(false)),
                _ => Err(self.wrong()),
            },
            Self::Rules | Self::Hosts => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| self.item(item)).collect::<Result<_, _>>().map(Value::List)
            }
            _ => self.of_text(text),
        }
    }

    /// A value as it stands in the file.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse_toml(self, text: &str) -> Result<Value, String> {
        self.of_toml(&text.parse::<Toml>().map_err(|error| error.to_string())?)
    }

    /// A value as it stands in JSON: as in the file.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse_json(self, value: &serde_json::Value) -> Result<Value, String> {
        use serde_json::Value as Json;
        match (self, value) {
            (Self::Switch, Json::Bool(on)) => Ok(Value::Switch(*on)),
            (Self::Rules | Self::Hosts, Json::Array(list)) => {
                let text = |item: &Json| item.as_str().ok_or_else(|| self.wrong()).map(str::to_owned);
                let texts = list.iter().map(|item| text(item).and_then(|text| self.item(&text)));
                texts.collect::<Result<_, _>>().map(Value::List)
            }
            (Self::Switch | Self::Rules | Self::Hosts, _) => Err(self.wrong()),
            (_, Json::String(text)) => self.of_text(text),
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn of_toml(self, value: &Toml) -> Result<Value, String> {
        match (self, value) {
            (Self::Switch, Toml::Boolean(on)) => Ok(Value::Switch(*on.value())),
            (Self::Switch, _) => Err(self.wrong()),
            (Self::Rules | Self::Hosts, Toml::Array(list)) => {
                let text = |item: &Toml| item.as_str().ok_or_else(|| self.wrong()).map(str::to_owned);
                let texts = list.iter().map(|item| text(item).and_then(|text| self.item(&text)));
                texts.collect::<Result<_, _>>().map(Value::List)
            }
            (Self::Rules | Self::Hosts, _) => Err(self.wrong()),
            (_, Toml::String(text)) => self.of_text(text.value()),
            _ => Err(self.wrong()),
        }
    }

    fn of_text(self, text: &str) -> Result<Value, String> {
        let good = match self {
            Self::Duration => return duration(text).map(Value::Duration).ok_or_else(|| self.wrong()),
            Self::Url => Url::parse(text).is_ok_and(|url| url.has_host()),
            Self::Model => text.parse::<ModelRef>().is_ok(),
            Self::Choice(words) => words.contains(&text),
            Self::Size => size(text).is_some(),
            _ => !text.is_empty() && !text.contains(['\n', '\0']),
        };
        if good { Ok(Value::Text(text.to_owned())) } else { Err(self.wrong()) }
    }

    /// One item of a list.
    fn item(self, text: &str) -> Result<String, String> {
        if self == Self::Hosts { host(text) } else { rule(text) }
    }

    fn wrong(self) -> String {
        format!("expected {}", self.expected())
    }
}

impl Value {
    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn to_toml(&self) -> Toml {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Switch(on) => (*on).into(),
            Self::Duration(duration) => shown(*duration).into(),
            Self::List(items) => items.iter().map(String::as_str).collect::<toml_edit::Array>().into(),
        }
    }

    /// The value for programs.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Switch(on) => (*on).into(),
            Self::Duration(duration) => shown(*duration).into(),
            Self::List(items) => items.as_slice().into(),
        }
    }

    /// The same without a password that an address holds.
    #[must_use]
    pub fn without_password(&self) -> Self {
        let Self::Text(text) = self else { return self.clone() };
        match Url::parse(text) {
            Ok(mut url) if url.password().is_some() => {
                // Only addresses without a host have no place for one.
                url.set_password(Some("***")).ok();
                Self::Text(url.to_string())
            }
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Value {
    /// As a person would write it, one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Switch(on) => write!(f, "{on}"),
            Self::Duration(duration) => f.write_str(&shown(*duration)),
            Self::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

/// A rule is kept as it was written; only its form is checked.
fn rule(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((action, _)) if !action.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(format!("\"{text}\" is no rule; expected action:pattern, like \"bash:git *\"")),
    }
}

/// A host with or without a port; `*.` before it means those below it.
fn host(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let good = Url::parse(&format!("http://{name}/")).is_ok_and(|url| {
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
    });
    let plain = !name.is_empty()
        && !name.contains(['*', '/', '@', '?', '#', '\\'])
        && !name.contains(char::is_whitespace);
    if good && plain {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is no host; expected example.org or *.example.org"))
    }
}

const SIZES: [(&str, usize); 4] = [("B", 1), ("KiB", 1024), ("MiB", 1024 * 1024), ("tokens", 4)];

/// The bytes of a size.
pub(super) fn size(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = (text[..digits].parse::<usize>().ok()?, text[digits..].trim());
    let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim());
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor).map(Duration::from_millis)
}

fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (unit, factor) = UNITS
        .iter()
        .rev()
        .find(|(_, factor)| millis > 0 && millis.is_multiple_of(u128::from(*factor)))
        .unwrap_or(&UNITS[1]);
    format!("{}{unit}", millis / u128::from(*factor))
}

/// The path with the home in place of `~`.
pub(super) fn expand(text: &str, home: Option<PathBuf>) -> PathBuf {
    match (text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(['/', '\\'])), home) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches(['/', '\\'])),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_need_a_unit() {
        for (text, millis) in
            [("0s", 0), ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("2 h", 7_200_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "1.5s", "-1s", "5 days", "99999999999999999999s", "99999999999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_need_a_unit_and_hosts_are_no_addresses() {
        for (text, bytes) in [("64KiB", 65_536), ("1 MiB", 1_048_576), ("10tokens", 40), ("7B", 7)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "5", "KiB", "-1B", "1kb", "99999999999999999999B", "9999999999999999999MiB"] {
            assert_eq!(size(text), None, "{text}");
        }
        for text in ["example.org", "example.org:8080", "*.example.org", "10.0.0.1", "[::1]:80"] {
            assert!(host(text).is_ok(), "{text}");
        }
        for text in
            ["", "*", "http://example.org", "example.org/x", "me@example.org", "a b", "*.*", "x#", "x?y"]
        {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let value = Kind::Url.parse("http://me:hunter2@host:1/").unwrap();
        assert_eq!(value.without_password().to_string(), "http://me:***@host:1/");
    }

    #[test]
    fn a_tilde_is_the_home_only_at_the_beginning_of_a_path() {
        let home = || Some(PathBuf::from("/home/me"));
        assert_eq!(expand("~/x", home()), PathBuf::from("/home/me/x"));
        assert_eq!(expand("~", home()), PathBuf::from("/home/me/"));
        for text in ["/a/~", "~other/x", "x"] {
            assert_eq!(expand(text, home()), PathBuf::from(text));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_into_a_file_is_read_back(millis in 0_u64..10_000_000_000, word in "[^\u{0}\r\n]{1,40}") {
            let duration = Value::Duration(Duration::from_millis(millis));
            prop_assert_eq!(Kind::Duration.of_toml(&duration.to_toml()), Ok(duration));
            let list = Value::List(vec![format!("bash:{word}")]);
            prop_assert_eq!(Kind::Rules.parse_toml(&list.to_toml().to_string()), Ok(list));
            let text = Value::Text(word);
            prop_assert_eq!(Kind::Text.parse_toml(&text.to_toml().to_string()), Ok(text));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,60}") {
            for kind in [Kind::Text, Kind::Url, Kind::Path, Kind::Switch, Kind::Duration, Kind::Model, Kind::Rules, Kind::Hosts, Kind::Size] {
                let _ = (kind.parse(&text), kind.parse_toml(&text));
            }
        }
    }
}
