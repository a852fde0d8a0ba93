//! What the editor knows: open documents, the selection, diagnostics, symbols. An editor that has no `nexus/editor/*` is
//! asked nothing; of diagnostics what its code actions brought along is remembered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus::context::{EditorDiagnostic, EditorSelection, EditorSource, EditorSymbol, Place};
use opencode_nexus::{Error, ErrorKind, Result};
use tower_lsp_server::gen_lsp_types::{
    Code, Diagnostic, DiagnosticSeverity, LspRequestMethod, MessageDirection, Range, Request, Uri,
};

use crate::language_server::actions::text_of;
use crate::language_server::backend::Backend;
use crate::language_server::ext::{
    EditorDiagnosticInfo, EditorDiagnosticsParams, EditorSelectionInfo, EditorSymbolInfo,
    EditorSymbolsParams, method,
};
use crate::language_server::roots::{Root, path_of};

/// How long the editor may take; it answers from what it has.
const BOUND: Duration = Duration::from_secs(3);

enum SelectionRequest {}

impl Request for SelectionRequest {
    type Params = Option<serde_json::Value>;
    type Result = Option<EditorSelectionInfo>;
    const METHOD: LspRequestMethod<'static> = LspRequestMethod::Custom(method::EDITOR_SELECTION);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

enum DiagnosticsRequest {}

impl Request for DiagnosticsRequest {
    type Params = EditorDiagnosticsParams;
    type Result = Vec<EditorDiagnosticInfo>;
    const METHOD: LspRequestMethod<'static> = LspRequestMethod::Custom(method::EDITOR_DIAGNOSTICS);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

enum SymbolsRequest {}

impl Request for SymbolsRequest {
    type Params = EditorSymbolsParams;
    type Result = Vec<EditorSymbolInfo>;
    const METHOD: LspRequestMethod<'static> = LspRequestMethod::Custom(method::EDITOR_SYMBOLS);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

/// The editor, for one root.
pub(super) struct Source {
    backend: Backend,
    root: Root,
}

impl Source {
    pub(super) fn new(backend: &Backend, root: &Root) -> Self {
        Self { backend: backend.clone(), root: root.clone() }
    }

    /// Asks beside the handler: one that waits for the editor itself can wait for ever.
    async fn ask<R: Request + 'static>(&self, params: R::Params) -> Result<R::Result> {
        let backend = self.backend.clone();
        let asking = tokio::spawn(async move { backend.editor.ask::<R>(params, BOUND).await });
        match asking.await {
            Ok(answer) => answer,
            Err(error) => {
                Err(Error::new(ErrorKind::Internal, "asking the editor has failed").with_source(error))
            }
        }
    }
}

#[async_trait]
impl EditorSource for Source {
    fn open_text(&self, path: &Path) -> Option<String> {
        // Editors write the same address in several ways, so paths are compared.
        let documents = self.backend.documents.all();
        let open =
            documents.into_iter().find(|document| path_of(&document.uri).is_ok_and(|open| open == path));
        open.map(|document| document.text.to_string())
    }

    async fn selection(&self) -> Result<Option<EditorSelection>> {
        if !self.backend.editor.capabilities().nexus.selection {
            return Err(cannot("what is selected", "write @path#L3-9 instead"));
        }
        let Some(info) = self.ask::<SelectionRequest>(None).await? else { return Ok(None) };
        Ok(place(&info.uri, info.range).map(|place| EditorSelection { place, text: info.text }))
    }

    async fn diagnostics(&self, path: Option<&Path>) -> Result<Vec<EditorDiagnostic>> {
        let all = if self.backend.editor.capabilities().nexus.diagnostics {
            let uri = path.map(crate::language_server::roots::uri_of);
            let params = EditorDiagnosticsParams { uri, root: self.root.uri.clone() };
            self.ask::<DiagnosticsRequest>(params).await?.into_iter().filter_map(told).collect()
        } else {
            self.remembered()
        };
        // A workspace has several roots, and the files of libraries.
        let inside = |one: &EditorDiagnostic| one.place.path.starts_with(&self.root.path);
        let wanted = |one: &EditorDiagnostic| path.is_none_or(|path| one.place.path == path);
        Ok(all.into_iter().filter(|one| inside(one) && wanted(one)).collect())
    }

    async fn symbols(&self, query: &str) -> Result<Vec<EditorSymbol>> {
        if !self.backend.editor.capabilities().nexus.symbols {
            return Err(cannot("symbols", "write @path#L3-9 instead"));
        }
        let params = EditorSymbolsParams { query: query.to_owned(), root: self.root.uri.clone() };
        let found = self.ask::<SymbolsRequest>(params).await?;
        let symbol = |info: EditorSymbolInfo| {
            let place = place(&info.uri, info.range)?;
            Some(EditorSymbol { name: info.name, kind: info.kind, container: info.container, place })
        };
        Ok(found.into_iter().filter_map(symbol).collect())
    }
}

impl Source {
    /// Those that code actions brought along.
    fn remembered(&self) -> Vec<EditorDiagnostic> {
        self.backend.diagnostics.of(None).into_iter().filter_map(|(uri, one)| seen(&uri, one)).collect()
    }
}

/// A diagnostic of the protocol. One without a severity is an error to most editors (LSP 3.18, Diagnostic).
fn seen(uri: &Uri, one: Diagnostic) -> Option<EditorDiagnostic> {
    let severity = match one.severity {
        Some(DiagnosticSeverity::Warning) => "warning",
        Some(DiagnosticSeverity::Information) => "information",
        Some(DiagnosticSeverity::Hint) => "hint",
        _ => "error",
    };
    let code = one.code.map(|code| match code {
        Code::Int(number) => number.to_string(),
        Code::String(text) => text,
    });
    Some(EditorDiagnostic {
        place: place(uri, one.range)?,
        severity: severity.to_owned(),
        message: text_of(&one.message).to_owned(),
        source: one.source,
        code,
    })
}

fn told(info: EditorDiagnosticInfo) -> Option<EditorDiagnostic> {
    let place = place(&info.uri, info.range)?;
    let EditorDiagnosticInfo { severity, message, source, code, .. } = info;
    Some(EditorDiagnostic { place, severity, message, source, code })
}

/// A place in a file; `None` for what is no file.
fn place(uri: &Uri, range: Range) -> Option<Place> {
    let path = path_of(uri).ok()?;
    // Links are resolved, as those of the root are.
    let path: PathBuf = path.canonicalize().unwrap_or(path);
    let Range { start, end } = range;
    Some(Place { path, start: (start.line, start.character), end: (end.line, end.character) })
}

fn cannot(what: &str, hint: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this editor does not tell {what}")).with_hint(hint)
}
