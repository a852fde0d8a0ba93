//! `nexus config get`, `set` and `unset`.

use std::process::ExitCode;

use opencode_nexus::config::{SETTINGS, Value, edit};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use super::setting;
use crate::output;
use crate::settings::{config, named_profile};

#[derive(clap::Args)]
pub(super) struct Get {
    /// The setting; without one, all that are set.
    key: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Set {
    /// The setting.
    key: String,
    /// The value; a list takes several.
    #[arg(required = true, allow_hyphen_values = true)]
    value: Vec<String>,
    /// The profile that gets the value, made when it is missing; otherwise the value holds for all.
    #[arg(long = "in", value_name = "PROFILE")]
    profile: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Unset {
    /// The setting.
    key: String,
    /// The profile that loses the value.
    #[arg(long = "in", value_name = "PROFILE")]
    profile: Option<String>,
}

impl Get {
    /// Exit code 1 when a setting has no value, as `git config` does.
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        let config = config()?;
        let Some(key) = self.key else {
            let set: Vec<_> =
                SETTINGS.iter().map(|s| config.explain(s)).filter(|e| e.value.is_some()).collect();
            if json {
                let pairs = set
                    .iter()
                    .map(|e| (e.setting.key.to_owned(), e.value.as_ref().map(Value::to_json).into()));
                output::print_json(&serde_json::Value::Object(pairs.collect()));
            } else {
                set.iter().for_each(|e| {
                    let value = e.value.as_ref().map(Value::to_string).unwrap_or_default();
                    output::print_line(&format!("{} = {value}", e.setting.key));
                });
            }
            return Ok(ExitCode::SUCCESS);
        };
        let value = config.explain(setting(&key)?).value;
        match (&value, json) {
            (_, true) => {
                output::print_json(&json!({ "key": key, "value": value.as_ref().map(Value::to_json) }))
            }
            (Some(value), false) => output::print_line(&value.to_string()),
            (None, false) => {}
        }
        Ok(if value.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

impl Set {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        let setting = setting(&self.key)?;
        let text = self.value.join(if setting.key.starts_with("permission.") { "," } else { " " });
        let value = setting.kind.parse(&text).map_err(|why| {
            Error::new(ErrorKind::InvalidInput, format!("{} cannot be `{text}`: {why}", setting.key))
                .with_hint(format!("for example {}", setting.example))
        })?;
        change(setting, self.profile, Some(&value), json)
    }
}

impl Unset {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        change(setting(&self.key)?, self.profile, None, json)
    }
}

fn change(
    setting: &'static opencode_nexus::config::Setting,
    profile: Option<String>,
    value: Option<&Value>,
    json: bool,
) -> Result<ExitCode> {
    if setting.key == "profile" && profile.is_some() {
        return Err(Error::new(ErrorKind::InvalidInput, "a profile cannot choose another one")
            .with_hint("leave --in away"));
    }
    // `--profile` chooses what is read; writing into a profile is said by `--in`, so that nobody does it unawares.
    if let (Some(named), None) = (named_profile(), &profile) {
        tracing::info!(profile = named, "the value is written for all profiles; --in writes into one");
    }
    let path = match config() {
        Ok(config) => config.path().to_owned(),
        // The profile that is named may be the one that is about to be made.
        Err(error) if profile.is_none() => return Err(error),
        Err(_) => opencode_nexus::config::default_path()?,
    };
    edit::set(&path, profile.as_deref(), setting, value)?;
    let shown = value.map(|v| if setting.secret { v.without_password() } else { v.clone() });
    if json {
        output::print_json(&json!({
            "ok": true, "file": path, "key": setting.key, "profile": profile,
            "value": shown.as_ref().map(Value::to_json),
        }));
    } else {
        match shown {
            Some(value) => eprintln!("{} = {value}  ({})", setting.key, path.display()),
            None => eprintln!("{} is not set any more  ({})", setting.key, path.display()),
        }
        if let Ok(Some(_)) = std::env::var(setting.variable).map(|v| (!v.is_empty()).then_some(v)) {
            eprintln!("note: the environment variable {} wins over it", setting.variable);
        }
    }
    Ok(ExitCode::SUCCESS)
}
