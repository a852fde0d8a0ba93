//! What a plugin says of itself: `plugin.toml`.
//!
//! It is read in two steps. The first looks only at `schema` and `api`: a manifest of a time to come may hold what this host
//! does not know, and is refused for its age, not for that. The second knows every key, and refuses all others.

mod check;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use opencode_nexus::Result;
use serde::{Deserialize, Serialize};

use crate::permissions::Permissions;

pub use self::check::{is_id, is_safe_path};

/// The format of manifests that this host reads.
pub const SCHEMA: u32 = 1;
/// The newest version of the plugin interface that this host has.
pub const API: &str = "0.1";
/// A manifest is not larger, in bytes.
pub const LARGEST: usize = 256 << 10;

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
    /// How it is run as a frontend.
    #[serde(default, skip_serializing_if = "FrontendRules::is_default")]
    pub frontend: FrontendRules,
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

/// How a frontend is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FrontendRules {
    /// It runs in one program at a time, however many are open for the same server and folder: what it sends is sent once. For a
    /// plugin that is only a frontend, without pages and terminal. Default: it runs in each of them.
    pub once: bool,
}

impl FrontendRules {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
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
    /// `user.invalid_input` with the line and what would be right; `system.newer_format` for a format or an interface that
    /// only a newer host has.
    pub fn parse(text: &str) -> Result<Self> {
        check::age(text)?;
        let manifest: Self = toml::from_str(text).map_err(|error| check::not_toml(text, &error))?;
        manifest.check().map_err(|wrong| wrong.at(text))?;
        manifest.permissions.validate()?;
        Ok(manifest)
    }

    /// As TOML, as it stands in an archive.
    ///
    /// # Errors
    /// `user.invalid_input` when something in it cannot be written as TOML: a null in the schema of the settings.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self)
            .map_err(|error| check::wrong(format!("it cannot be written as TOML: {error}")))
    }

    /// The version, to be compared with others.
    ///
    /// # Errors
    /// `user.invalid_input` when it is none; not after [`Self::parse`].
    pub fn semver(&self) -> Result<semver::Version> {
        semver::Version::parse(&self.version)
            .map_err(|error| check::wrong(format!("its version is none: {error}")))
    }
}

impl Settings {
    /// Checks `[plugins.ID.settings]`. Without a schema only an empty table is right.
    ///
    /// # Errors
    /// `user.configuration` with the place and what would be right.
    pub fn check(&self, settings: &serde_json::Value) -> Result<()> {
        check::settings(self, settings)
    }
}
