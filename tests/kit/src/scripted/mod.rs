//! A model that follows a script: OpenAI-compatible chat completions on loopback, streaming or not.
//!
//! A [`Behaviour`] lists conversations; the first whose pattern matches the text of the last user message is
//! played. What turn it is, is read from the request (the assistant messages after that user message), so a retried
//! request gets the same turn again; only `attempts` count how often that very request came.
//!
//! ```
//! # async fn story() -> std::io::Result<()> {
//! use opencode_nexus_testkit::scripted::{Behaviour, ScriptedModel};
//! let behaviour: Behaviour = serde_json::from_str(
//!     r#"{"conversations": [{"match": "", "turns": [[{"text": "You said: {{user}}"}]]}]}"#,
//! )?;
//! let model = ScriptedModel::start(behaviour).await?;
//! println!("{}", model.url());
//! # Ok(()) }
//! ```

mod behaviour;
mod reply;
mod request;
mod serve;
mod words;

pub use behaviour::{Action, Attempts, Behaviour, Conversation, Defaults, Turn};
pub use request::SeenRequest;
pub use serve::ScriptedModel;

/// The content of an `opencode.json` that makes `model` the only provider: model `scripted/scripted`.
///
/// Sharing, updates and the network are off. `permission` is what OpenCode accepts under that key, for example
/// `{"bash": "ask", "edit": "ask"}`.
pub fn server_config(model: &ScriptedModel, permission: serde_json::Value) -> serde_json::Value {
    let models: serde_json::Map<String, serde_json::Value> = model
        .models()
        .iter()
        .map(|name| {
            let description = serde_json::json!({
                "name": format!("Scripted model {name}"),
                "reasoning": true,
                "tool_call": true,
                "limit": {"context": 200_000, "output": 32_000},
                "cost": {"input": 1, "output": 2},
            });
            (name.clone(), description)
        })
        .collect();
    let first = model.models().first().map_or("scripted", String::as_str);
    serde_json::json!({
        "$schema": "https://opencode.ai/config.json",
        "model": format!("scripted/{first}"),
        "small_model": format!("scripted/{first}"),
        "share": "disabled",
        "autoupdate": false,
        "provider": {"scripted": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Scripted",
            "options": {"baseURL": model.url(), "apiKey": "scripted-key"},
            "models": models,
        }},
        "permission": permission,
    })
}
