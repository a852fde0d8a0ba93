//! A Markdown file that is a chat, for editors without a plugin. The person writes under a heading `## You`, a lens above it
//! sends, and the answer grows below, as edits that the editor applies.
//!
//! The front matter says to which session a chat belongs, and, while an answer is not complete, which prompt is answered: so a
//! chat can be continued later and by another editor, and an answer that came while the file was closed is completed when it
//! is opened.
//!
//! | file | what lives there |
//! |---|---|
//! | `parse` | the text of a chat |
//! | `render` | a turn as Markdown |
//! | `region`, `shadow` | what we believe to stand in the editor, whose each byte of it is, and the next edit |
//! | `writer` | a turn that is written into a document |
//! | `send` | what a person does in a chat |
//! | `reply` | what a person has written as an answer to what the agent asks |
//! | `resume` | chats that are opened again |
//! | `make` | new chats |
//! | `lenses` | lenses, and the same as code actions |

mod lenses;
mod make;
mod parse;
mod place;
mod region;
mod render;
#[cfg(test)]
mod render_tests;
mod reply;
mod resume;
mod send;
mod shadow;
#[cfg(test)]
mod shadow_tests;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencode_nexus::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tower_lsp_server::gen_lsp_types::{CodeLensRefreshRequest, TextDocumentContentChangeEvent, Uri};

pub(crate) use self::lenses::{code_actions, code_lens};
pub(crate) use self::make::{new_chat, start};
use self::parse::ChatText;
pub(crate) use self::send::{retry, send, stop};
use self::shadow::Heard;
use self::writer::Chat;
use super::backend::Backend;
use super::documents::Document;
use super::editor::PROMPTLY;

/// The ending that makes any file a chat.
const ENDING: &str = ".nexus.md";

/// The chats into which something is written now.
#[derive(Default)]
pub(crate) struct Chats {
    state: Mutex<State>,
    /// Something was opened.
    opened: Notify,
    /// Something is written to its end.
    written: Notify,
}

#[derive(Default)]
struct State {
    writing: HashMap<Uri, Arc<Chat>>,
    /// Where a prompt is on its way to the server.
    sending: HashSet<Uri>,
}

impl Chats {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self, uri: &Uri) -> Option<Arc<Chat>> {
        self.lock().writing.get(uri).cloned()
    }

    /// The chat into which something is written now. One that is complete is waited for: a person who sees the end of an
    /// answer may send at once.
    async fn still_writing(&self, uri: &Uri) -> Option<Arc<Chat>> {
        let written = async {
            loop {
                let written = self.written.notified();
                if !self.writing(uri).is_some_and(|chat| chat.is_complete()) {
                    return;
                }
                written.await;
            }
        };
        if tokio::time::timeout(PROMPTLY, written).await.is_err() {
            tracing::warn!("the editor takes long for the end of an answer");
        }
        self.writing(uri)
    }

    /// Whether changes of a document concern us.
    pub(crate) fn follows(&self, uri: &Uri) -> bool {
        self.lock().writing.contains_key(uri)
    }

    /// A document was opened: if it is a chat whose answer is not complete, it is taken up again. Returns at once.
    pub(crate) fn opened(&self, backend: &Backend, document: &Document) {
        self.opened.notify_waiters();
        if is_chat(document) {
            resume::opened(backend, document);
        }
    }

    /// A document has changed, by these changes. Returns at once.
    pub(crate) fn changed(&self, document: &Document, changes: &[TextDocumentContentChangeEvent]) {
        let Some(chat) = self.writing(&document.uri) else { return };
        let heard = match changes {
            [TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change)] => Some(Heard {
                from: (change.range.start.line, change.range.start.character),
                to: (change.range.end.line, change.range.end.character),
                text: change.text.clone(),
            }),
            _ => None,
        };
        chat.reported(document.version, heard.as_ref(), &document.text.to_string());
    }

    /// A document was closed: nothing is written into it any more. Returns at once.
    pub(crate) fn closed(&self, uri: &Uri) {
        if let Some(chat) = self.lock().writing.remove(uri) {
            chat.close();
        }
    }

    /// Takes the right to send from a chat; `None` while somebody else has it.
    fn begin_sending<'a>(&'a self, uri: &Uri) -> Option<Sending<'a>> {
        self.lock().sending.insert(uri.clone()).then(|| Sending { chats: self, uri: uri.clone() })
    }
}

/// The right to send from a chat.
struct Sending<'a> {
    chats: &'a Chats,
    uri: Uri,
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.chats.lock().sending.remove(&self.uri);
    }
}

/// Whether a document is a chat: by the ending of its name, or, if it is Markdown, by its front matter. What a plugin shows
/// as a chat of its own is none.
pub(crate) fn is_chat(document: &Document) -> bool {
    if matches!(document.language.as_str(), "nexus-chat" | "nexus-prompt") {
        return false;
    }
    let name: &str = document.uri.as_ref();
    if name.ends_with(ENDING) {
        return true;
    }
    let is_markdown = document.language == "markdown" || name.ends_with(".md");
    is_markdown && document.text.get_char(0) == Some('-') && {
        ChatText::parse(&document.text.to_string()).field("nexus").is_some()
    }
}

/// Writes a turn into its document, in a task of its own.
fn spawn(backend: &Backend, chat: Arc<Chat>) {
    let backend = backend.clone();
    tokio::spawn(async move {
        refresh_lenses(&backend).await;
        if let Err(error) = chat.write(&backend).await {
            backend.editor.show_error(&error).await;
        }
        {
            let mut state = backend.chats.lock();
            if state.writing.get(&chat.uri).is_some_and(|known| Arc::ptr_eq(known, &chat)) {
                state.writing.remove(&chat.uri);
            }
        }
        backend.chats.written.notify_waiters();
        refresh_lenses(&backend).await;
    });
}

/// Lenses say what can be done; that has changed.
async fn refresh_lenses(backend: &Backend) {
    if backend.editor.capabilities().code_lens_refresh
        && let Err(error) = backend.editor.ask::<CodeLensRefreshRequest>((), PROMPTLY).await
    {
        tracing::debug!(%error, "lenses were not refreshed");
    }
}

/// The document of a chat.
fn document(backend: &Backend, uri: &Uri) -> Result<Document> {
    backend.documents.get(uri).filter(is_chat).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "no chat is open under this name")
            .with_hint("open a file whose name ends with `.nexus.md`")
    })
}
