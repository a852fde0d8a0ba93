//! `nexus/chat/*`: send, cancel, subscribe, unsubscribe, replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus::chat::Delivery;
use opencode_nexus::model::ModelRef;
use opencode_nexus::{Error, ErrorKind};
use tower_lsp_server::gen_lsp_types::ProgressToken;
use tower_lsp_server::jsonrpc::Result;

use crate::language_server::backend::Backend;
use crate::language_server::context::{self, Composed};
use crate::language_server::conversations::{Chosen, Sending, Watcher};
use crate::language_server::convert::rpc_error;
use crate::language_server::editor::Editor;
use crate::language_server::ext::{
    CancelParams, ChatProgress, ReplayParams, ReplayResult, SendParams, SendResult, SubscribeParams,
    SubscribeResult, UnsubscribeParams,
};

/// How long it is waited whether the server takes the wish to stop. It is done all the same when that takes longer.
const STOPPED_AT_ONCE: Duration = Duration::from_millis(20);

/// `$/progress` on a token of the editor's.
struct OnToken {
    editor: Arc<Editor>,
    token: ProgressToken,
}

#[async_trait]
impl Watcher for OnToken {
    async fn tell(&self, events: Vec<ChatProgress>) {
        for event in &events {
            self.editor.progress(&self.token, event).await;
        }
    }

    fn shows_asks(&self) -> bool {
        self.editor.capabilities().nexus.chat
    }
}

fn on_token(backend: &Backend, token: ProgressToken) -> Arc<dyn Watcher> {
    Arc::new(OnToken { editor: backend.editor.clone(), token })
}

/// Says, when it is dropped too early, that nobody waits for the answer any more.
struct Waited {
    given_up: Arc<AtomicBool>,
    answered: bool,
}

impl Drop for Waited {
    fn drop(&mut self) {
        self.given_up.store(!self.answered, Ordering::SeqCst);
    }
}

/// `nexus/chat/send`
///
/// The prompt is sent in a task of its own: when the editor cancels the request, the prompt may be at the server already, and
/// its turn is stopped then.
pub(crate) async fn send(backend: &Backend, params: SendParams) -> Result<SendResult> {
    let given_up = Arc::new(AtomicBool::new(false));
    let mut waited = Waited { given_up: given_up.clone(), answered: false };
    let backend = backend.clone();
    let task = tokio::spawn(async move {
        let sent = begin(&backend, params).await;
        if let (Ok(sent), true) = (&sent, given_up.load(Ordering::SeqCst)) {
            let stopped = backend.conversations.cancel(&sent.session_id, Some(&sent.turn_id)).await;
            if let Err(error) = stopped {
                backend.editor.show_error(&error).await;
            }
        }
        sent
    });
    let sent = task.await.unwrap_or_else(|error| Err(failed(error)));
    waited.answered = true;
    sent.map_err(|error| rpc_error(&error))
}

async fn begin(backend: &Backend, params: SendParams) -> opencode_nexus::Result<SendResult> {
    let root = backend.roots.resolve(&params.root)?;
    let chosen = Chosen { model: params.model.as_deref().map(model).transpose()?, agent: params.agent };
    let delivery = params.delivery.as_deref().map(delivery).transpose()?;
    let session = params.session_id.as_deref();
    let (mut sending, left_out) = match context::composed(backend, &root, session, &params.parts).await? {
        Composed::Sending(sending, left_out) => (sending, left_out),
        Composed::Shown(text) => return Ok(SendResult::shown(session, text)),
    };
    if let (Sending::Prompt(prompt), Some(delivery)) = (&mut sending, delivery) {
        prompt.delivery = delivery;
    }
    let watcher = params.partial_result_token.map(|token| on_token(backend, token));
    let sent = backend.conversations.send_to(backend, &root, session, sending, chosen, watcher).await?;
    Ok(SendResult {
        session_id: sent.session_id,
        turn_id: sent.message_id.clone(),
        message_id: sent.message_id,
        left_out,
        shown: None,
    })
}

fn model(name: &str) -> opencode_nexus::Result<ModelRef> {
    name.parse()
}

fn delivery(word: &str) -> opencode_nexus::Result<Delivery> {
    match word {
        "steer" => Ok(Delivery::Steer),
        "queue" => Ok(Delivery::Queue),
        _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no delivery", word.escape_debug()))
            .with_hint("say `steer` or `queue`, or leave it out")),
    }
}

fn failed(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, "a task of the language server has failed")
        .with_hint("see the log, and report it")
        .with_source(error)
}

/// `nexus/chat/cancel`
pub(crate) async fn cancel(backend: &Backend, params: CancelParams) -> Result<()> {
    let task = {
        let backend = backend.clone();
        tokio::spawn(async move {
            backend.conversations.cancel(&params.session_id, params.turn_id.as_deref()).await
        })
    };
    let mut task = task;
    match tokio::time::timeout(STOPPED_AT_ONCE, &mut task).await {
        Ok(done) => done.unwrap_or_else(|error| Err(failed(error))).map_err(|error| rpc_error(&error)),
        // The wish is on its way. What becomes of it is seen in the turn; what goes wrong is shown.
        Err(_) => {
            let editor = backend.editor.clone();
            tokio::spawn(async move {
                if let Ok(Err(error)) = task.await {
                    editor.show_error(&error).await;
                }
            });
            Ok(())
        }
    }
}

/// `nexus/chat/subscribe`
pub(crate) async fn subscribe(backend: &Backend, params: SubscribeParams) -> Result<SubscribeResult> {
    let watcher = on_token(backend, params.partial_result_token);
    let since = params.epoch.as_deref().zip(params.since_seq);
    let subscribed = async {
        let root = backend.roots.resolve(&params.root)?;
        backend.conversations.subscribe(backend, &root, &params.session_id, since, watcher).await
    };
    subscribed.await.map_err(|error| rpc_error(&error))
}

/// `nexus/chat/unsubscribe`
pub(crate) async fn unsubscribe(backend: &Backend, params: UnsubscribeParams) -> Result<()> {
    backend.conversations.unsubscribe(&params.subscription_id);
    Ok(())
}

/// `nexus/chat/replay`
pub(crate) async fn replay(backend: &Backend, params: ReplayParams) -> Result<ReplayResult> {
    let since = params.epoch.as_deref().zip(params.since_seq);
    let replayed = async {
        let root = backend.roots.resolve(&params.root)?;
        backend.conversations.replay(backend, &root, &params.session_id, since).await
    };
    replayed.await.map_err(|error| rpc_error(&error))
}
