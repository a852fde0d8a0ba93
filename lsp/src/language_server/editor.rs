//! The way to the editor. What is sent waits when the editor is slow, which is how streams know that they must join more.
//! Requests have a bound, and are for tasks of their own: a handler that waits for the editor can wait for ever.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use opencode_nexus::{Error, ErrorKind, Result};
use serde::Serialize;
use tower_lsp_server::gen_lsp_types::{
    ApplyWorkspaceEditParams, ApplyWorkspaceEditRequest, ClientCapabilities, ClientInfo, MessageType,
    Notification, ProgressNotification, ProgressParams, ProgressToken, Request, ResourceOperationKind,
    WorkspaceEdit,
};
use tower_lsp_server::{Client, jsonrpc};

use super::ext::NexusCapabilities;

/// How long the editor may take for what needs no person.
pub(crate) const PROMPTLY: Duration = Duration::from_secs(10);

/// The same error is shown again only after this long.
const AGAIN: Duration = Duration::from_secs(10);

/// So many errors are remembered as shown.
const REMEMBERED: usize = 32;

/// The editor.
pub(crate) struct Editor {
    client: Client,
    capabilities: OnceLock<Capabilities>,
    shown: Mutex<Vec<(String, Instant)>>,
}

/// What the editor can do, as far as it matters here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capabilities {
    /// The name that it gives itself.
    pub name: String,
    pub nexus: NexusCapabilities,
    /// `workspace/applyEdit`, also of files that do not exist yet.
    pub apply_edit: bool,
    pub create_files: bool,
    pub delete_files: bool,
    /// Edits of documents with their versions (`workspace.workspaceEdit.documentChanges`).
    pub document_changes: bool,
    /// `window/showDocument`.
    pub show_document: bool,
    /// `window/workDoneProgress/create`.
    pub work_done_progress: bool,
    /// `workspace/configuration`.
    pub configuration: bool,
    /// It lets us ask for `workspace/didChangeConfiguration`.
    pub register_configuration: bool,
    /// `workspace/codeLens/refresh`.
    pub code_lens_refresh: bool,
    /// `workspace/textDocumentContent`.
    pub text_document_content: bool,
}

impl Capabilities {
    /// What stands in `initialize`.
    pub(crate) fn of(client: Option<&ClientInfo>, said: &ClientCapabilities) -> Self {
        let (workspace, window) = (said.workspace.as_ref(), said.window.as_ref());
        let edit = workspace.and_then(|workspace| workspace.workspace_edit.as_ref());
        let operations = edit.and_then(|edit| edit.resource_operations.as_deref()).unwrap_or_default();
        // Only changes in an order can make and remove files.
        let in_order = edit.and_then(|edit| edit.document_changes).unwrap_or(false);
        let experimental = said.experimental.as_ref().and_then(|experimental| experimental.get("nexus"));
        Self {
            name: client.map(|client| client.name.clone()).unwrap_or_default(),
            nexus: experimental
                .and_then(|nexus| serde_json::from_value(nexus.clone()).ok())
                .unwrap_or_default(),
            apply_edit: workspace.and_then(|workspace| workspace.apply_edit).unwrap_or(false),
            create_files: in_order && operations.contains(&ResourceOperationKind::Create),
            delete_files: in_order && operations.contains(&ResourceOperationKind::Delete),
            document_changes: in_order,
            show_document: window
                .and_then(|window| window.show_document.as_ref())
                .is_some_and(|document| document.support),
            work_done_progress: window.and_then(|window| window.work_done_progress).unwrap_or(false),
            configuration: workspace.and_then(|workspace| workspace.configuration).unwrap_or(false),
            register_configuration: workspace
                .and_then(|workspace| workspace.did_change_configuration.as_ref())
                .and_then(|change| change.dynamic_registration)
                .unwrap_or(false),
            code_lens_refresh: workspace
                .and_then(|workspace| workspace.code_lens.as_ref())
                .and_then(|lens| lens.refresh_support)
                .unwrap_or(false),
            text_document_content: workspace
                .is_some_and(|workspace| workspace.text_document_content.is_some()),
        }
    }
}

impl Editor {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, capabilities: OnceLock::new(), shown: Mutex::default() }
    }

    /// What the editor can do; nothing before `initialize`.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.capabilities.get().cloned().unwrap_or_default()
    }

    pub(crate) fn learn(&self, capabilities: Capabilities) {
        self.capabilities.get_or_init(|| capabilities);
    }

    /// The client of the library, for what is not below.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A notification. Returns when it is in the queue to the editor, which waits while the editor reads slowly.
    pub(crate) async fn notify<N: Notification>(&self, params: N::Params) {
        self.client.send_notification::<N>(params).await;
    }

    /// `$/progress` with any value. Returns when it is in the queue to the editor.
    pub(crate) async fn progress(&self, token: &ProgressToken, value: &impl Serialize) {
        match serde_json::to_value(value) {
            Ok(value) => {
                self.notify::<ProgressNotification>(ProgressParams { token: token.clone(), value }).await;
            }
            Err(error) => tracing::error!(%error, "a progress could not be written"),
        }
    }

    /// A request to the editor, for tasks of their own, never in a handler.
    ///
    /// # Errors
    /// `system.timeout` when it does not answer within `bound`; what it answers with as an error.
    pub(crate) async fn ask<R: Request>(&self, params: R::Params, bound: Duration) -> Result<R::Result> {
        let method = R::METHOD;
        match tokio::time::timeout(bound, self.client.send_request::<R>(params)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(refused(&method.to_string(), &error)),
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("the editor did not answer {method} within {} s", bound.as_secs()),
            )
            .with_hint("see whether it waits for you")),
        }
    }

    /// Changes texts in the editor, so that undo takes it back. No label: Neovim would print it.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask); when the editor did not apply it.
    pub(crate) async fn apply(&self, edit: WorkspaceEdit) -> Result<()> {
        let params = ApplyWorkspaceEditParams { edit, label: None, metadata: None };
        let answer = self.ask::<ApplyWorkspaceEditRequest>(params, PROMPTLY).await?;
        if answer.applied {
            return Ok(());
        }
        let why = answer.failure_reason.map(|why| format!(": {why}")).unwrap_or_default();
        Err(Error::new(ErrorKind::Conflict, format!("the editor did not apply a change{why}"))
            .with_hint("see whether the file was changed meanwhile or cannot be written"))
    }

    /// Shows an error to the person, once: what was shown in the last seconds is not shown again.
    pub(crate) async fn show_error(&self, error: &Error) {
        let line = error.to_string();
        if self.is_new(&line) {
            tracing::warn!(%error, "shown to the person");
            self.client.show_message(MessageType::Error, line).await;
        }
    }

    /// Shows a line to the person.
    pub(crate) async fn show(&self, line: &str) {
        self.client.show_message(MessageType::Info, line).await;
    }

    fn is_new(&self, line: &str) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        shown.retain(|(_, at)| now.duration_since(*at) < AGAIN);
        if shown.len() >= REMEMBERED {
            shown.remove(0);
        }
        let new = !shown.iter().any(|(known, _)| known == line);
        if new {
            shown.push((line.to_owned(), now));
        }
        new
    }
}

/// What the editor says instead of an answer.
fn refused(method: &str, error: &jsonrpc::Error) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the editor refused {method}: {}", error.message))
        .with_hint("see whether it is up to date")
}
