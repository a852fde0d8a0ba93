//! `nexus config sync`: the settings that client and server both have, made the same in the direction that is named.

use std::process::ExitCode;

use opencode_nexus::config::{SETTINGS, Setting, edit};
use opencode_nexus::model::ServerConfiguration;
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::server::{Consent, apply};
use crate::connect::ServerArguments;
use crate::output;
use crate::settings::config;

#[derive(clap::Args)]
pub(super) struct Sync {
    /// The server gets the client's values.
    #[arg(long, conflicts_with = "from_server")]
    to_server: bool,
    /// The client gets the server's values.
    #[arg(long)]
    from_server: bool,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    server: ServerArguments,
}

/// A setting on both sides.
struct Pair {
    setting: &'static Setting,
    here: Option<String>,
    there: Option<String>,
}

impl Sync {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let connected = self.server.connect().await?;
        let pairs = pairs(&connected.client.configuration().await?)?;
        let different: Vec<&Pair> = pairs.iter().filter(|pair| pair.here != pair.there).collect();
        let code = if different.is_empty() {
            say(&different, json, false);
            Ok(ExitCode::SUCCESS)
        } else if self.to_server {
            let fields = different.iter().filter_map(|pair| {
                // What the client does not set is the server's to say.
                Some((pair.setting.on_server?.to_owned(), Value::from(pair.here.clone()?)))
            });
            apply(&connected.client, &Value::Object(fields.collect()), self.consent, json).await
        } else if self.from_server {
            self.take(&different, json)
        } else {
            say(&different, json, false);
            Err(Error::new(ErrorKind::InvalidInput, "client and server differ, and no direction was named")
                .with_hint("give --to-server or --from-server"))
        };
        connected.close().await?;
        code
    }

    fn take(&self, different: &[&Pair], json: bool) -> Result<ExitCode> {
        let path = config()?.path().to_owned();
        for pair in different.iter().filter(|_| !self.consent.dry_run()) {
            let Some(text) = &pair.there else { continue };
            let value = pair.setting.kind.parse(text).map_err(|why| {
                let message = format!("the server's {} does not fit here: {why}", pair.setting.key);
                Error::new(ErrorKind::Configuration, message).with_hint("set it by `nexus config set`")
            })?;
            edit::set(&path, None, pair.setting, Some(&value))?;
        }
        say(different, json, !self.consent.dry_run());
        Ok(ExitCode::SUCCESS)
    }
}

fn pairs(server: &ServerConfiguration) -> Result<Vec<Pair>> {
    let config = config()?;
    // A file that is half wrong is not half spread either.
    config.settings()?;
    let there = |setting: &Setting| match setting.key {
        "model" => server.model.as_ref().map(ToString::to_string),
        "agent" => server.agent.clone(),
        _ => None,
    };
    let both = SETTINGS.iter().filter(|s| s.on_server.is_some());
    Ok(both
        .map(|setting| Pair {
            setting,
            here: config.explain(setting).value.map(|value| value.to_string()),
            there: there(setting),
        })
        .collect())
}

fn say(different: &[&Pair], json: bool, applied: bool) {
    if json {
        let listed: Vec<_> = different
            .iter()
            .map(|pair| json!({"key": pair.setting.key, "client": pair.here, "server": pair.there}))
            .collect();
        output::print_json(&json!({"ok": true, "different": listed, "applied": applied}));
        return;
    }
    if different.is_empty() {
        eprintln!("client and server agree");
    }
    for pair in different {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
        let (here, there) = (shown(&pair.here), shown(&pair.there));
        output::print_line(&format!("{}: {here} here, {there} on the server", pair.setting.key));
    }
    if applied {
        eprintln!("the client has the server's values now");
    }
}
