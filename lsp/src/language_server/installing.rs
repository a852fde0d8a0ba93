//! What an installation of OpenCode does, as work-done progress in the editor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opencode_nexus::server::{Progress, Step};
use serde_json::json;
use tokio::sync::watch;
use tower_lsp_server::gen_lsp_types::{
    ProgressToken, WorkDoneProgressCreateParams, WorkDoneProgressCreateRequest,
};

use super::editor::{Editor, PROMPTLY};

/// A token is good for one begin and one end (LSP 3.18, Server Initiated Progress).
static INSTALLATIONS: AtomicU64 = AtomicU64::new(0);

/// Shows every progress until it is dropped. Nothing is shown before the first: mostly there is nothing to install.
pub(crate) fn shown_in(editor: &Arc<Editor>) -> Arc<dyn Fn(Progress) + Send + Sync> {
    // Only what is now matters: a slow editor misses the steps between.
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(show(editor.clone(), receiver));
    Arc::new(move |progress| {
        sender.send_replace(Some(progress));
    })
}

async fn show(editor: Arc<Editor>, mut progress: watch::Receiver<Option<Progress>>) {
    if progress.changed().await.is_err() {
        return;
    }
    let token =
        ProgressToken::String(format!("nexus/install/{}", INSTALLATIONS.fetch_add(1, Ordering::Relaxed)));
    if !editor.capabilities().work_done_progress {
        return editor.show("OpenCode is being installed; this happens once").await;
    }
    let params = WorkDoneProgressCreateParams { token: token.clone() };
    if let Err(error) = editor.ask::<WorkDoneProgressCreateRequest>(params, PROMPTLY).await {
        tracing::debug!(%error, "the installation is not shown");
        return;
    }
    let begin = json!({ "kind": "begin", "title": "Installing OpenCode", "cancellable": false });
    editor.progress(&token, &begin).await;
    loop {
        let now = progress.borrow_and_update().clone();
        if let Some(now) = now {
            editor.progress(&token, &report(&now)).await;
        }
        if progress.changed().await.is_err() {
            break;
        }
    }
    editor.progress(&token, &json!({ "kind": "end" })).await;
}

fn report(progress: &Progress) -> serde_json::Value {
    let words = match progress.step {
        Step::Waiting => "waiting for another installation",
        Step::Resolving => "looking it up",
        Step::Downloading => "downloading",
        Step::Verifying => "comparing checksums",
        Step::Unpacking => "unpacking",
        Step::Checking => "asking for its version",
        Step::Trial => "trying it",
        _ => "done",
    };
    let percentage =
        progress.total.filter(|total| *total > 0).map(|total| progress.done.min(total) * 100 / total);
    json!({ "kind": "report", "message": format!("{}: {words}", progress.package), "percentage": percentage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_in_words_and_in_percent_where_that_is_known() {
        let step =
            |done, total| Progress { step: Step::Downloading, package: "opencode@1".into(), done, total };
        assert_eq!(report(&step(50, Some(200)))["percentage"], 25);
        assert!(report(&step(50, None))["percentage"].is_null());
        assert_eq!(report(&step(0, None))["message"], "opencode@1: downloading");
    }
}
