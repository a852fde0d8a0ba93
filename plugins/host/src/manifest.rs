//! What a plugin says of itself: `plugin.toml`.

use std::collections::BTreeMap;

use opencode_nexus::Result;
use serde::{Deserialize, Serialize};

use crate::permissions::Permissions;

/// The manifest, format 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// The format of this file: 1.
    pub schema: u32,
    /// `publisher.name`, lower case letters, digits and hyphens.
    pub id: String,
    /// Semantic version (2.0.0).
    pub version: String,
    /// The version of the plugin interface that it was built for: `0.1`.
    pub api: String,
    /// One line for a person.
    pub summary: String,
    /// What it is.
    pub worlds: Vec<World>,
    /// The component, relative to the manifest. Default `plugin.wasm`.
    #[serde(default = "default_wasm")]
    pub wasm: String,
    /// SHA-256 of the component in hexadecimal. `nexus plugin build` writes it into the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What it would like to have more of.
    #[serde(default)]
    pub limits: LimitRequests,
    /// What it asks for.
    #[serde(default)]
    pub permissions: Permissions,
    /// Its settings.
    #[serde(default)]
    pub settings: Settings,
    /// Where it comes from and who may use it how; shown only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}

fn default_wasm() -> String {
    "plugin.wasm".to_owned()
}

/// What a plugin can be; one plugin may be several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Gives context for prompts.
    ContextProvider,
    /// Adds commands.
    Command,
    /// Sees prompts before they are sent.
    Hook,
    /// Shows conversations.
    Frontend,
}

/// What a plugin would like to have; the person's caps stand above it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LimitRequests {
    /// All of its memories and tables together, in MiB. Default 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
}

/// Settings of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// JSON Schema (2020-12) of `[plugins.ID.settings]`; without one a plugin has no settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
}

impl Manifest {
    /// Reads a manifest, and checks everything that can be checked without the component.
    ///
    /// # Errors
    /// `user.invalid_input` with the place and what would be right; `system.newer_format` for a format or an interface that
    /// only a newer host has.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            opencode_nexus::Error::new(opencode_nexus::ErrorKind::InvalidInput, error.to_string())
        })
    }
}
