//! `nexus config explain`: what a setting means, its value, and who said so.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::config::{Config, Explained, Origin, SETTINGS, Value};
use serde_json::json;

use super::setting;
use crate::output;
use crate::settings::config;

#[derive(clap::Args)]
pub(super) struct Explain {
    /// The setting; without one, all of them.
    key: Option<String>,
}

impl Explain {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        let config = config()?;
        let wanted = match &self.key {
            Some(key) => vec![setting(key)?],
            None => SETTINGS.iter().collect(),
        };
        let all: Vec<Explained> = wanted.into_iter().map(|setting| config.explain(setting)).collect();
        if json {
            let listed: Vec<_> = all.iter().map(as_json).collect();
            let (file, exists) = (config.path(), config.exists());
            let (profile, profiles) = (config.profile(), config.profiles());
            output::print_json(&json!({
                "file": file, "exists": exists, "profile": profile, "profiles": profiles, "settings": listed,
            }));
            return Ok(ExitCode::SUCCESS);
        }
        if self.key.is_none() {
            let missing = if config.exists() { "" } else { " (does not exist; the defaults hold)" };
            output::print_line(&format!("file     {}{missing}", config.path().display()));
            output::print_line(&format!("profile  {}\n", config.profile().unwrap_or("none")));
        }
        let texts: Vec<String> = all.iter().map(|one| as_text(&config, one)).collect();
        output::print_line(&texts.join("\n\n"));
        Ok(ExitCode::SUCCESS)
    }
}

fn as_text(config: &Config, one: &Explained) -> String {
    let setting = one.setting;
    let value = one.value.as_ref().map_or_else(|| "not set".to_owned(), Value::to_string);
    let from = match &one.origin {
        Origin::Default if one.value.is_none() => String::new(),
        Origin::Default => "  (default)".to_owned(),
        Origin::Program => "  (laid over the file)".to_owned(),
        Origin::Environment { variable } => format!("  (environment variable {variable})"),
        Origin::File { profile, place } => {
            let profile = profile.as_ref().map(|p| format!(", profile {p}")).unwrap_or_default();
            format!("  ({}:{}:{}{profile})", config.path().display(), place.line, place.column)
        }
    };
    let mut text = format!(
        "{} = {value}{from}\n  {}\n  Expected: {}. Example: {}. Variable: {}.",
        setting.key,
        setting.about,
        setting.kind.expected(),
        setting.example,
        setting.variable,
    );
    if let Some(key) = setting.on_server {
        text.push_str(&format!(
            "\n  The server's setting with the same meaning: {key} (`nexus config sync`)."
        ));
    }
    text
}

fn as_json(one: &Explained) -> serde_json::Value {
    let origin = match &one.origin {
        Origin::Default => json!({"from": "default"}),
        Origin::Program => json!({"from": "program"}),
        Origin::Environment { variable } => json!({"from": "environment", "variable": variable}),
        Origin::File { profile, place } => {
            json!({"from": "file", "line": place.line, "column": place.column, "profile": profile})
        }
    };
    json!({
        "key": one.setting.key,
        "value": one.value.as_ref().map(Value::to_json),
        "origin": origin,
        "default": one.setting.default,
        "about": one.setting.about,
        "expected": one.setting.kind.expected(),
        "example": one.setting.example,
        "variable": one.setting.variable,
        "on_server": one.setting.on_server,
    })
}
