//! What is known of the sessions under review: their changes as they were last read, and what the person has decided.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencode_nexus::chat::Conversation;
use tower_lsp_server::gen_lsp_types::Uri;

use super::super::backend::Backend;
use super::super::roots::{Root, path_of, uri_of};
use super::change::{Change, Hunk, digest};
use super::place::{Placed, Standing, place};
use super::source::Places;

/// So many sessions are remembered; the ones that were looked at last.
const SESSIONS: usize = 32;

/// The sessions under review.
#[derive(Default)]
pub(crate) struct Reviews {
    /// The last one was looked at last.
    sessions: Mutex<Vec<(String, Review)>>,
}

/// One session under review; cheap to clone.
#[derive(Clone)]
pub(super) struct Review {
    pub root: Root,
    pub files: Arc<Vec<File>>,
    pub decisions: HashMap<String, Decision>,
}

/// A change with its file.
pub(super) struct File {
    pub path: PathBuf,
    pub change: Change,
}

impl File {
    /// Whether an address means it. Editors spell addresses in their own way, and links lead to the same file.
    pub(super) fn is_at(&self, uri: &Uri) -> bool {
        path_of(uri).is_ok_and(|path| {
            let resolved = |path: &Path| path.canonicalize().ok();
            path == self.path
                || path.file_name() == self.path.file_name()
                    && resolved(&path).is_some_and(|path| Some(path) == resolved(&self.path))
        })
    }
}

/// What the person has said of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Accepted,
    /// Taken back, when the file was this. Until something else is seen of it, the editor holds the old lines unsaved.
    Rejected(Seen),
}

/// In which state a file was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Open(i32),
    Disk(Option<String>),
}

/// A file as it is now: the open document, else what stands on the disk.
pub(super) struct Now {
    /// As the editor spells it.
    pub uri: Uri,
    pub text: Option<String>,
    pub seen: Seen,
}

impl Reviews {
    fn lock(&self) -> MutexGuard<'_, Vec<(String, Review)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, session: &str) -> Option<Review> {
        self.lock().iter().find(|(id, _)| id == session).map(|(_, review)| review.clone())
    }

    /// The sessions that have changed a file, the last one first.
    pub(super) fn of_file(&self, uri: &Uri) -> Vec<(String, Review)> {
        let sessions = self.lock();
        let touch = |review: &Review| review.files.iter().any(|file| file.is_at(uri));
        sessions.iter().rev().filter(|(_, review)| touch(review)).cloned().collect()
    }

    /// Takes what was read of a session. What was decided stays as long as its hunks are there.
    pub(super) fn learn(&self, root: &Root, conversation: &Conversation, changes: Vec<Change>) -> Review {
        let places = conversation.with_transcript(|transcript| Places::of(transcript, &root.path));
        let file = |change: Change| {
            let path = places.file(&change.path)?;
            Some(File { path, change })
        };
        let files: Vec<File> = changes.into_iter().filter_map(file).collect();
        let session = conversation.session_id().as_str();
        let mut sessions = self.lock();
        let known = sessions.iter().position(|(id, _)| id == session).map(|at| sessions.remove(at).1);
        let mut decisions = known.map(|known| known.decisions).unwrap_or_default();
        let is_there = |id: &String| files.iter().any(|file| file.change.hunks.iter().any(|h| h.id == *id));
        decisions.retain(|id, _| is_there(id));
        let review = Review { root: root.clone(), files: Arc::new(files), decisions };
        sessions.push((session.to_owned(), review.clone()));
        if sessions.len() > SESSIONS {
            sessions.remove(0);
        }
        review
    }

    /// Remembers what was decided.
    pub(super) fn decide(&self, session: &str, decisions: impl IntoIterator<Item = (String, Decision)>) {
        if let Some((_, review)) = self.lock().iter_mut().find(|(id, _)| id == session) {
            review.decisions.extend(decisions);
        }
    }

    /// Forgets what was decided.
    pub(super) fn undecide(&self, session: &str, ids: &[String]) {
        if let Some((_, review)) = self.lock().iter_mut().find(|(id, _)| id == session) {
            ids.iter().for_each(|id| drop(review.decisions.remove(id)));
        }
    }
}

impl Now {
    pub(super) fn of(backend: &Backend, file: &File) -> Self {
        let uri = uri_of(&file.path);
        let open = backend.documents.get(&uri);
        let open =
            open.or_else(|| backend.documents.all().into_iter().find(|document| file.is_at(&document.uri)));
        match open {
            Some(document) => Self {
                uri: document.uri,
                text: Some(document.text.to_string()),
                seen: Seen::Open(document.version),
            },
            None => Self::on_disk(&file.path),
        }
    }

    /// A file of another encoding is read as the server reads it.
    pub(super) fn on_disk(path: &Path) -> Self {
        let text = std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self { uri: uri_of(path), seen: Seen::Disk(text.as_deref().map(digest)), text }
    }

    pub(super) fn lines(&self) -> Option<Vec<&str>> {
        self.text.as_deref().map(|text| text.split_inclusive('\n').collect())
    }
}

/// A hunk with what has become of it.
pub(super) struct Judged<'a> {
    pub hunk: &'a Hunk,
    pub placed: Placed,
    /// The word of the protocol: `pending`, `accepted`, `rejected`, `changed`.
    pub state: &'static str,
    /// The agent's lines are on the disk, and the editor has not loaded them.
    pub is_stale: bool,
}

impl Review {
    /// Hunks that were taken back, and brought again by the person: nothing is decided about them any more.
    pub(super) fn undone(&self, backend: &Backend) -> Vec<String> {
        let mut undone = Vec::new();
        for file in self.files.iter() {
            let judged = self.judge(file, &Now::of(backend, file)).into_iter();
            undone.extend(judged.filter(|one| one.state == "pending").map(|one| one.hunk.id.clone()));
        }
        undone
    }

    /// The hunks of a change in the file as it is.
    pub(super) fn judge<'a>(&self, file: &'a File, now: &Now) -> Vec<Judged<'a>> {
        let change = &file.change;
        let rejected: Vec<bool> = change
            .hunks
            .iter()
            .map(|hunk| matches!(self.decisions.get(&hunk.id), Some(Decision::Rejected(_))))
            .collect();
        let placed = place(change, now.lines().as_deref(), &rejected);
        let disk = self.disk(file, now, &placed, &rejected);
        let mut judged = Vec::new();
        for (number, (hunk, placed)) in change.hunks.iter().zip(placed).enumerate() {
            let is_stale = disk.as_ref().is_some_and(|disk| {
                !rejected[number]
                    && placed.standing == Standing::Undone
                    && disk[number].standing == Standing::Done
            });
            let state = match (self.decisions.get(&hunk.id), placed.standing) {
                (Some(Decision::Accepted), Standing::Done | Standing::Changed) => "accepted",
                (Some(Decision::Rejected(seen)), _) if *seen == now.seen => "rejected",
                (Some(Decision::Rejected(_)), Standing::Changed) => "rejected",
                (_, Standing::Undone) if is_stale => "pending",
                (_, Standing::Undone) => "rejected",
                (_, Standing::Done) if change.is_known(hunk) => "pending",
                (_, Standing::Done | Standing::Changed) => "changed",
            };
            judged.push(Judged { hunk, placed, state, is_stale });
        }
        judged
    }

    /// An editor does not always see at once that an agent has written a file that it shows.
    fn disk(&self, file: &File, now: &Now, placed: &[Placed], rejected: &[bool]) -> Option<Vec<Placed>> {
        let is_odd = |(placed, rejected): (&Placed, &bool)| placed.standing == Standing::Undone && !rejected;
        let is_open = matches!(now.seen, Seen::Open(_));
        (is_open && placed.iter().zip(rejected).any(is_odd))
            .then(|| place(&file.change, Now::on_disk(&file.path).lines().as_deref(), rejected))
    }
}

#[cfg(test)]
mod tests {
    use opencode_nexus::model::FileDiff;

    use super::super::change::net;
    use super::*;

    const OLD: &str = "a\nb\nc\n";
    const NEW: &str = "a\nB\nc\n";

    struct Here {
        review: Review,
        file: File,
        _folder: tempfile::TempDir,
    }

    fn here(disk: &str) -> Here {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, disk).unwrap();
        let diff = similar::TextDiff::from_lines(OLD, NEW);
        let patch = Some(diff.unified_diff().to_string());
        let diff = FileDiff { path: "f".into(), patch, additions: 1, deletions: 1, status: None };
        let file = File { path, change: net([diff]).remove(0) };
        let root = Root { uri: uri_of(folder.path()), path: folder.path().into() };
        let review = Review { root, files: Arc::default(), decisions: HashMap::new() };
        Here { review, file, _folder: folder }
    }

    impl Here {
        fn decided(mut self, decision: Decision) -> Self {
            self.review.decisions.insert(self.file.change.hunks[0].id.clone(), decision);
            self
        }

        fn open(&self, text: &str, version: i32) -> (&'static str, bool) {
            let uri = uri_of(&self.file.path);
            self.state(&Now { uri, text: Some(text.to_owned()), seen: Seen::Open(version) })
        }

        fn on_disk(&self) -> (&'static str, bool) {
            self.state(&Now::on_disk(&self.file.path))
        }

        fn state(&self, now: &Now) -> (&'static str, bool) {
            let judged = self.review.judge(&self.file, now);
            (judged[0].state, judged[0].is_stale)
        }
    }

    #[test]
    fn without_a_decision_the_text_says_what_has_become_of_a_hunk() {
        assert_eq!(here(NEW).on_disk(), ("pending", false));
        assert_eq!(here(OLD).on_disk(), ("rejected", false));
        assert_eq!(here("a\nmine\nc\n").on_disk(), ("changed", false));
    }

    #[test]
    fn an_editor_that_has_not_loaded_a_file_again_shows_nothing_that_could_be_taken_back() {
        assert_eq!(here(NEW).open(OLD, 3), ("pending", true));
        assert_eq!(here(OLD).open(OLD, 3), ("rejected", false));
        assert_eq!(here(OLD).open(NEW, 3), ("pending", false));
    }

    #[test]
    fn what_was_accepted_stays_so_whatever_is_written_there_and_comes_back_when_it_is_undone() {
        let accepted = |disk: &str| here(disk).decided(Decision::Accepted).on_disk().0;
        assert_eq!(accepted(NEW), "accepted");
        assert_eq!(accepted("a\nmine\nc\n"), "accepted");
        assert_eq!(accepted(OLD), "rejected");
    }

    #[test]
    fn what_was_taken_back_is_so_before_the_editor_has_saved_it_and_waits_again_after_undo() {
        let seen = Now::on_disk(&here(NEW).file.path).seen;
        let unsaved = here(NEW).decided(Decision::Rejected(seen.clone()));
        assert_eq!(unsaved.on_disk(), ("rejected", false));
        assert_eq!(unsaved.open(NEW, 4), ("pending", false), "the editor shows the new lines");
        assert_eq!(here(NEW).decided(Decision::Rejected(Seen::Open(4))).open(NEW, 4).0, "rejected");
        assert_eq!(here(NEW).decided(Decision::Rejected(Seen::Open(4))).open(NEW, 6).0, "pending");
        assert_eq!(here(NEW).decided(Decision::Rejected(Seen::Open(4))).open(OLD, 5).0, "rejected");
        assert_eq!(here(NEW).decided(Decision::Rejected(seen)).open("a\nmine\nc\n", 5).0, "rejected");
    }
}
