//! The server's configuration on 1.x.
//!
//! `PATCH /config` is of no use: it writes `config.json` into the project, which no server reads (1.18.33, seen). So
//! what is changed is the file of the person who runs the server, by `PATCH /global/config`; its body is a merge patch.

use opencode_api::Operation;
use opencode_api::v1::operations::{config, global};
use serde_json::Value;

use super::V1;
use crate::error::Result;
use crate::model::ServerConfiguration;

impl V1 {
    pub(super) async fn read_configuration(&self) -> Result<ServerConfiguration> {
        let effective = self.transport.document(config::Get::ID, config::Get::new().request()).await?;
        let changeable =
            self.transport.document(global::config::Get::ID, global::config::Get::new().request()).await?;
        let text = |name: &str| effective.get(name).and_then(Value::as_str);
        let model = text("model").and_then(|name| name.parse().ok());
        let agent = text("default_agent").map(str::to_owned);
        Ok(ServerConfiguration { effective, changeable, model, agent })
    }

    /// The typed body leaves out what is `null`, and that is what removes a name.
    pub(super) async fn change_configuration(&self, patch: &Value) -> Result<()> {
        let mut request = global::config::Update::new().request();
        request.body = Some(patch.to_string().into_bytes());
        request.content_type = Some("application/json");
        self.transport.document(global::config::Update::ID, request).await.map(drop)
    }
}
