//! What the person has set for this plugin: `[plugins."ID".settings]` of their configuration, and secrets.

use serde::de::DeserializeOwned;

use crate::bindings::imports::nexus::plugin::config;
use crate::error::{Error, ErrorCode, Result, host};

/// The settings. They have been checked against the schema in the manifest; give every field that is not required there a
/// default (`#[serde(default)]`).
///
/// # Errors
/// `invalid` when the type here does not fit the schema.
pub fn read<T: DeserializeOwned>() -> Result<T> {
    let text: Result<String> = host!("settings", Ok::<_, crate::Error>(config::get_json()));
    serde_json::from_str(&text?).map_err(|error| {
        Error::invalid(format!("the settings do not fit: {error}"))
            .with_hint("see `nexus plugin info` for what may be set")
    })
}

/// A secret by the name that the manifest gives it.
///
/// # Errors
/// `denied` when nobody has given it.
pub fn secret(name: &str) -> Result<String> {
    let found: Result<Option<String>> = host!("secret", Ok::<_, crate::Error>(config::secret(name)));
    found?.ok_or_else(|| {
        Error::new(ErrorCode::Denied, format!("the secret {name} was not given"))
            .with_hint("give it with `nexus plugin secret`")
    })
}
