//! The person's settings, read once: by `--config` and `--profile`, which every command takes. An editor can lay its own over
//! the file while it runs.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use opencode_nexus::Result;
use opencode_nexus::config::{Config, Settings};

/// What every command takes.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ConfigArguments {
    /// The configuration file; otherwise opencode-nexus/config.toml in your folder for configuration.
    #[arg(long, value_name = "FILE", env = "NEXUS_CONFIG", global = true, help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// The profile of the configuration to use.
    #[arg(long, value_name = "NAME", env = "NEXUS_PROFILE", global = true, help_heading = "Configuration")]
    profile: Option<String>,
}

static ARGUMENTS: OnceLock<ConfigArguments> = OnceLock::new();
static SETTINGS: RwLock<Option<Arc<Settings>>> = RwLock::new(None);

/// Called once, before any command runs.
pub(crate) fn choose(arguments: ConfigArguments) {
    ARGUMENTS.get_or_init(|| arguments);
}

/// The profile that was named for this call, by an argument or a variable.
pub(crate) fn named_profile() -> Option<&'static str> {
    ARGUMENTS.get()?.profile.as_deref()
}

/// The configuration as it stands, whatever is wrong in it.
///
/// # Errors
/// Those of [`Config::load`].
pub(crate) fn config() -> Result<Config> {
    let ConfigArguments { config, profile } = ARGUMENTS.get().cloned().unwrap_or_default();
    Config::load(config.as_deref(), profile.as_deref())
}

/// The settings that hold.
///
/// # Errors
/// Those of [`Config::load`] and [`Config::settings`].
pub(crate) fn settings() -> Result<Arc<Settings>> {
    let known = SETTINGS.read().unwrap_or_else(PoisonError::into_inner).clone();
    match known {
        Some(settings) => Ok(settings),
        None => Ok(hold(config()?.settings()?)),
    }
}

/// From now on these hold.
pub(crate) fn hold(settings: Settings) -> Arc<Settings> {
    let settings = Arc::new(settings);
    *SETTINGS.write().unwrap_or_else(PoisonError::into_inner) = Some(settings.clone());
    settings
}
