//! What the file says of each plugin: `[plugins."acme.jira"]`, and its own settings below. Pure.
//!
//! Names of plugins have a dot in them, names of settings here do not, so both stand in the table `plugins`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use toml_edit::{Item, TableLike, Value as Toml};

/// The table with the plugins.
pub(super) const PLUGINS: &str = "plugins";

/// The fields, with what a person should write.
const FIELDS: &[(&str, &str)] = &[
    ("enabled", "true or false"),
    ("grant", "\"all\", or a list of permissions like [\"http\", \"workspace-read\"]"),
    ("must_agree", "true or false"),
    ("settings", "a table with the plugin's own settings"),
];

/// What a person has said of one plugin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginSettings {
    /// Whether it is used; `None`: as it was installed.
    pub enabled: Option<bool>,
    /// The permissions that are granted without being asked: their names, or `all`. `None`: what was granted otherwise.
    pub grant: Option<Vec<String>>,
    /// Whether prompts may not be sent when its hook fails. Default false.
    pub must_agree: bool,
    /// `[plugins."ID".settings]`, for the plugin.
    pub settings: Map<String, Json>,
}

/// One table of a plugin as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PluginEntry {
    /// The profile to which it belongs; `None`: to all.
    pub profile: Option<String>,
    pub id: String,
    enabled: Option<bool>,
    grant: Option<Vec<String>>,
    must_agree: Option<bool>,
    settings: Map<String, Json>,
}

/// Something wrong in such a table: which field, and what is expected.
pub(super) struct WrongField<'a> {
    pub name: &'a str,
    pub message: String,
    pub hint: String,
}

impl PluginEntry {
    /// Reads a table; what is wrong is told, and the rest counts.
    pub(super) fn read<'a>(
        id: &str,
        profile: Option<&str>,
        table: &'a dyn TableLike,
    ) -> (Self, Vec<WrongField<'a>>) {
        let mut entry = Self { id: id.to_owned(), profile: profile.map(str::to_owned), ..Self::default() };
        let mut wrong = Vec::new();
        for (name, item) in table.iter() {
            if let Some(expected) = entry.field(name, item) {
                let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
                wrong.push(match expected {
                    Some(expected) => WrongField {
                        name,
                        message: format!("expected {expected}"),
                        hint: format!("what a plugin may do is shown by `nexus plugin info {id}`"),
                    },
                    None => WrongField {
                        name,
                        message: "a plugin has no such field".to_owned(),
                        hint: format!(
                            "there are: {}; its own settings stand in [{PLUGINS}.\"{id}\".settings]",
                            names.join(", ")
                        ),
                    },
                });
            }
        }
        (entry, wrong)
    }

    /// Takes a field. What it gives is wrong: `None` inside for a field that there is not, else what is expected.
    fn field(&mut self, name: &str, item: &Item) -> Option<Option<&'static str>> {
        let Some((_, expected)) = FIELDS.iter().find(|(known, _)| *known == name) else { return Some(None) };
        let good = match name {
            "enabled" => item.as_bool().map(|on| self.enabled = Some(on)),
            "must_agree" => item.as_bool().map(|on| self.must_agree = Some(on)),
            "grant" => grants(item).map(|names| self.grant = Some(names)),
            _ => item.as_table_like().map(|table| self.settings = object(table)),
        };
        if good.is_some() { None } else { Some(Some(expected)) }
    }
}

/// What holds of each plugin: what a profile says is laid over the rest, field by field.
pub(super) fn holding(entries: &[PluginEntry], profile: Option<&str>) -> BTreeMap<String, PluginSettings> {
    let mut all: BTreeMap<String, PluginSettings> = BTreeMap::new();
    let general = entries.iter().filter(|entry| entry.profile.is_none());
    let special =
        entries.iter().filter(|entry| entry.profile.is_some() && entry.profile.as_deref() == profile);
    for entry in general.chain(special) {
        let known = all.entry(entry.id.clone()).or_default();
        known.enabled = entry.enabled.or(known.enabled);
        known.grant = entry.grant.clone().or(known.grant.take());
        known.must_agree = entry.must_agree.unwrap_or(known.must_agree);
        known.settings.extend(entry.settings.clone());
    }
    all
}

fn grants(item: &Item) -> Option<Vec<String>> {
    match item.as_value()? {
        Toml::String(word) if word.value() == "all" => Some(vec!["all".to_owned()]),
        Toml::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn object(table: &dyn TableLike) -> Map<String, Json> {
    table.iter().map(|(name, item)| (name.to_owned(), json(item))).collect()
}

/// A value as JSON; times are texts.
fn json(item: &Item) -> Json {
    match item {
        Item::Value(value) => json_of(value),
        Item::Table(table) => Json::Object(object(table)),
        Item::ArrayOfTables(tables) => tables.iter().map(|table| Json::Object(object(table))).collect(),
        Item::None => Json::Null,
    }
}

fn json_of(value: &Toml) -> Json {
    match value {
        Toml::String(text) => text.value().as_str().into(),
        Toml::Integer(number) => (*number.value()).into(),
        Toml::Float(number) => (*number.value()).into(),
        Toml::Boolean(on) => (*on.value()).into(),
        Toml::Datetime(time) => time.value().to_string().into(),
        Toml::Array(list) => list.iter().map(json_of).collect(),
        Toml::InlineTable(table) => Json::Object(object(table)),
    }
}
