//! New chats: a file of today in the project's folder, which the editor makes and shows.

use std::path::PathBuf;
use std::time::Duration;

use opencode_nexus::{Error, ErrorKind, Result};
use tower_lsp_server::gen_lsp_types::{
    CreateFile, CreateFileOptions, OptionalVersionedTextDocumentIdentifier, Position, Range,
    ShowDocumentParams, ShowDocumentRequest, TextDocumentEdit, TextDocumentIdentifier, TextEdit, Uri,
    WorkspaceEdit,
};

use super::parse::{YOU, escape};
use super::send::send;
use super::{ENDING, place};
use crate::language_server::backend::Backend;
use crate::language_server::editor::PROMPTLY;
use crate::language_server::roots::{Root, uri_of};
use crate::output::{date, now};

/// How long an editor may take to open what it was asked to show.
const OPEN: Duration = Duration::from_secs(10);

/// Makes a chat in a folder (`None`: the only one) and shows it.
///
/// # Errors
/// When the folder is not clear; when the editor does not make the file.
pub(crate) async fn new_chat(backend: &Backend, root: Option<Uri>) -> Result<()> {
    let root = backend.roots.resolve(&root)?;
    make(backend, &root, &format!("{YOU}\n\n")).await?;
    Ok(())
}

/// Makes a chat that begins with a prompt, shows it and sends it. For what is begun elsewhere in an editor that has no chat.
///
/// # Errors
/// As [`new_chat`] and [`send`].
pub(crate) async fn start(backend: &Backend, root: &Root, prompt: &str) -> Result<()> {
    let uri = make(backend, root, &format!("{YOU}\n\n{}\n", escape(prompt.trim()))).await?;
    let opened = tokio::time::timeout(OPEN, async {
        loop {
            // Listens before it looks, so that nothing comes between.
            let opened = backend.chats.opened.notified();
            if backend.documents.get(&uri).is_some() {
                return;
            }
            opened.await;
        }
    });
    opened.await.map_err(|_| {
        Error::new(ErrorKind::Timeout, "the editor did not open the new chat")
            .with_hint("open it and send it; if that is not offered, Markdown is not attached to `nexus lsp`")
    })?;
    send(backend, uri).await
}

/// Makes the file and shows it, with the cursor at its end.
async fn make(backend: &Backend, root: &Root, text: &str) -> Result<Uri> {
    let path = free_path(backend, root)?;
    let uri = uri_of(&path);
    if backend.editor.capabilities().create_files {
        backend.editor.apply(creation(&uri, text)).await?;
    } else {
        write(path.clone(), text.to_owned()).await?;
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !backend.editor.capabilities().show_document {
        backend.editor.show(&format!("{name} is made: open it and write")).await;
        return Ok(uri);
    }
    let (line, character) = place::place_of(text, text.trim_end().len());
    let line = if text.trim_end() == YOU { line + 2 } else { line };
    let cursor = Position { line, character: if text.trim_end() == YOU { 0 } else { character } };
    let params = ShowDocumentParams {
        uri: uri.clone(),
        external: None,
        take_focus: Some(true),
        selection: Some(Range { start: cursor, end: cursor }),
    };
    let shown = backend.editor.ask::<ShowDocumentRequest>(params, PROMPTLY).await?;
    if !shown.success {
        backend.editor.show(&format!("{name} is made: open it and write")).await;
    }
    Ok(uri)
}

/// A name that nothing has yet: `chat-2026-11-26.nexus.md`, `chat-2026-11-26-2.nexus.md`, …
fn free_path(backend: &Backend, root: &Root) -> Result<PathBuf> {
    let today = date(now());
    let today = today.split(' ').next().unwrap_or_default();
    let free = (1..1_000).find_map(|number| {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let path = root.path.join(format!("chat-{today}{number}{ENDING}"));
        let is_free = !path.exists() && backend.documents.get(&uri_of(&path)).is_none();
        is_free.then_some(path)
    });
    free.ok_or_else(|| {
        Error::new(ErrorKind::Conflict, "there are very many chats of today in this folder")
            .with_hint("delete some of them")
    })
}

fn creation(uri: &Uri, text: &str) -> WorkspaceEdit {
    let create = CreateFile {
        uri: uri.clone(),
        options: Some(CreateFileOptions { overwrite: None, ignore_if_exists: Some(true) }),
        annotation_id: None,
    };
    let text_document = OptionalVersionedTextDocumentIdentifier {
        version: None,
        text_document_identifier: TextDocumentIdentifier { uri: uri.clone() },
    };
    let start = Position { line: 0, character: 0 };
    let edit = TextEdit { range: Range { start, end: start }, new_text: text.to_owned() };
    let write = TextDocumentEdit { text_document, edits: vec![edit.into()] };
    WorkspaceEdit { document_changes: Some(vec![create.into(), write.into()]), ..WorkspaceEdit::default() }
}

/// Where the editor makes no files we do; one that is there stays.
async fn write(path: PathBuf, text: String) -> Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        use std::io::Write as _;
        let mut file = std::fs::File::options().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    });
    let error = match written.await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Error::new(ErrorKind::Io, format!("the chat cannot be made: {error}"))
        .with_hint("see whether the project's folder can be written"))
}
