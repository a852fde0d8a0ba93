//! All settings with their types, as the rest of the program uses them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Config;
use super::path::home;
use super::plugins::{PluginSettings, holding};
use super::value::{Value, expand, size};
use crate::chat::{AskPolicy, Decision};
use crate::context::Budget;
use crate::model::ModelRef;
use crate::transport::{TlsMinimum, TransportConfig};

/// The values that hold. [`SETTINGS`](super::SETTINGS) tells what they mean.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `model`
    pub model: Option<ModelRef>,
    /// `agent`
    pub agent: Option<String>,
    /// `server.url`; may hold a password.
    pub server_url: Option<String>,
    /// `server.name`
    pub server_name: Option<String>,
    /// `server.binary`
    pub server_binary: Option<PathBuf>,
    /// `server.start`
    pub server_start: bool,
    /// `server.start_timeout`
    pub server_start_timeout: Duration,
    /// `permission.*`: rules, what holds without one, and how long a person has.
    pub policy: AskPolicy,
    /// `context.hosts`
    pub context_hosts: Vec<String>,
    /// `context.limit` and `context.item_limit`
    pub context_budget: Budget,
    /// `plugins.enabled`
    pub plugins_enabled: bool,
    /// `plugins.index`: a path or an address.
    pub plugins_index: Option<String>,
    /// `plugins.index_key`: the public key that must have signed it.
    pub plugins_index_key: Option<String>,
    /// `[plugins."ID"]`, by identifier.
    pub plugins: BTreeMap<String, PluginSettings>,
    /// `history.enabled`: `auto`, `on` or `off`.
    pub history: String,
    /// `account.name`
    pub account: Option<String>,
    /// `account.keyring`: `auto`, `none`, `secret-service` or `kernel`.
    pub keyring: String,
    /// `network.*`, over the defaults of [`TransportConfig`].
    pub transport: TransportConfig,
    /// `terminal.colour`: `auto`, `always` or `never`.
    pub colour: String,
    /// `editor.inline`
    pub inline: bool,
    /// `editor.inline_model`
    pub inline_model: Option<ModelRef>,
    /// `log.level`
    pub log_level: String,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Self {
        let path = |key: &str| config.text(key).map(|text| expand(&text, home()));
        let text = |key: &str| config.text(key).unwrap_or_default();
        let duration = |key: &str| match config.value(key) {
            Some(Value::Duration(duration)) => duration,
            // Every time has a default.
            _ => Duration::ZERO,
        };
        Self {
            model: config.text("model").and_then(|text| text.parse().ok()),
            agent: config.text("agent"),
            server_url: config.text("server.url"),
            server_name: config.text("server.name"),
            server_binary: path("server.binary"),
            server_start: config.value("server.start") == Some(Value::Switch(true)),
            server_start_timeout: duration("server.start_timeout"),
            policy: policy(config, duration("permission.timeout")),
            context_hosts: match config.value("context.hosts") {
                Some(Value::List(hosts)) => hosts,
                _ => Vec::new(),
            },
            context_budget: budget(config),
            plugins_enabled: config.value("plugins.enabled") == Some(Value::Switch(true)),
            plugins_index: config.text("plugins.index"),
            plugins: holding(&config.contents.plugins, config.profile()),
            plugins_index_key: config.text("plugins.index_key"),
            history: text("history.enabled"),
            account: config.text("account.name"),
            keyring: text("account.keyring"),
            transport: transport(config, path, duration),
            colour: text("terminal.colour"),
            inline: config.value("editor.inline") == Some(Value::Switch(true)),
            inline_model: config.text("editor.inline_model").and_then(|text| text.parse().ok()),
            log_level: text("log.level"),
        }
    }
}

fn budget(config: &Config) -> Budget {
    let otherwise = Budget::default();
    let bytes = |key: &str, otherwise| config.text(key).and_then(|text| size(&text)).unwrap_or(otherwise);
    Budget {
        bytes: bytes("context.limit", otherwise.bytes),
        item_bytes: bytes("context.item_limit", otherwise.item_bytes),
        ..otherwise
    }
}

/// What is denied wins, so it comes last: the last rule that matches decides.
fn policy(config: &Config, bound: Duration) -> AskPolicy {
    let otherwise = match config.text("permission.default").as_deref() {
        Some("allow") => Decision::Allow,
        Some("deny") => Decision::Deny,
        _ => Decision::Ask,
    };
    let mut policy = AskPolicy { otherwise, bound: Some(bound), ..AskPolicy::default() };
    for (key, decision) in [("permission.allow", Decision::Allow), ("permission.deny", Decision::Deny)] {
        let Some(Value::List(rules)) = config.value(key) else { continue };
        for rule in &rules {
            let (action, pattern) = rule.split_once(':').unwrap_or((rule, "*"));
            policy = policy.with_rule(action, pattern, decision);
        }
    }
    policy
}

fn transport(
    config: &Config,
    path: impl Fn(&str) -> Option<PathBuf>,
    duration: impl Fn(&str) -> Duration,
) -> TransportConfig {
    let mut transport = TransportConfig { proxy: config.text("network.proxy"), ..TransportConfig::default() };
    transport.tls.extra_ca = path("network.ca_file");
    transport.tls.client_identity = path("network.client_identity");
    if config.text("network.tls_minimum").as_deref() == Some("1.2") {
        transport.tls.minimum = TlsMinimum::Tls12;
    }
    transport.timeouts.connect = duration("network.connect_timeout");
    transport.timeouts.head = duration("network.answer_timeout");
    transport
}
