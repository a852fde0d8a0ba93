//! `workspace/textDocumentContent`: `nexus://session/ID.md` is the transcript of a session, read-only.
//!
//! When a transcript that was asked for grows, the editor is told, at most once in [`RATE`], and asks again if it still shows
//! it. One that nobody asks for any more costs nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opencode_nexus::chat::{Conversation, Transcript};
use opencode_nexus::history::markdown;
use opencode_nexus::{Error, ErrorKind, Result};
use tower_lsp_server::gen_lsp_types::{
    TextDocumentContentParams, TextDocumentContentRefreshParams, TextDocumentContentRefreshRequest,
    TextDocumentContentResult, Uri,
};
use tower_lsp_server::jsonrpc;

use super::backend::Backend;
use super::convert::rpc_error;
use super::editor::PROMPTLY;

/// How often an editor is told that a transcript has grown.
const RATE: Duration = Duration::from_secs(1);

/// So many transcripts are followed.
const FOLLOWED: usize = 64;

/// The transcripts that editors show.
#[derive(Default)]
pub(crate) struct Contents {
    shown: Mutex<HashMap<String, Shown>>,
}

/// A transcript that was asked for.
struct Shown {
    uri: Uri,
    /// The editor is about to be told.
    is_due: bool,
}

impl Contents {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, session: &str, uri: &Uri) {
        let mut shown = self.lock();
        if shown.len() < FOLLOWED || shown.contains_key(session) {
            shown.insert(session.to_owned(), Shown { uri: uri.clone(), is_due: false });
        }
    }

    /// Whether somebody must be told who is not about to be.
    fn becomes_due(&self, session: &str) -> bool {
        self.lock().get_mut(session).is_some_and(|shown| !std::mem::replace(&mut shown.is_due, true))
    }
}

/// `workspace/textDocumentContent`
pub(crate) async fn content(
    backend: &Backend,
    params: TextDocumentContentParams,
) -> jsonrpc::Result<TextDocumentContentResult> {
    let text = text(backend, &params.uri).await.map_err(|error| rpc_error(&error))?;
    Ok(TextDocumentContentResult { text })
}

async fn text(backend: &Backend, uri: &Uri) -> Result<String> {
    let session = session_of(&uri.0).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "that is no address of a transcript")
            .with_hint("they look like nexus://session/ses_1.md")
    })?;
    // Before the text is made: what comes meanwhile is told again.
    backend.contents.follow(session, uri);
    let conversation = open(backend, session).await?;
    Ok(conversation.with_transcript(rendered))
}

fn rendered(transcript: &Transcript) -> String {
    transcript.session().map(|session| markdown(session, transcript.messages())).unwrap_or_default()
}

/// The session of an address.
fn session_of(uri: &str) -> Option<&str> {
    let id = uri.strip_prefix("nexus://session/")?.split(['?', '#']).next()?.strip_suffix(".md")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (!id.is_empty() && id.chars().all(is_plain)).then_some(id)
}

/// The address names no root: the session is open, or one of them has it.
async fn open(backend: &Backend, session: &str) -> Result<Conversation> {
    if let Some(conversation) = backend.conversations.get(session) {
        return Ok(conversation);
    }
    let mut failure = None;
    for root in backend.roots.all() {
        match backend.conversations.open(backend, &root, session).await {
            Ok(conversation) => return Ok(conversation),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "no folder is open").with_hint("open a folder in the editor")
    }))
}

/// A transcript has changed. Returns at once; nothing happens when nobody shows it.
pub(crate) fn grown(backend: &Backend, session: &str) {
    if !backend.editor.capabilities().text_document_content || !backend.contents.becomes_due(session) {
        return;
    }
    let (backend, session) = (backend.clone(), session.to_owned());
    tokio::spawn(async move {
        tokio::time::sleep(RATE).await;
        // An editor that still shows it asks again, and is followed again.
        let Some(shown) = backend.contents.lock().remove(&session) else { return };
        let params = TextDocumentContentRefreshParams { uri: shown.uri };
        if let Err(error) = backend.editor.ask::<TextDocumentContentRefreshRequest>(params, PROMPTLY).await {
            tracing::debug!(%error, "a transcript was not refreshed");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_session_and_nothing_else() {
        assert_eq!(session_of("nexus://session/ses_1a-B.md"), Some("ses_1a-B"));
        assert_eq!(session_of("nexus://session/ses_1.md?root=x#y"), Some("ses_1"));
        for wrong in [
            "nexus://session/.md",
            "nexus://session/a/b.md",
            "nexus://session/a",
            "file:///session/a.md",
            "nexus://session/..%2f.md",
        ] {
            assert_eq!(session_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_editor_is_told_once_until_it_has_asked_again() {
        let contents = Contents::default();
        let uri: Uri = "nexus://session/ses_1.md".into();
        assert!(!contents.becomes_due("ses_1"), "nobody shows it");
        contents.follow("ses_1", &uri);
        assert!(contents.becomes_due("ses_1"));
        assert!(!contents.becomes_due("ses_1"));
        contents.follow("ses_1", &uri);
        assert!(contents.becomes_due("ses_1"));
    }
}
