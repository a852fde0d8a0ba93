//! The server's configuration on OpenCode 2: a list of documents, of which each is laid over those before it, and of
//! which only the shell can be changed through the server (2.0.14 to 2.1.2).

use opencode_api::Operation;
use opencode_api::v2::bodies::ConfigUpdateBody;
use opencode_api::v2::operations::config;
use serde_json::{Value, json};

use super::V2;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ModelRef, ServerConfiguration, merge};

impl V2 {
    pub(super) async fn read_configuration(&self) -> Result<ServerConfiguration> {
        let entries = self.transport.document(config::Get::ID, config::Get::new().request()).await?;
        let mut effective = json!({});
        for info in entries.as_array().into_iter().flatten().filter_map(|entry| entry.get("info")) {
            merge(&mut effective, info);
        }
        // `provider/model` in the file, an object in what the server gives (2.0.14, seen).
        let model = effective.get("model").and_then(|model| match model {
            Value::String(name) => name.parse().ok(),
            _ => Some(ModelRef {
                provider: model.get("providerID")?.as_str()?.to_owned(),
                model: model.get("model")?.as_str()?.to_owned(),
                variant: model.get("variant").and_then(Value::as_str).map(str::to_owned),
            }),
        });
        let agent = effective.get("default_agent").and_then(Value::as_str).map(str::to_owned);
        let shell = effective.get("shell").cloned();
        let changeable = shell.map_or_else(|| json!({}), |shell| json!({ "shell": shell }));
        Ok(ServerConfiguration { effective, changeable, model, agent })
    }

    pub(super) async fn change_configuration(&self, patch: &Value) -> Result<()> {
        let shell = match patch.as_object() {
            Some(fields) if fields.len() == 1 => fields.get("shell"),
            _ => None,
        };
        let shell = match shell {
            Some(Value::Null) => None,
            Some(Value::String(shell)) => Some(shell.clone()),
            _ => {
                let message = "OpenCode 2 lets its clients change nothing but `shell` in its configuration";
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with_hint("change the file opencode.json on the server's machine"));
            }
        };
        self.call(config::Update::new(ConfigUpdateBody { shell, ..Default::default() })).await
    }
}
