//! `textDocument/codeAction`: explain, fix, write tests, document, review what is selected; accept and reject under review.
//! Offering needs no server, and nothing but the request itself.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tower_lsp_server::gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionParams, CodeActionResponse, CodeActionTriggerKind, Command,
    Diagnostic, Message, Range, Uri,
};
use tower_lsp_server::jsonrpc::Result;

use super::backend::Backend;
use super::commands::{DOCUMENT, EXPLAIN, FIX, REVIEW_SELECTION, TESTS};
use super::{chat_file, review};

/// So many files are remembered with their diagnostics.
const FILES: usize = 256;

/// At most so many characters of a diagnostic stand in a title.
const TITLE: usize = 60;

/// `textDocument/codeAction`
pub(crate) async fn code_action(
    backend: &Backend,
    params: CodeActionParams,
) -> Result<Option<Vec<CodeActionResponse>>> {
    let uri = &params.text_document.uri;
    backend.diagnostics.seen(uri, params.range, &params.context.diagnostics);
    let mut actions = Vec::new();
    let document = backend.documents.get(uri);
    if let Some(document) = &document {
        actions.extend(chat_file::code_actions(backend, document));
        if actions.is_empty() {
            actions.extend(review::code_actions(backend, document, params.range));
        }
    }
    if !document.as_ref().is_some_and(chat_file::is_chat) && uri.0.starts_with("file:") {
        actions.extend(offered(&params));
    }
    if let Some(only) = &params.context.only {
        actions.retain(|action| only.iter().any(|wanted| is_of(action, wanted)));
    }
    Ok(Some(actions))
}

/// What can be done with code.
fn offered(params: &CodeActionParams) -> Vec<CodeActionResponse> {
    let (uri, range) = (&params.text_document.uri, params.range);
    let diagnostics = &params.context.diagnostics;
    let mut actions = Vec::new();
    for one in diagnostics {
        let title = format!("Fix with OpenCode: {}", short(text_of(&one.message)));
        actions.push(action(
            &title,
            CodeActionKind::QuickFix,
            FIX,
            uri,
            one.range,
            std::slice::from_ref(one),
        ));
    }
    if diagnostics.len() > 1 {
        let title = format!("Fix all {} problems here with OpenCode", diagnostics.len());
        let around = diagnostics.iter().fold(range, |range, one| Range {
            start: range.start.min(one.range.start),
            end: range.end.max(one.range.end),
        });
        actions.push(action(&title, CodeActionKind::QuickFix, FIX, uri, around, diagnostics));
    }
    // An editor asks by itself wherever the cursor goes; a bulb that is always lit says nothing.
    let is_automatic = params.context.trigger_kind == Some(CodeActionTriggerKind::Automatic);
    let is_empty = range.start == range.end;
    if is_empty && is_automatic {
        return actions;
    }
    let what = if is_empty { "this file" } else { "the selection" };
    for (title, kind, command) in [
        (format!("Explain {what} with OpenCode"), CodeActionKind::Refactor, EXPLAIN),
        (format!("Write tests for {what} with OpenCode"), CodeActionKind::RefactorRewrite, TESTS),
        (format!("Document {what} with OpenCode"), CodeActionKind::RefactorRewrite, DOCUMENT),
        (format!("Review {what} with OpenCode"), CodeActionKind::Refactor, REVIEW_SELECTION),
    ] {
        actions.push(action(&title, kind, command, uri, range, diagnostics));
    }
    actions
}

fn action(
    title: &str,
    kind: CodeActionKind,
    command: &str,
    uri: &Uri,
    range: Range,
    diagnostics: &[Diagnostic],
) -> CodeActionResponse {
    let fixed = (kind == CodeActionKind::QuickFix).then(|| diagnostics.to_vec());
    CodeActionResponse::CodeAction(CodeAction {
        title: title.to_owned(),
        kind: Some(kind),
        diagnostics: fixed,
        command: Some(Command {
            title: title.to_owned(),
            command: command.to_owned(),
            arguments: Some(vec![json!(uri), json!(range), json!(diagnostics)]),
            ..Command::default()
        }),
        ..CodeAction::default()
    })
}

/// Whether an action is of a kind that was asked for, or of one below it (LSP 3.18, CodeActionKind: kinds are a hierarchy by
/// their dots).
fn is_of(action: &CodeActionResponse, wanted: &CodeActionKind) -> bool {
    let CodeActionResponse::CodeAction(action) = action else { return false };
    let name = |kind: &CodeActionKind| String::from(kind.clone());
    let (kind, wanted) = (action.kind.as_ref().map(name).unwrap_or_default(), name(wanted));
    wanted.is_empty()
        || kind.strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What a diagnostic says.
pub(crate) fn text_of(message: &Message) -> &str {
    match message {
        Message::String(text) => text,
        Message::MarkupContent(content) => &content.value,
    }
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(TITLE) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

/// Diagnostics of other servers, as editors send them along: the protocol has no way to ask for them.
#[derive(Default)]
pub(crate) struct Diagnostics {
    files: Mutex<HashMap<Uri, Vec<Diagnostic>>>,
}

impl Diagnostics {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uri, Vec<Diagnostic>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These, and no others, are in the range now.
    fn seen(&self, uri: &Uri, range: Range, diagnostics: &[Diagnostic]) {
        let mut files = self.lock();
        let known = files.entry(uri.clone()).or_default();
        known.retain(|one| one.range.end < range.start || one.range.start > range.end);
        known.retain(|one| !diagnostics.contains(one));
        known.extend(diagnostics.iter().cloned());
        if known.is_empty() {
            files.remove(uri);
        }
        if files.len() > FILES
            && let Some(other) = files.keys().find(|other| *other != uri).cloned()
        {
            files.remove(&other);
        }
    }

    /// Those of one file, or all.
    pub(crate) fn of(&self, uri: Option<&Uri>) -> Vec<(Uri, Diagnostic)> {
        let files = self.lock();
        let meant = files.iter().filter(|(file, _)| uri.is_none_or(|uri| uri == *file));
        meant.flat_map(|(file, all)| all.iter().map(|one| (file.clone(), one.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use tower_lsp_server::gen_lsp_types::{CodeActionContext, Position};

    use super::*;

    fn range(from: u32, to: u32) -> Range {
        Range { start: Position { line: from, character: 0 }, end: Position { line: to, character: 0 } }
    }

    fn problem(line: u32, text: &str) -> Diagnostic {
        Diagnostic {
            range: range(line, line + 1),
            message: Message::String(text.into()),
            ..Diagnostic::default()
        }
    }

    fn uri() -> Uri {
        super::super::roots::uri_of("/project/a.rs".as_ref())
    }

    fn asked(range: Range, diagnostics: Vec<Diagnostic>, automatic: bool) -> CodeActionParams {
        let trigger_kind = automatic.then_some(CodeActionTriggerKind::Automatic);
        let mut params: CodeActionParams = serde_json::from_value(json!({
            "textDocument": {"uri": uri()}, "range": range, "context": {"diagnostics": []}
        }))
        .unwrap();
        params.context = CodeActionContext { diagnostics, only: None, trigger_kind };
        params
    }

    fn titles(actions: &[CodeActionResponse]) -> Vec<(String, String)> {
        let title = |action: &CodeActionResponse| match action {
            CodeActionResponse::CodeAction(a) => {
                (a.title.clone(), a.kind.clone().map(String::from).unwrap_or_default())
            }
            CodeActionResponse::Command(c) => (c.title.clone(), String::new()),
        };
        actions.iter().map(title).collect()
    }

    #[test]
    fn each_problem_has_a_fix_and_all_of_them_one_together() {
        let many = vec![problem(1, "mismatched types\nexpected u8"), problem(3, &"x".repeat(100))];
        let offered = titles(&offered(&asked(range(0, 5), many, false)));
        assert_eq!(offered[0].0, "Fix with OpenCode: mismatched types");
        assert_eq!(offered[1].0, format!("Fix with OpenCode: {}…", "x".repeat(60)));
        assert_eq!(offered[2].0, "Fix all 2 problems here with OpenCode");
        assert!(offered[..3].iter().all(|(_, kind)| kind == "quickfix"));
        assert_eq!(offered.len(), 7);
    }

    #[test]
    fn a_cursor_that_moves_lights_no_bulb() {
        assert_eq!(titles(&offered(&asked(range(2, 2), Vec::new(), true))), []);
        assert_eq!(
            offered(&asked(range(2, 2), Vec::new(), false)).len(),
            4,
            "a person who asks gets the file"
        );
        assert_eq!(offered(&asked(range(2, 3), Vec::new(), true)).len(), 4);
    }

    #[test]
    fn only_the_kinds_that_were_asked_for_are_offered() {
        let all = offered(&asked(range(0, 5), vec![problem(1, "x")], false));
        let count = |kind: CodeActionKind| all.iter().filter(|action| is_of(action, &kind)).count();
        assert_eq!(count(CodeActionKind::QuickFix), 1);
        assert_eq!(count(CodeActionKind::Refactor), 4);
        assert_eq!(count(CodeActionKind::RefactorRewrite), 2);
        assert_eq!(count(CodeActionKind::new("refactor.rewr")), 0);
        assert_eq!(count(CodeActionKind::Source), 0);
        assert_eq!(count(CodeActionKind::Empty), 5);
    }

    #[test]
    fn diagnostics_are_those_that_were_seen_last_in_each_place() {
        let known = Diagnostics::default();
        known.seen(&uri(), range(0, 9), &[problem(1, "old"), problem(5, "stays")]);
        known.seen(&uri(), range(0, 3), &[problem(2, "new")]);
        let texts = |all: Vec<(Uri, Diagnostic)>| -> Vec<String> {
            all.iter().map(|(_, one)| text_of(&one.message).to_owned()).collect()
        };
        assert_eq!(texts(known.of(Some(&uri()))), ["stays", "new"]);
        known.seen(&uri(), range(0, 9), &[]);
        assert_eq!(known.of(None).len(), 0);
    }
}
