//! What a session has changed, as files and hunks that a person accepts or takes back, through the editor, so that undo works.
//!
//! | file | what lives there |
//! |---|---|
//! | `source` | what servers tell, and where their paths are |
//! | `patch`, `change` | unified diffs; what the prompts of a session have done together; hunks |
//! | `place` | where hunks stand in the file as it is now |
//! | `edit` | the edits that put old lines back |
//! | `state`, `decide` | what was decided, and doing it |
//! | `lens` | the same in the files themselves, for editors without a plugin |

mod change;
mod decide;
mod edit;
mod lens;
mod patch;
mod place;
mod source;
mod state;

use opencode_nexus::Result;
use tower_lsp_server::gen_lsp_types::Uri;

pub(crate) use self::lens::{code_actions, code_lenses};
pub(crate) use self::state::Reviews;
use self::state::{Now, Review};
use super::backend::Backend;
use super::ext::{
    ReviewDecideParams, ReviewDecision, ReviewFile, ReviewHunk, ReviewListParams, ReviewListResult,
    Root as Named,
};
use super::roots::{Root, uri_of};

/// The files and hunks of a session.
///
/// # Errors
/// Those of opening the session and of reading its diff.
pub(crate) async fn list(backend: &Backend, params: ReviewListParams) -> Result<ReviewListResult> {
    let root = root_of(backend, &params.root, &params.session_id)?;
    let mut review = read(backend, &root, &params.session_id).await?;
    let undone = review.undone(backend);
    backend.reviews.undecide(&params.session_id, &undone);
    undone.iter().for_each(|id| drop(review.decisions.remove(id)));
    Ok(shown(backend, &review))
}

/// Accepts hunks or takes them back; what is then. Waits for the editor, with a bound: for tasks of their own.
///
/// # Errors
/// Those of [`list`] and of the editor's edits; `user.not_found` for a hunk that is not there any more, `user.conflict` for
/// one that was written over.
pub(crate) async fn decide(backend: &Backend, params: ReviewDecideParams) -> Result<ReviewListResult> {
    let root = root_of(backend, &params.root, &params.session_id)?;
    decide_in(backend, &root, &params.session_id, &params.decisions).await
}

async fn decide_in(
    backend: &Backend,
    root: &Root,
    session: &str,
    decisions: &[ReviewDecision],
) -> Result<ReviewListResult> {
    let is_known = |review: &Review| {
        let ids = || review.files.iter().flat_map(|file| file.change.hunks.iter().map(|hunk| &hunk.id));
        decisions.iter().all(|decision| ids().any(|id| *id == decision.hunk_id))
    };
    let review = match backend.reviews.get(session).filter(is_known) {
        Some(review) => review,
        None => read(backend, root, session).await?,
    };
    decide::carry_out(backend, session, &review, decisions).await?;
    lens::refresh(backend);
    let review = backend.reviews.get(session).unwrap_or(review);
    Ok(shown(backend, &review))
}

/// A decision of the commands: one hunk of a file, or all that are pending in it.
///
/// # Errors
/// As [`decide()`].
pub(crate) async fn decide_file(
    backend: &Backend,
    session: &str,
    uri: Uri,
    hunk: Option<String>,
    accept: bool,
) -> Result<()> {
    let named = backend.reviews.get(session).map(|review| review.root.uri);
    let root = root_of(backend, &named, session)?;
    let hunks = match hunk {
        Some(hunk) => vec![hunk],
        None => {
            let review = read(backend, &root, session).await?;
            let mut pending = Vec::new();
            for file in review.files.iter().filter(|file| file.is_at(&uri)) {
                let judged = review.judge(file, &Now::of(backend, file)).into_iter();
                pending.extend(judged.filter(|one| one.state == "pending").map(|one| one.hunk.id.clone()));
            }
            pending
        }
    };
    let decide = |hunk_id| ReviewDecision { uri: uri.clone(), hunk_id, accept };
    let decisions: Vec<ReviewDecision> = hunks.into_iter().map(decide).collect();
    decide_in(backend, &root, session, &decisions).await.map(drop)
}

/// A turn is over. If it has changed files, the person is told in an editor without a plugin, and lenses appear. Returns at
/// once.
pub(crate) fn turn_ended(backend: &Backend, root: &Root, session: &str) {
    let (backend, root, session) = (backend.clone(), root.clone(), session.to_owned());
    if !backend.conversations.get(&session).is_some_and(|open| open.with_transcript(source::may_have_changed))
    {
        return;
    }
    tokio::spawn(async move {
        let before = backend.reviews.get(&session);
        let review = match read(&backend, &root, &session).await {
            Ok(review) => review,
            Err(error) => return tracing::debug!(%error, "what a turn has changed could not be read"),
        };
        let ids = |review: &Review| -> Vec<String> {
            review
                .files
                .iter()
                .flat_map(|file| file.change.hunks.iter().map(|hunk| hunk.id.clone()))
                .collect()
        };
        if before.as_ref().map(ids).unwrap_or_default() == ids(&review) {
            return;
        }
        lens::refresh(&backend);
        if let Some(line) =
            hint(&shown(&backend, &review)).filter(|_| !backend.editor.capabilities().nexus.chat)
        {
            backend.editor.show(&line).await;
        }
    });
}

/// What waits for the person, in a line.
fn hint(list: &ReviewListResult) -> Option<String> {
    let is_pending = |file: &&ReviewFile| file.hunks.iter().any(|hunk| hunk.state == "pending");
    let names: Vec<&str> = list.files.iter().filter(is_pending).map(|file| file.path.as_str()).collect();
    let what = match names.as_slice() {
        [] => return None,
        [one] => format!("changed {one}"),
        [one, two] => format!("changed {one} and {two}"),
        [one, rest @ ..] => format!("changed {one} and {} more files", rest.len()),
    };
    Some(format!("OpenCode {what}: keep or take back each change with the code actions there"))
}

/// Reads what a session has changed.
async fn read(backend: &Backend, root: &Root, session: &str) -> Result<Review> {
    let conversation = backend.conversations.open(backend, root, session).await?;
    let diffs = source::read(&conversation, &root.path).await?;
    Ok(backend.reviews.learn(root, &conversation, change::net(diffs)))
}

/// The root of a session: the one that is named, else the one in which it is open here, else the only one.
fn root_of(backend: &Backend, named: &Named, session: &str) -> Result<Root> {
    if named.is_none()
        && let Some(review) = backend.reviews.get(session)
    {
        return Ok(review.root);
    }
    let open = || {
        let conversation = backend.conversations.get(session)?;
        conversation.with_transcript(|transcript| transcript.session().map(|s| uri_of(s.directory.as_ref())))
    };
    backend.roots.resolve(&named.clone().or_else(open))
}

fn shown(backend: &Backend, review: &Review) -> ReviewListResult {
    let mut files: Vec<ReviewFile> = Vec::new();
    for file in review.files.iter() {
        let now = Now::of(backend, file);
        let lines = now.lines().unwrap_or_default();
        let hunks = review.judge(file, &now).into_iter().map(|judged| ReviewHunk {
            id: judged.hunk.id.clone(),
            range: edit::range(&lines, &judged.placed.lines),
            lines: file.change.shown(judged.hunk),
            state: judged.state.to_owned(),
        });
        match files.last_mut().filter(|last| last.uri == now.uri) {
            // Somebody wrote between two prompts: two changes, one file.
            Some(last) => {
                last.hunks.extend(hunks);
                last.status =
                    if last.status == "added" { "added".into() } else { file.change.status().into() };
            }
            None => files.push(ReviewFile {
                uri: now.uri.clone(),
                path: relative(&file.path, &review.root),
                status: file.change.status().to_owned(),
                hunks: hunks.collect(),
            }),
        }
    }
    ReviewListResult { files }
}

fn relative(path: &std::path::Path, root: &Root) -> String {
    path.strip_prefix(&root.path).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_files_that_wait_and_no_others() {
        let file = |path: &str, state: &str| ReviewFile {
            uri: uri_of(path.as_ref()),
            path: path.trim_start_matches('/').to_owned(),
            status: "modified".into(),
            hunks: vec![ReviewHunk {
                id: "1".into(),
                range: Default::default(),
                lines: Vec::new(),
                state: state.into(),
            }],
        };
        let line = |files: Vec<ReviewFile>| hint(&ReviewListResult { files });
        assert_eq!(line(vec![file("/a", "accepted")]), None);
        let one = line(vec![file("/a", "pending"), file("/b", "changed")]).unwrap();
        assert!(one.starts_with("OpenCode changed a: "), "{one}");
        let many = line(["/a", "/b", "/c"].map(|path| file(path, "pending")).into()).unwrap();
        assert!(many.starts_with("OpenCode changed a and 2 more files: "), "{many}");
    }
}
