//! `nexus/status` and `nexus/ping`.

use std::time::Duration;

use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{LspNotificationMethod, MessageDirection, Notification, Uri};
use tower_lsp_server::jsonrpc::Result;

use crate::language_server::backend::Backend;
use crate::language_server::ext::{RootStatus, StatusResult, method};

/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(50);

/// `nexus/status` to the editor.
enum StatusChanged {}

impl Notification for StatusChanged {
    type Params = RootStatus;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom(method::STATUS);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

/// `nexus/status`
pub(crate) async fn status(backend: &Backend, _: Option<Value>) -> Result<StatusResult> {
    Ok(StatusResult { roots: all(backend) })
}

/// `nexus/ping`
pub(crate) async fn ping(_: &Backend, _: Option<Value>) -> Result<()> {
    Ok(())
}

fn all(backend: &Backend) -> Vec<RootStatus> {
    let roots = backend.roots.known();
    roots.iter().map(|root| backend.roots.status(root, backend.conversations.turns(root))).collect()
}

/// Tells the editor each root whose state has changed, for as long as it runs.
pub(crate) async fn tell_changes(backend: Backend) {
    let mut changes = backend.roots.changes();
    let mut told: Vec<(Uri, RootStatus)> = Vec::new();
    loop {
        changes.borrow_and_update();
        for status in all(&backend) {
            let known = told.iter_mut().find(|(root, _)| *root == status.root);
            match known {
                Some((_, known)) if *known == status => continue,
                Some((_, known)) => known.clone_from(&status),
                None => told.push((status.root.clone(), status.clone())),
            }
            backend.editor.notify::<StatusChanged>(status).await;
        }
        if changes.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(TOGETHER).await;
    }
}
