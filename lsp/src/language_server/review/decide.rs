//! Accepting hunks and taking them back. What is taken back goes through the editor, so that undo works, and is saved where an
//! editor saves what it is told to be a refactoring (VS Code); the protocol itself cannot save.

use std::collections::HashMap;

use opencode_nexus::{Error, ErrorKind, Result};
use tower_lsp_server::gen_lsp_types::{
    ApplyWorkspaceEditParams, ApplyWorkspaceEditRequest, CreateFile, DeleteFile, DocumentChange, Edit,
    OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextDocumentIdentifier, TextEdit, Uri,
    WorkspaceEdit, WorkspaceEditMetadata,
};

use super::super::backend::Backend;
use super::super::editor::PROMPTLY;
use super::super::ext::ReviewDecision;
use super::change::Hunk;
use super::edit::{self, Back};
use super::state::{Decision, File, Judged, Now, Review, Seen};

/// What is done for some decisions.
#[derive(Default)]
struct Plan {
    accepted: Vec<String>,
    rejected: Vec<(String, Seen)>,
    edits: Vec<(Uri, Option<i32>, Vec<TextEdit>)>,
    created: Vec<(Uri, String)>,
    deleted: Vec<Gone>,
}

/// A file that goes.
struct Gone {
    uri: Uri,
    path: std::path::PathBuf,
}

/// Does what was decided, all of it or nothing.
///
/// # Errors
/// `user.not_found` for a hunk that is not there any more, `user.conflict` for one that cannot be taken back; those of the
/// editor.
pub(super) async fn carry_out(
    backend: &Backend,
    session: &str,
    review: &Review,
    decisions: &[ReviewDecision],
) -> Result<()> {
    let plan = plan(backend, review, decisions)?;
    apply(backend, &plan).await?;
    let accepted = plan.accepted.into_iter().map(|id| (id, Decision::Accepted));
    let rejected = plan.rejected.into_iter().map(|(id, seen)| (id, Decision::Rejected(seen)));
    backend.reviews.decide(session, accepted.chain(rejected));
    Ok(())
}

fn plan(backend: &Backend, review: &Review, decisions: &[ReviewDecision]) -> Result<Plan> {
    let mut wanted: HashMap<&str, &ReviewDecision> =
        decisions.iter().map(|decision| (decision.hunk_id.as_str(), decision)).collect();
    let mut plan = Plan::default();
    let mut back: Vec<(&File, Now, Vec<Back<'_>>)> = Vec::new();
    for file in review.files.iter() {
        let is_meant = |hunk: &Hunk| wanted.get(hunk.id.as_str()).is_some_and(|one| file.is_at(&one.uri));
        if !file.change.hunks.iter().any(is_meant) {
            continue;
        }
        let now = Now::of(backend, file);
        let mut taken = Vec::new();
        for judged in review.judge(file, &now) {
            let Some(decision) = wanted.remove(judged.hunk.id.as_str()) else { continue };
            if decision.accept {
                plan.accepted.push(judged.hunk.id.clone());
            } else if judged.state != "rejected" {
                can_go(file, &judged)?;
                plan.rejected.push((judged.hunk.id.clone(), now.seen.clone()));
                taken.push(Back { change: &file.change, hunk: judged.hunk, lines: judged.placed.lines });
            }
        }
        if !taken.is_empty() {
            back.push((file, now, taken));
        }
    }
    if let Some(missing) = wanted.values().next() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no change {} in {}", missing.hunk_id, missing.uri.0),
        )
        .with_hint("list the changes again"));
    }
    plan.take_back(back);
    Ok(plan)
}

fn can_go(file: &File, judged: &Judged<'_>) -> Result<()> {
    let path = file.path.display();
    if judged.is_stale {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("{path} in the editor is not what is on the disk"),
        )
        .with_hint("load it again in the editor, or save it there; then decide"));
    }
    if judged.state == "changed" {
        return Err(Error::new(ErrorKind::Conflict, format!("a change of {path} was written over since"))
            .with_hint("change the lines by hand"));
    }
    Ok(())
}

impl Plan {
    /// One list of edits for each file, also where several changes of the session touch it.
    fn take_back(&mut self, back: Vec<(&File, Now, Vec<Back<'_>>)>) {
        let mut by_file: Vec<(&File, Now, Vec<Back<'_>>)> = Vec::new();
        for (file, now, taken) in back {
            if file.change.is_whole() {
                self.take_back_whole(file, now.uri);
            } else if let Some((_, _, all)) = by_file.iter_mut().find(|(known, _, _)| known.path == file.path)
            {
                all.extend(taken);
            } else {
                by_file.push((file, now, taken));
            }
        }
        for (_, now, taken) in by_file {
            let version = match now.seen {
                Seen::Open(version) => Some(version),
                Seen::Disk(_) => None,
            };
            let lines = now.lines().unwrap_or_default();
            self.edits.push((now.uri.clone(), version, edit::edits(&lines, taken)));
        }
    }

    fn take_back_whole(&mut self, file: &File, uri: Uri) {
        if file.change.before {
            let old = file.change.fragments.iter().flat_map(|fragment| fragment.old.iter());
            self.created.push((uri, old.map(String::as_str).collect()));
        } else {
            self.deleted.push(Gone { uri, path: file.path.clone() });
        }
    }

    fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.created.is_empty() && self.deleted.is_empty()
    }
}

async fn apply(backend: &Backend, plan: &Plan) -> Result<()> {
    if plan.is_empty() {
        return Ok(());
    }
    let capabilities = backend.editor.capabilities();
    let mut changes = Vec::new();
    if capabilities.delete_files {
        for file in &plan.deleted {
            changes.push(DocumentChange::DeleteFile(DeleteFile {
                uri: file.uri.clone(),
                options: None,
                annotation_id: None,
            }));
        }
    }
    for (uri, text) in &plan.created {
        if capabilities.create_files {
            changes.push(DocumentChange::CreateFile(CreateFile {
                uri: uri.clone(),
                options: None,
                annotation_id: None,
            }));
        }
        let whole = TextEdit { new_text: text.clone(), ..TextEdit::default() };
        changes.push(in_document(uri, None, vec![whole]));
    }
    changes.extend(plan.edits.iter().map(|(uri, version, edits)| in_document(uri, *version, edits.clone())));
    if !changes.is_empty() {
        ask(backend, WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() }).await?;
    }
    if !capabilities.delete_files {
        // There is no way through the editor then.
        for file in &plan.deleted {
            std::fs::remove_file(&file.path)?;
        }
    }
    Ok(())
}

fn in_document(uri: &Uri, version: Option<i32>, edits: Vec<TextEdit>) -> DocumentChange {
    DocumentChange::TextDocumentEdit(TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier {
            version,
            text_document_identifier: TextDocumentIdentifier { uri: uri.clone() },
        },
        edits: edits.into_iter().map(Edit::TextEdit).collect(),
    })
}

async fn ask(backend: &Backend, edit: WorkspaceEdit) -> Result<()> {
    let metadata = Some(WorkspaceEditMetadata { is_refactoring: Some(true) });
    let params = ApplyWorkspaceEditParams { label: None, edit, metadata };
    let answer = backend.editor.ask::<ApplyWorkspaceEditRequest>(params, PROMPTLY).await?;
    if answer.applied {
        return Ok(());
    }
    let reason = answer.failure_reason.unwrap_or_else(|| "it gave no reason".to_owned());
    Err(Error::new(ErrorKind::Conflict, format!("the editor did not take the change back: {reason}"))
        .with_hint("save or close what is open of these files, and decide again"))
}
