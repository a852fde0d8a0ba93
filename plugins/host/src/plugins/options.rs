//! With what plugins are opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use opencode_nexus::Result;
use opencode_nexus::config::{PluginSettings, Settings};
use opencode_nexus::extension::Extensions;
use opencode_nexus::folders::{Purpose, data, folder};

/// With what plugins are opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where they are installed: `plugins` in the person's folder for data.
    pub folder: PathBuf,
    /// Where compiled components are kept; `None`: nowhere.
    pub cache: Option<PathBuf>,
    /// The folder that is worked in.
    pub workspace: PathBuf,
    /// Whether any is used.
    pub enabled: bool,
    /// Only this one, enabled or not; for who tries out a plugin. Default: all that are enabled.
    pub only: Option<String>,
    /// What the person has said of each, by identifier.
    pub plugins: BTreeMap<String, PluginSettings>,
    /// Certificates in PEM that plugins believe beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// What they add is provided here, and here they tell the person something.
    pub extensions: Extensions,
}

impl Options {
    /// Those of the person, for a folder that is worked in.
    ///
    /// # Errors
    /// `user.configuration` when the environment names no home.
    pub fn new(workspace: &Path, settings: &Settings, extensions: Extensions) -> Result<Self> {
        Ok(Self {
            folder: data()?.join("plugins"),
            cache: Some(folder(Purpose::Cache)?.join("plugins")),
            workspace: workspace.to_owned(),
            enabled: settings.plugins_enabled,
            only: None,
            plugins: settings.plugins.clone(),
            ca_file: settings.transport.tls.extra_ca.clone(),
            extensions,
        })
    }
}
