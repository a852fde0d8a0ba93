//! Servers whose owner is gone. The guardian ends them within seconds; this is for when it was killed as well.
//!
//! Nothing is ended by its name or number: it must carry our mark, and the owner that the mark names must not live.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{ProcessIdentity, kill, marked, owner_of};

/// The file in a fresh home that names the process to which it belongs.
pub(in crate::server) const OWNER_FILE: &str = ".nexus-owner";
/// How the names of fresh homes begin.
pub(in crate::server) const HOME_PREFIX: &str = "nexus-home-";
/// A guardian is given the time that it takes for itself before its server is ended over its head.
const GUARDIAN_BOUND: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// Killed processes can leave others behind that were just being started.
const ROUNDS: usize = 100;

/// What [`sweep`] has cleaned.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The processes that were ended.
    pub processes: Vec<u32>,
    /// The fresh homes that were removed.
    pub homes: Vec<PathBuf>,
    /// The background servers whose records were removed.
    pub instances: Vec<String>,
}

impl Swept {
    /// Whether there was nothing to clean.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty() && self.homes.is_empty() && self.instances.is_empty()
    }
}

/// Ends what servers have left whose owner was killed, and removes their fresh homes. A guardian that is still at work is
/// waited for, at most 5 s. Cancel safe: the next call does the rest.
pub async fn sweep() -> Swept {
    let mut swept = Swept { processes: end_orphans().await, ..Swept::default() };
    for home in abandoned_homes(&std::env::temp_dir()) {
        match std::fs::remove_dir_all(&home) {
            Ok(()) => swept.homes.push(home),
            Err(error) => tracing::warn!(home = %home.display(), %error, "cannot remove a left-over home"),
        }
    }
    swept
}

async fn end_orphans() -> Vec<u32> {
    let orphans = || marked().into_iter().filter(|(_, mark)| is_orphaned(mark)).map(|(pid, _)| pid);
    let deadline = tokio::time::Instant::now() + GUARDIAN_BOUND;
    while orphans().any(is_guardian) && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(PAUSE).await;
    }
    end_all(|| orphans().collect()).await
}

/// Ends everything that carries this mark.
pub(in crate::server) async fn end_marked(mark: &str) -> Vec<u32> {
    end_all(|| marked().into_iter().filter(|(_, found)| found == mark).map(|(pid, _)| pid).collect()).await
}

async fn end_all(find: impl Fn() -> Vec<u32>) -> Vec<u32> {
    let mut ended: Vec<ProcessIdentity> = Vec::new();
    for _ in 0..ROUNDS {
        let found = find();
        // One that was killed loses its mark with its memory, and on a loaded machine dies a little later.
        if found.is_empty() && !ended.iter().any(ProcessIdentity::lives) {
            break;
        }
        for pid in found {
            let process = ProcessIdentity::of(pid);
            kill(pid);
            ended.extend(process.filter(|process| !ended.contains(process)));
        }
        tokio::time::sleep(PAUSE).await;
    }
    ended.into_iter().map(|process| process.pid).collect()
}

fn is_orphaned(mark: &str) -> bool {
    owner_of(mark).is_some_and(|owner| !owner.lives())
}

/// The guardian is a shell whose name we gave it.
fn is_guardian(pid: u32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).nth(3) == Some(b"nexus-guard")
}

/// Says in a fresh home whose it is.
pub(in crate::server) fn sign(home: &Path) -> std::io::Result<()> {
    let ProcessIdentity { pid, started } = ProcessIdentity::current();
    std::fs::write(home.join(OWNER_FILE), format!("{pid} {started} home"))
}

/// The fresh homes in this folder that belong to us as a user, and whose owning process is gone.
fn abandoned_homes(temporary: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(temporary).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(HOME_PREFIX)))
        .filter(|entry| entry.metadata().is_ok_and(|meta| meta.is_dir() && is_mine(&meta)))
        .map(|entry| entry.path())
        .filter(|home| {
            std::fs::read_to_string(home.join(OWNER_FILE)).is_ok_and(|owner| is_orphaned(owner.trim()))
        })
        .collect()
}

#[cfg(unix)]
fn is_mine(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // SAFETY: geteuid has no memory effects and cannot fail.
    meta.uid() == unsafe { libc::geteuid() }
}

#[cfg(not(unix))]
fn is_mine(_meta: &std::fs::Metadata) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::server::background::process::MARK_VARIABLE;

    /// A process that has ended.
    fn gone() -> ProcessIdentity {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        identity
    }

    #[tokio::test]
    async fn what_a_dead_owner_has_left_is_ended_and_what_a_living_one_has_is_not() {
        let dead = gone();
        let sleep = |mark: String| Command::new("sleep").arg("60").env(MARK_VARIABLE, mark).spawn().unwrap();
        let mut orphan = sleep(format!("{} {} one", dead.pid, dead.started));
        let mark = crate::server::background::process::new_mark();
        let mut ours = sleep(mark.clone());
        let mut stranger = sleep("something else".to_owned());
        while marked().iter().filter(|(pid, _)| [orphan.id(), ours.id()].contains(pid)).count() < 2 {
            tokio::time::sleep(PAUSE).await;
        }
        assert!(sweep().await.processes.contains(&orphan.id()));
        orphan.wait().unwrap();
        assert!(ours.try_wait().unwrap().is_none() && stranger.try_wait().unwrap().is_none());
        assert_eq!(end_marked(&mark).await, [ours.id()]);
        ours.wait().unwrap();
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn only_signed_homes_of_dead_owners_are_abandoned() {
        let folder = tempfile::tempdir().unwrap();
        let home = |name: &str| {
            let home = folder.path().join(name);
            std::fs::create_dir(&home).unwrap();
            home
        };
        let dead = gone();
        let abandoned = home("nexus-home-1");
        std::fs::write(abandoned.join(OWNER_FILE), format!("{} {} home", dead.pid, dead.started)).unwrap();
        sign(&home("nexus-home-2")).unwrap();
        home("nexus-home-3");
        std::fs::write(home("other").join(OWNER_FILE), format!("{} {} home", dead.pid, dead.started))
            .unwrap();
        assert_eq!(abandoned_homes(folder.path()), [abandoned]);
    }
}
