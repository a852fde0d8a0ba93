//! `config`: what the person has set for a plugin, and secrets by name.

use secrecy::ExposeSecret as _;

use super::HostState;
use super::call::blocking;
use super::failure::from_sdk;
use super::wit::config::Host;

/// What a secret was asked with, as the audit log and the person see it.
const CALL: &str = "config.secret";

impl Host for HostState {
    async fn get_json(&mut self) -> wasmtime::Result<String> {
        Ok(match &*self.caller.settings {
            serde_json::Value::Null => "{}".to_owned(),
            settings => settings.to_string(),
        })
    }

    async fn secret(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        if !self.caller.rights.granted().secrets.contains(&name) {
            // The interface has no failure here: the person is told, the plugin has none.
            self.denied(CALL, "secrets", &name);
            return Ok(None);
        }
        self.allowed(CALL, &name);
        let secrets = self.caller.access.secrets.clone();
        let read = blocking(self.remaining(), "a secret", move || {
            secrets.get(&name).map_err(|error| from_sdk(&error))
        });
        match read.await {
            Ok(secret) => Ok(secret.map(|secret| secret.expose_secret().to_owned())),
            Err(error) => {
                let plugin = &self.caller.plugin;
                tracing::warn!(target: "plugin", %plugin, hint = error.hint, "{}", error.message);
                Ok(None)
            }
        }
    }
}
