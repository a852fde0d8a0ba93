//! Which of several programs runs a frontend that runs once.
//!
//! An editor and a terminal may be open for the same folder and the same server, each with the person's plugins. A page shows the
//! same in both, but a message to a chat room must be sent once. So a frontend whose manifest says `once` runs in one program: in
//! the one that holds a lock for the plugin, the server and the folder. The system lets go of a lock when its process ends, however
//! it ends; another program that waits for it has it at once, starts the plugin and tells it what goes on.

use std::fs::File;
use std::io::Result;
use std::path::{Path, PathBuf};

use opencode_nexus::folders::create_private;
use tokio::sync::oneshot;

use crate::bundle::sha256;

/// A file loses its name between being opened and being locked when its holder ends just then: somebody else has had a turn. More
/// often in a row it is the file system that gives other names each time.
const ATTEMPTS: usize = 1_000;

/// How one plugin gets its turns.
#[derive(Debug)]
pub(crate) struct Voice {
    folder: PathBuf,
    plugin: String,
}

impl Voice {
    /// `folder` gets a file for each place where somebody has a turn.
    pub(crate) fn new(folder: PathBuf, plugin: &str) -> Self {
        Self { folder, plugin: plugin.to_owned() }
    }

    /// Waits for the turn at a place. Where locks cannot be had (`None`), it is everybody's: better told twice than not at all.
    pub(crate) async fn turn(&self, place: &str) -> Option<Turn> {
        let (tell, told) = oneshot::channel();
        let (folder, path) = (self.folder.clone(), self.folder.join(self.name(place)));
        // Waiting for a lock cannot be ended, and a runtime would wait for the thread at its own end.
        let waiting = std::thread::Builder::new().name("plugin-voice".to_owned()).spawn(move || {
            // Whoever has asked may be gone by now.
            let _ = tell.send(Turn::take(&folder, path));
        });
        let taken = match waiting {
            Ok(_) => told.await.unwrap_or_else(|error| Err(std::io::Error::other(error))),
            Err(error) => Err(error),
        };
        taken
            .inspect_err(|error| {
                tracing::warn!(plugin = self.plugin, %error, "it may run in several programs");
            })
            .ok()
    }

    fn name(&self, place: &str) -> String {
        sha256(format!("{}\n{place}", self.plugin).as_bytes()) + ".lock"
    }
}

/// The right to run it at one place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    path: PathBuf,
    _file: File,
}

impl Turn {
    fn take(folder: &Path, path: PathBuf) -> Result<Self> {
        create_private(folder)?;
        for _ in 0..ATTEMPTS {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            if is_at(&file, &path)? {
                return Ok(Self { path, _file: file });
            }
        }
        Err(std::io::Error::other("its lock is taken away again and again"))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Servers have many addresses in time. Elsewhere an open file keeps its name, and nobody could make it anew.
        #[cfg(unix)]
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether an open file is still the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let (open, named) = (file.metadata()?, std::fs::metadata(path));
    match named {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_millis(300);
    const BOUND: Duration = Duration::from_secs(20);

    fn voice(folder: &tempfile::TempDir, plugin: &str) -> Voice {
        Voice::new(folder.path().join("speaking"), plugin)
    }

    #[tokio::test]
    async fn it_is_one_programs_turn_and_then_the_next_ones_and_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (voice(&folder, "acme.bell"), voice(&folder, "acme.bell"));
        let turn = first.turn("here").await.expect("nobody else has it");
        let waiting = second.turn("here");
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(SOON, &mut waiting).await.is_err(), "both at once");
        for (plugin, place) in [("acme.bell", "there"), ("acme.horn", "here")] {
            let other = tokio::time::timeout(BOUND, voice(&folder, plugin).turn(place)).await;
            assert!(other.expect("in time").is_some(), "{plugin} {place}");
        }
        drop(turn);
        let turn = tokio::time::timeout(BOUND, waiting).await.expect("in time").expect("it is free");
        drop(turn);
        assert_eq!(std::fs::read_dir(folder.path().join("speaking")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn many_who_come_and_go_are_never_two_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let speaking = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let one = |voice: Voice, speaking: std::sync::Arc<std::sync::atomic::AtomicUsize>| async move {
            for _ in 0..20 {
                let turn = voice.turn("here").await.expect("a turn");
                assert_eq!(speaking.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                speaking.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                drop(turn);
            }
        };
        let all: Vec<_> =
            (0..8).map(|_| tokio::spawn(one(voice(&folder, "acme.bell"), speaking.clone()))).collect();
        for task in all {
            tokio::time::timeout(BOUND, task).await.expect("in time").expect("alone");
        }
    }

    #[tokio::test]
    async fn without_locks_it_is_everybodys_turn() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("speaking"), "a file where the folder should be").unwrap();
        assert!(voice(&folder, "acme.bell").turn("here").await.is_none());
    }
}
