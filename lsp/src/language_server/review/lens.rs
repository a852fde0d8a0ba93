//! Accept and reject in the files themselves, as lenses and code actions, for editors without a plugin.

use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionResponse, CodeLens, CodeLensRefreshRequest, Command, Range,
};

use super::super::backend::Backend;
use super::super::commands::{ACCEPT, REJECT};
use super::super::documents::Document;
use super::super::editor::PROMPTLY;
use super::edit;
use super::state::Now;

/// A hunk of a document that waits for a decision.
struct Pending {
    session: String,
    hunk: String,
    range: Range,
}

/// What waits in a document, the session that was looked at last first.
fn pending(backend: &Backend, document: &Document) -> Vec<Pending> {
    let mut all = Vec::new();
    for (session, review) in backend.reviews.of_file(&document.uri) {
        for file in review.files.iter().filter(|file| file.is_at(&document.uri)) {
            let now = Now::of(backend, file);
            let lines = now.lines().unwrap_or_default();
            let judged = review.judge(file, &now).into_iter();
            all.extend(judged.filter(|one| one.state == "pending" && !one.is_stale).map(|one| Pending {
                session: session.clone(),
                hunk: one.hunk.id.clone(),
                range: edit::range(&lines, &one.placed.lines),
            }));
        }
    }
    all
}

/// Two lenses above each hunk that waits.
pub(crate) fn code_lenses(backend: &Backend, document: &Document) -> Vec<CodeLens> {
    if backend.editor.capabilities().nexus.chat {
        return Vec::new();
    }
    let lens = |one: &Pending, title: &str, command: &str| CodeLens {
        range: Range { start: one.range.start, end: one.range.start },
        command: Some(run(title, command, one, document, Some(&one.hunk))),
        data: None,
    };
    let pending = pending(backend, document);
    pending.iter().flat_map(|one| [lens(one, "Keep", ACCEPT), lens(one, "Take back", REJECT)]).collect()
}

/// The same for the hunks that a range touches, and for all of the document.
pub(crate) fn code_actions(backend: &Backend, document: &Document, range: Range) -> Vec<CodeActionResponse> {
    let pending = pending(backend, document);
    let touches =
        |one: &&Pending| one.range.start.line <= range.end.line && range.start.line <= one.range.end.line;
    let mut actions = Vec::new();
    for one in pending.iter().filter(touches) {
        actions.push(action(run("Keep this change of the agent", ACCEPT, one, document, Some(&one.hunk))));
        actions.push(action(run(
            "Take this change of the agent back",
            REJECT,
            one,
            document,
            Some(&one.hunk),
        )));
    }
    if let (false, [first, _, ..]) = (actions.is_empty(), pending.as_slice()) {
        let count = pending.iter().filter(|one| one.session == first.session).count();
        let (keep, back) = (
            format!("Keep all {count} changes of this file"),
            format!("Take all {count} changes of this file back"),
        );
        actions.push(action(run(&keep, ACCEPT, first, document, None)));
        actions.push(action(run(&back, REJECT, first, document, None)));
    }
    actions
}

fn run(title: &str, command: &str, one: &Pending, document: &Document, hunk: Option<&str>) -> Command {
    let mut arguments: Vec<Value> = vec![json!(one.session), json!(document.uri)];
    arguments.extend(hunk.map(|hunk| json!(hunk)));
    Command {
        title: title.to_owned(),
        command: command.to_owned(),
        arguments: Some(arguments),
        ..Command::default()
    }
}

fn action(command: Command) -> CodeActionResponse {
    CodeActionResponse::CodeAction(CodeAction {
        title: command.title.clone(),
        kind: Some(CodeActionKind::QuickFix),
        command: Some(command),
        ..CodeAction::default()
    })
}

/// Lenses are asked for again where the editor lets us say so. Returns at once.
pub(super) fn refresh(backend: &Backend) {
    if backend.editor.capabilities().code_lens_refresh {
        let backend = backend.clone();
        tokio::spawn(async move {
            if let Err(error) = backend.editor.ask::<CodeLensRefreshRequest>((), PROMPTLY).await {
                tracing::debug!(%error, "the lenses were not refreshed");
            }
        });
    }
}
