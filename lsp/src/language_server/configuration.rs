//! The settings of the editor: its section `nexus`, with the names of the configuration file, laid over that file. A value
//! that is none is told to the person, and the others hold.

use std::sync::Arc;

use opencode_nexus::config::{Setting, Settings};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types::{
    ConfigurationItem, ConfigurationParams, ConfigurationRequest, DidChangeConfigurationParams, Registration,
    RegistrationParams, RegistrationRequest,
};

use super::backend::Backend;
use super::editor::PROMPTLY;
use crate::settings::{self, settings};

/// The section of the editor's settings.
const SECTION: &str = "nexus";

/// Reads the section, and asks to be told when it changes. Until this is done no server is looked for, because the settings
/// may say which one.
pub(crate) async fn begin(backend: Backend) {
    let capabilities = backend.editor.capabilities();
    if capabilities.configuration {
        read(&backend).await;
    }
    backend.roots.configured();
    if capabilities.register_configuration {
        let registration = Registration {
            id: "nexus-configuration".to_owned(),
            method: "workspace/didChangeConfiguration".to_owned(),
            register_options: Some(json!({ "section": SECTION })),
        };
        let params = RegistrationParams { registrations: vec![registration] };
        if let Err(error) = backend.editor.ask::<RegistrationRequest>(params, PROMPTLY).await {
            tracing::warn!(%error, "changes of the settings will not be told");
        }
    }
}

/// `workspace/didChangeConfiguration`: editors that can be asked send nothing of use along.
pub(crate) async fn did_change(backend: &Backend, params: DidChangeConfigurationParams) {
    let backend = backend.clone();
    tokio::spawn(async move {
        match backend.editor.capabilities().configuration {
            true => read(&backend).await,
            false => take(&backend, params.settings.get(SECTION).unwrap_or(&params.settings)).await,
        }
    });
}

async fn read(backend: &Backend) {
    let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
    let params = ConfigurationParams { items: vec![item] };
    match backend.editor.ask::<ConfigurationRequest>(params, PROMPTLY).await {
        Ok(sections) => take(backend, sections.first().unwrap_or(&Value::Null)).await,
        Err(error) => tracing::warn!(%error, "the settings of the editor could not be read"),
    }
}

/// Takes the settings of the editor over. A server that they do not mean any more is let go.
pub(crate) async fn take(backend: &Backend, section: &Value) {
    let before = settings();
    match laid_over(section) {
        Ok((settings, wrong)) => {
            let now = settings::hold(settings);
            if let Some(error) = wrong {
                backend.editor.show_error(&error).await;
            }
            if before.is_ok_and(|before| server(&before) != server(&now)) {
                backend.roots.let_go().await;
            }
        }
        Err(error) => backend.editor.show_error(&error).await,
    }
}

/// What says which server is used.
fn server(settings: &Arc<Settings>) -> impl PartialEq {
    let Settings { server_url, server_name, server_binary, server_start, .. } = &**settings;
    (server_url.clone(), server_name.clone(), server_binary.clone(), *server_start)
}

/// The file with the section over it, and what is wrong in the section.
fn laid_over(section: &Value) -> Result<(Settings, Option<Error>)> {
    let mut config = settings::config()?;
    let mut wrong = Vec::new();
    for (key, value) in flat(section) {
        // An extension has settings of its own in the same section.
        let Some(setting) = Setting::find(&key) else { continue };
        match setting.kind.parse_json(value) {
            Ok(value) => config.lay_over(setting, value),
            Err(expected) => wrong.push(format!("{SECTION}.{key}: {expected}")),
        }
    }
    let error = (!wrong.is_empty()).then(|| {
        Error::new(ErrorKind::Configuration, format!("settings of the editor: {}", wrong.join("; ")))
            .with_hint("correct them in the settings of the editor; what they mean: nexus config explain")
    });
    Ok((config.settings()?, error))
}

/// The values by their names with dots, whether the editor nests them or not. `null` and empty texts say nothing.
fn flat(section: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), section)];
    while let Some((name, value)) = open.pop() {
        match value {
            Value::Object(fields) => open.extend(fields.iter().map(|(field, value)| match name.as_str() {
                "" => (field.clone(), value),
                name => (format!("{name}.{field}"), value),
            })),
            Value::Null => {}
            Value::String(text) if text.trim().is_empty() => {}
            value if !name.is_empty() => found.push((name, value)),
            _ => {}
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_the_editor_nests_them() {
        let section = json!({
            "server": { "url": "http://127.0.0.1:1", "name": null }, "permission.default": "deny", "model": "", "extra": 3,
        });
        let names: Vec<String> = flat(&section).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["extra", "permission.default", "server.url"]);
        assert!(flat(&json!(null)).is_empty() && flat(&json!("text")).is_empty());
    }

    #[test]
    fn a_bad_value_is_told_with_its_name_and_the_others_hold() {
        let section = json!({ "model": "no-slash", "agent": "plan", "server.start": "yes" });
        let (settings, wrong) = laid_over(&section).unwrap();
        assert_eq!(settings.agent.as_deref(), Some("plan"));
        let told = wrong.unwrap().to_string();
        assert!(told.contains("nexus.model") && told.contains("nexus.server.start"), "{told}");
        assert!(!told.contains("no-slash"), "values may be secrets");
    }
}
