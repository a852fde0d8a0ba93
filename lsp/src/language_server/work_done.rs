//! Progress with a button that stops it (LSP 3.18, Work Done Progress), for turns that no chat of the editor shows.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types::{
    ProgressToken, WorkDoneProgressCancelParams, WorkDoneProgressCreateParams, WorkDoneProgressCreateRequest,
};

use super::backend::Backend;
use super::editor::PROMPTLY;

/// What is shown as under way.
#[derive(Default)]
pub(crate) struct WorksDone {
    sessions: Mutex<Works>,
}

#[derive(Default)]
struct Works {
    count: u64,
    /// The session of each token.
    sessions: HashMap<String, String>,
}

impl WorksDone {
    fn lock(&self) -> MutexGuard<'_, Works> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is under way.
pub(crate) struct WorkDone {
    backend: Backend,
    /// `None` where the editor does not show it.
    token: Option<String>,
}

impl WorkDone {
    /// Shows that a turn runs in a session. Waits for the editor: for tasks of their own.
    pub(crate) async fn begin(backend: &Backend, session: &str, title: &str) -> Self {
        let backend = backend.clone();
        if !backend.editor.capabilities().work_done_progress {
            return Self { backend, token: None };
        }
        let token = {
            let mut works = backend.works.lock();
            works.count += 1;
            let token = format!("nexus/turn/{}", works.count);
            works.sessions.insert(token.clone(), session.to_owned());
            token
        };
        let params = WorkDoneProgressCreateParams { token: ProgressToken::String(token.clone()) };
        let work = Self { backend, token: Some(token) };
        match work.backend.editor.ask::<WorkDoneProgressCreateRequest>(params, PROMPTLY).await {
            Ok(_) => {
                work.tell(&json!({ "kind": "begin", "title": title, "cancellable": true })).await;
                work
            }
            Err(error) => {
                tracing::warn!(%error, "the editor shows no progress");
                Self { backend: work.backend.clone(), token: None }
            }
        }
    }

    /// Says what is done now.
    pub(crate) async fn report(&self, what: &str) {
        self.tell(&json!({ "kind": "report", "message": what, "cancellable": true })).await;
    }

    /// It is over.
    pub(crate) async fn end(self) {
        self.tell(&json!({ "kind": "end" })).await;
    }

    async fn tell(&self, value: &Value) {
        if let Some(token) = &self.token {
            self.backend.editor.progress(&ProgressToken::String(token.clone()), value).await;
        }
    }
}

impl Drop for WorkDone {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            self.backend.works.lock().sessions.remove(token);
        }
    }
}

/// `window/workDoneProgress/cancel`: the person has pressed the button.
pub(crate) async fn cancel(backend: &Backend, params: WorkDoneProgressCancelParams) {
    let ProgressToken::String(token) = params.token else { return };
    let Some(session) = backend.works.lock().sessions.get(&token).cloned() else { return };
    let backend = backend.clone();
    tokio::spawn(async move {
        if let Err(error) = backend.conversations.cancel(&session, None).await {
            backend.editor.show_error(&error).await;
        }
    });
}
