//! The documents that are open, as the editor has them. Changes are made synchronously, in the order in which they come.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ropey::Rope;
use tower_lsp_server::gen_lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    TextDocumentContentChangeEvent, TextDocumentItem, Uri,
};

use super::backend::Backend;
use super::position::char_at;

/// The documents that are open.
#[derive(Default)]
pub(crate) struct Documents {
    open: Mutex<HashMap<Uri, Document>>,
}

/// One of them. A clone shares the text.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub uri: Uri,
    /// The editor's word for the language: `markdown`, `rust`.
    pub language: String,
    pub version: i32,
    pub text: Rope,
}

impl Documents {
    /// The document as it stands.
    pub(crate) fn get(&self, uri: &Uri) -> Option<Document> {
        self.lock().get(uri).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Document> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uri, Document>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self, item: TextDocumentItem) -> Document {
        let document = Document {
            uri: item.uri.clone(),
            language: item.language_id.into(),
            version: item.version,
            text: Rope::from_str(&item.text),
        };
        self.lock().insert(item.uri, document.clone());
        document
    }

    /// Changes in the order in which they stand, each on what the one before has left. A document that was never opened is not
    /// ours to change.
    fn changed(
        &self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) -> Option<Document> {
        let mut open = self.lock();
        let Some(document) = open.get_mut(uri) else {
            tracing::warn!("a document was changed that is not open");
            return None;
        };
        for change in changes {
            apply(&mut document.text, change);
        }
        document.version = version;
        Some(document.clone())
    }

    fn closed(&self, uri: &Uri) {
        self.lock().remove(uri);
    }
}

fn apply(text: &mut Rope, change: TextDocumentContentChangeEvent) {
    match change {
        TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change) => {
            let (start, end) = (char_at(text, change.range.start), char_at(text, change.range.end));
            // An end before the start is a defect of the editor; the two are taken as they must have been meant.
            let (start, end) = (start.min(end), start.max(end));
            text.remove(start..end);
            text.insert(start, &change.text);
        }
        TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change) => {
            *text = Rope::from_str(&change.text);
        }
    }
}

/// `textDocument/didOpen`
pub(crate) async fn did_open(backend: &Backend, params: DidOpenTextDocumentParams) {
    let document = backend.documents.opened(params.text_document);
    backend.chats.opened(backend, &document);
}

/// `textDocument/didChange`
pub(crate) async fn did_change(backend: &Backend, params: DidChangeTextDocumentParams) {
    let document = params.text_document;
    let uri = &document.text_document_identifier.uri;
    let followed = backend.chats.follows(uri).then(|| params.content_changes.clone());
    if let Some(document) = backend.documents.changed(uri, document.version, params.content_changes) {
        // A chat that was begun meanwhile compares the text as a whole.
        backend.chats.changed(&document, &followed.unwrap_or_default());
    }
}

/// `textDocument/didClose`
pub(crate) async fn did_close(backend: &Backend, params: DidCloseTextDocumentParams) {
    backend.documents.closed(&params.text_document.uri);
    backend.chats.closed(&params.text_document.uri);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents(text: &str) -> (Documents, Uri) {
        let documents = Documents::default();
        let item = json!({ "uri": "file:///a.md", "languageId": "markdown", "version": 1, "text": text });
        documents.opened(serde_json::from_value(item).unwrap());
        (documents, Uri("file:///a.md".to_owned()))
    }

    fn change(documents: &Documents, uri: &Uri, changes: serde_json::Value) -> String {
        documents.changed(uri, 2, serde_json::from_value(changes).unwrap());
        documents.get(uri).unwrap().text.to_string()
    }

    #[test]
    fn changes_are_made_one_after_the_other_in_utf_16() {
        let (documents, uri) = documents("a🦀b\nsecond\n");
        let changes = json!([
            { "range": { "start": { "line": 0, "character": 3 }, "end": { "line": 0, "character": 4 } }, "text": "B" },
            { "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 1 } }, "text": "" },
        ]);
        assert_eq!(change(&documents, &uri, changes), "🦀B\nsecond\n");
        assert_eq!(documents.get(&uri).unwrap().version, 2);
        assert_eq!(change(&documents, &uri, json!([{ "text": "all new" }])), "all new");
    }

    #[test]
    fn impossible_places_are_moved_into_the_text() {
        let (documents, uri) = documents("one\ntwo");
        let far = json!([{ "range": { "start": { "line": 99, "character": 99 }, "end": { "line": 999, "character": 0 } }, "text": "!" }]);
        assert_eq!(change(&documents, &uri, far), "one\ntwo!");
        let turned = json!([{ "range": { "start": { "line": 1, "character": 3 }, "end": { "line": 0, "character": 3 } }, "text": " " }]);
        assert_eq!(change(&documents, &uri, turned), "one !");
    }

    #[test]
    fn a_document_that_is_not_open_is_not_made_by_changing_it() {
        let (documents, uri) = documents("x");
        documents.closed(&uri);
        documents.changed(&uri, 3, Vec::new());
        assert!(documents.get(&uri).is_none() && documents.all().is_empty());
    }
}
