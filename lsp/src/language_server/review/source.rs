//! What a session has changed, as servers tell it, and where their paths are.
//!
//! 1.18.33 works out the changes of each prompt some time after its turn, and answers for the whole session with nothing. Its
//! paths are relative to the git repository, wherever in it the session works; its messages name the same files absolutely.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use opencode_nexus::Result;
use opencode_nexus::chat::{Conversation, Transcript};
use opencode_nexus::model::{FileDiff, MessageId, PartBody, Role};

use super::change::net;

/// How long the server may take to work out what a turn has changed that is over.
const WORKED_OUT: Duration = Duration::from_secs(5);

/// How often it is asked meanwhile.
const AGAIN: Duration = Duration::from_millis(100);

/// So many prompts are asked for at once.
const AT_ONCE: usize = 8;

/// A prompt after which files were changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Prompt {
    id: MessageId,
    /// What its steps name.
    files: BTreeSet<PathBuf>,
    /// When the agent was done with it, Unix milliseconds.
    completed: u64,
}

/// What the prompts of a session have done, in their order.
///
/// # Errors
/// When the server cannot be reached.
pub(super) async fn read(conversation: &Conversation, root: &Path) -> Result<Vec<FileDiff>> {
    let whole = conversation.diff(None).await?;
    if !whole.is_empty() {
        return Ok(whole);
    }
    let (prompts, places) = conversation.with_transcript(|t| (prompts(t), Places::of(t, root)));
    let asked: Vec<_> = prompts.iter().map(|prompt| of_prompt(conversation, prompt, &places)).collect();
    let told: Vec<Vec<FileDiff>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    Ok(told.into_iter().flatten().collect())
}

/// Right after a turn the server tells what some of its steps have done (1.18.33, seen). So it is asked until what it tells is
/// what stands on the disk.
async fn of_prompt(conversation: &Conversation, prompt: &Prompt, places: &Places) -> Result<Vec<FileDiff>> {
    let begun = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let is_fresh = now < Duration::from_millis(prompt.completed) + WORKED_OUT;
    loop {
        let diff = conversation.diff(Some(&prompt.id)).await?;
        if !is_fresh || begun.elapsed() > WORKED_OUT || is_complete(&diff, prompt, places) {
            return Ok(diff);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether a diff has all files that the steps of a prompt name, as they stand on the disk.
fn is_complete(diff: &[FileDiff], prompt: &Prompt, places: &Places) -> bool {
    let told: Vec<_> = (net(diff.iter().cloned()).into_iter())
        .filter_map(|change| Some((places.file(&change.path)?, change)))
        .collect();
    prompt.files.iter().all(|file| {
        let change = told.iter().find(|(path, _)| path == file).map(|(_, change)| change);
        change.is_some_and(|change| {
            let text = std::fs::read(file).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let lines: Option<Vec<&str>> = text.as_deref().map(|text| text.split_inclusive('\n').collect());
            change.is_all_of(lines.as_deref())
        })
    })
}

/// The prompts after which files were changed, without those that are taken back.
fn prompts(transcript: &Transcript) -> Vec<Prompt> {
    let reverted = transcript.session().and_then(|session| session.revert.as_ref());
    let mut prompts: Vec<Prompt> = Vec::new();
    for message in transcript.messages() {
        if reverted.is_some_and(|reverted| reverted.message_id == message.id) {
            break;
        }
        if message.role == Role::User {
            prompts.push(Prompt { id: message.id.clone(), files: BTreeSet::new(), completed: 0 });
        } else if let Some(prompt) = prompts.last_mut() {
            prompt.completed = prompt.completed.max(message.completed.unwrap_or_default());
            for part in &message.parts {
                if let PartBody::Patch { files } = &part.body {
                    prompt.files.extend(files.iter().map(PathBuf::from));
                }
            }
        }
    }
    prompts.retain(|prompt| !prompt.files.is_empty());
    prompts
}

/// Whether the last turn can have changed files: a tool has run.
pub(super) fn may_have_changed(transcript: &Transcript) -> bool {
    let last = transcript.messages().iter().rev().take_while(|message| message.role != Role::User);
    let is_doing = |body: &PartBody| matches!(body, PartBody::Patch { .. } | PartBody::Tool(_));
    last.flat_map(|message| &message.parts).any(|part| is_doing(&part.body))
}

/// Where the paths of a session's changes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    folder: PathBuf,
    repository: Option<PathBuf>,
    /// Files that messages name.
    named: BTreeSet<PathBuf>,
}

impl Places {
    pub(super) fn of(transcript: &Transcript, root: &Path) -> Self {
        let folder = transcript.session().map_or(root, |session| Path::new(&session.directory));
        let repository = folder.ancestors().find(|above| above.join(".git").exists());
        let mut named = BTreeSet::new();
        for part in transcript.messages().iter().flat_map(|message| &message.parts) {
            if let PartBody::Patch { files } = &part.body {
                named.extend(files.iter().map(PathBuf::from));
            }
        }
        Self { folder: folder.to_owned(), repository: repository.map(Path::to_owned), named }
    }

    /// The file that a path means; `None` for one that leads out of where the session works.
    pub(super) fn file(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        let bases = || self.repository.iter().chain([&self.folder]);
        if path.is_absolute() {
            return bases()
                .any(|base| path.starts_with(base))
                .then(|| path.to_owned())
                .filter(|p| is_plain(p));
        }
        if !is_plain(path) || path.as_os_str().is_empty() {
            return None;
        }
        let there =
            |test: &dyn Fn(&Path) -> bool| bases().map(|base| base.join(path)).find(|file| test(file));
        there(&|file| self.named.contains(file)).or_else(|| there(&Path::exists)).or_else(|| there(&|_| true))
    }
}

fn is_plain(path: &Path) -> bool {
    path.components().all(|part| !matches!(part, Component::ParentDir | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_repositorys_before_it_is_the_folders_and_never_outside() {
        let here = tempfile::tempdir().unwrap();
        let repository = here.path().to_owned();
        let folder = repository.join("sub");
        std::fs::create_dir_all(&folder).unwrap();
        let named = repository.join("sub/new.txt");
        let places = Places {
            folder: folder.clone(),
            repository: Some(repository.clone()),
            named: [named.clone()].into(),
        };
        assert_eq!(places.file("sub/new.txt"), Some(named));
        assert_eq!(places.file("gone.txt"), Some(repository.join("gone.txt")));
        std::fs::write(folder.join("here.txt"), "").unwrap();
        assert_eq!(places.file("here.txt"), Some(folder.join("here.txt")));
        for outside in ["../x", "a/../../x", "/etc/passwd", ""] {
            assert_eq!(places.file(outside), None, "{outside}");
        }
        let inside = folder.join("x");
        assert_eq!(places.file(&inside.to_string_lossy()), Some(inside));
    }
}
