//! The files of the project, for completion: as git sees them, read in the background and kept for a moment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ignore::WalkBuilder;
use tokio::sync::watch;

/// A larger project is completed from so many of its files.
const LIMIT: usize = 100_000;

/// A list that is older is read again behind the back of who asks.
const FRESH: Duration = Duration::from_secs(3);

/// So many projects are remembered.
const PROJECTS: usize = 16;

/// Paths relative to the folder, folders with a slash at the end, shallow ones first. What git ignores is left out. Reads the
/// disk, so call it where that may block.
pub fn project_files(folder: &Path) -> Vec<String> {
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .build();
    let mut all: Vec<String> = walk
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(folder).ok()?.to_str()?;
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            (!path.is_empty()).then(|| format!("{path}{}", if folder { "/" } else { "" }))
        })
        .take(LIMIT)
        .collect();
    all.sort_by_key(|path| path.matches('/').count());
    all
}

/// The lists of projects.
#[derive(Clone, Default)]
pub(crate) struct ProjectFiles {
    known: Arc<Mutex<HashMap<PathBuf, Known>>>,
}

struct Known {
    list: watch::Receiver<Option<Arc<[String]>>>,
    /// When it was begun to be read.
    begun: Instant,
}

impl ProjectFiles {
    /// The list of a project. Who drops this before it is there finds it the next time: the reading goes on.
    pub(crate) async fn of(&self, folder: &Path) -> Arc<[String]> {
        let mut list = self.reading(folder);
        match list.wait_for(Option::is_some).await {
            Ok(list) => list.clone().unwrap_or_default(),
            // Its task has failed.
            Err(_) => Arc::default(),
        }
    }

    fn reading(&self, folder: &Path) -> watch::Receiver<Option<Arc<[String]>>> {
        let mut known = self.lock();
        let old = known.get(folder).map(|known| (known.list.clone(), known.begun));
        if let Some((list, begun)) = &old {
            // One that is still being read is not read twice, and one whose task has failed is read again.
            let (there, failed) = (list.borrow().is_some(), list.has_changed().is_err());
            if (there || !failed) && (!there || begun.elapsed() < FRESH) {
                return list.clone();
            }
        }
        let before = old.and_then(|(list, _)| list.borrow().clone());
        let (told, list) = watch::channel(before);
        if known.len() >= PROJECTS {
            known.clear();
        }
        known.insert(folder.to_owned(), Known { list: list.clone(), begun: Instant::now() });
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || {
            let files = project_files(&folder);
            // Nobody waits for it any more.
            let _ = told.send(Some(files.into()));
        });
        list
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_git_ignores_are_left_out() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir_all(folder.path().join(".git"))?;
        std::fs::create_dir_all(folder.path().join("src"))?;
        for (name, text) in
            [(".gitignore", "secret.txt\n"), ("secret.txt", ""), ("src/a.rs", ""), ("b.md", "")]
        {
            std::fs::write(folder.path().join(name), text)?;
        }
        assert_eq!(project_files(folder.path()), [".gitignore", "b.md", "src/", "src/a.rs"]);
        Ok(())
    }

    #[tokio::test]
    async fn a_list_is_kept_and_shared() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        let files = ProjectFiles::default();
        let (one, other) = tokio::join!(files.of(folder.path()), files.of(folder.path()));
        assert_eq!(*one, ["a"]);
        assert!(Arc::ptr_eq(&one, &other));
    }
}
