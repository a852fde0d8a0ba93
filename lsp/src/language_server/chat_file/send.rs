//! What a person does in a chat: send, stop, retry.

use std::ops::Range;
use std::sync::Arc;

use opencode_nexus::model::{ModelRef, Role};
use opencode_nexus::{Error, ErrorKind, Result};
use tower_lsp_server::gen_lsp_types::Uri;

use super::parse::{ChatText, Speaker, newline_of, written};
use super::writer::{Chat, Signal};
use super::{document, reply, spawn};
use crate::language_server::backend::Backend;
use crate::language_server::context::{self, Composed};
use crate::language_server::conversations::{Chosen, Sent};
use crate::language_server::documents::Document;
use crate::language_server::ext::InputPart;
use crate::language_server::roots::Root;

/// Sends what stands under the last heading of the person; while the agent asks something, as the answer to that. Waits for
/// the server: for tasks of their own.
///
/// # Errors
/// When there is nothing to send, or an answer is under way; those of connecting, opening and sending.
pub(crate) async fn send(backend: &Backend, uri: Uri) -> Result<()> {
    if let Some(chat) = backend.chats.still_writing(&uri).await {
        return reply::send(backend, &chat).await;
    }
    let document = document(backend, &uri)?;
    let text = document.text.to_string();
    let draft = ChatText::parse(&text).draft().map(|range| written(&text, range)).unwrap_or_default();
    if draft.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "there is nothing to send")
            .with_hint("write under a heading `## You` at the end of the chat"));
    }
    prompt(backend, &document, &draft, None).await
}

/// Asks the server to stop the answer that is under way.
///
/// # Errors
/// When nothing is under way; when the server cannot be reached.
pub(crate) async fn stop(backend: &Backend, uri: Uri) -> Result<()> {
    let Some(chat) = backend.chats.writing(&uri) else {
        return Err(Error::new(ErrorKind::NotFound, "no answer is under way in this chat")
            .with_hint("there is nothing to stop"));
    };
    backend.conversations.cancel(&chat.session, None).await
}

/// Takes the last answer back, with what it changed in files, and asks for another one. What the prompt says now is asked.
///
/// # Errors
/// As [`send`]; when there is no answer yet.
pub(crate) async fn retry(backend: &Backend, uri: Uri) -> Result<()> {
    if backend.chats.still_writing(&uri).await.is_some() {
        return Err(busy());
    }
    let document = document(backend, &uri)?;
    let text = document.text.to_string();
    let parsed = ChatText::parse(&text);
    let answer = answer_of(&text, &parsed);
    let (Some((prompt_range, answer)), Some(session)) = (answer, parsed.field("nexus")) else {
        return Err(Error::new(ErrorKind::NotFound, "there is no answer that could be tried again")
            .with_hint("send a prompt first"));
    };
    let root = root(backend, &uri)?;
    let conversation = backend.conversations.open(backend, &root, session).await?;
    let last = conversation.with_transcript(|transcript| {
        let mut messages = transcript.messages().iter().rev();
        messages.find(|message| message.role == Role::User).map(|message| message.id.clone())
    });
    if let Some(last) = last {
        conversation.revert(&last, None).await?;
    }
    prompt(backend, &document, &written(&text, prompt_range), Some(text[answer].to_owned())).await
}

/// Sends a prompt from a chat, and begins to write the answer: behind the draft, or in the place of an answer.
async fn prompt(backend: &Backend, document: &Document, prompt: &str, instead: Option<String>) -> Result<()> {
    let uri = &document.uri;
    if !backend.editor.capabilities().apply_edit {
        return Err(Error::new(ErrorKind::Unsupported, "this editor lets nobody write into its documents")
            .with_hint("use an editor that knows `workspace/applyEdit`, or `nexus chat` in a terminal"));
    }
    let _sending = backend.chats.begin_sending(uri).ok_or_else(busy)?;
    let text = document.text.to_string();
    let parsed = ChatText::parse(&text);
    let chosen = Chosen {
        model: parsed.field("model").map(str::parse::<ModelRef>).transpose()?,
        agent: parsed.field("agent").map(str::to_owned),
    };
    let root = root(backend, uri)?;
    let parts = [InputPart::Text { text: prompt.to_owned(), plain: false }];
    let session = parsed.field("nexus");
    let (sending, left_out) = match context::composed(backend, &root, session, &parts).await? {
        Composed::Sending(sending, left_out) => (sending, left_out),
        // Nothing was sent, so the prompt stays where it is.
        Composed::Shown(text) => {
            if let Some(text) = text {
                backend.editor.show(&text).await;
            }
            return Ok(());
        }
    };
    for left in left_out {
        backend.editor.show(&format!("{} does not go along: {}", left.title, left.reason)).await;
    }
    let signal = Arc::new(Signal::default());
    let sent = backend
        .conversations
        .send_to(backend, &root, session, sending, chosen, Some(signal.clone()))
        .await
        .map_err(|error| match (error.kind(), session) {
            (ErrorKind::NotFound, Some(_)) => {
                error.with_hint("take the line `nexus:` out of the chat to begin a new session")
            }
            _ => error,
        })?;
    begin(backend, uri, sent, signal, instead.as_deref());
    Ok(())
}

/// Begins to write. The document may have changed since it was read.
fn begin(backend: &Backend, uri: &Uri, sent: Sent, signal: Arc<Signal>, instead: Option<&str>) {
    let mut state = backend.chats.lock();
    let Some(document) = backend.documents.get(uri) else { return };
    let text = document.text.to_string();
    let range = instead
        .and_then(|instead| text.rfind(instead).map(|at| at..at + instead.len()))
        .unwrap_or_else(|| {
            let at = draft_end(&text);
            at..at
        });
    let chat = Arc::new(Chat::new(
        uri.clone(),
        (sent.session_id, sent.message_id),
        (text, vec![range]),
        document.version,
        signal,
    ));
    state.writing.insert(uri.clone(), chat.clone());
    drop(state);
    spawn(backend, chat);
}

/// Where the draft of a chat ends, without the empty lines behind it.
pub(super) fn draft_end(text: &str) -> usize {
    let range = ChatText::parse(text).draft().unwrap_or(text.len()..text.len());
    range.start + text[range].trim_end().len()
}

/// The last answer of a chat with its prompt: from the end of the prompt to the end of the answer, and with the heading that
/// follows if nothing is written there.
pub(super) fn answer_of(text: &str, parsed: &ChatText) -> Option<(Range<usize>, Range<usize>)> {
    let (at, section) = parsed.last_answer()?;
    let prompt = parsed.prompt_before(at)?;
    let start = prompt.start + text[prompt.clone()].trim_end().len();
    let end = section.body.start + text[section.body.clone()].trim_end().len();
    let end = match parsed.sections.get(at + 1) {
        Some(next) if next.speaker == Speaker::You && text[next.body.clone()].trim().is_empty() => {
            let newline = newline_of(text);
            let end = next.heading.end;
            end + if text[end..].starts_with(newline) { newline.len() } else { 0 }
        }
        _ => end,
    };
    Some((prompt, start..end))
}

/// The folder of a chat: the one that holds it, else the only one.
pub(super) fn root(backend: &Backend, uri: &Uri) -> Result<Root> {
    match backend.roots.of(uri) {
        Some(root) => Ok(root),
        None => backend.roots.resolve(&None),
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::Conflict, "an answer is under way in this chat")
        .with_hint("wait until it is complete, or stop it")
}
