//! Who changes what was compiled, changes machine code: it is never run.

use std::path::{Path, PathBuf};

use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::limits::Limits;

use crate::Guest;
use crate::host::{caller, described, provide};

async fn runs(folder: &Path, guest: &Guest) {
    let engine = Engine::open(Some(folder)).unwrap();
    let code = engine.load(guest.build(), guest.worlds()).await.unwrap();
    let launch = Launch::new(code, guest.worlds(), caller("good.neighbour"), Limits::default());
    assert!(provide(&PluginHandle::open(launch)).await.is_ok());
}

/// The one compiled file.
fn compiled(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "cwasm")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[tokio::test]
async fn what_was_compiled_once_is_read_again() {
    let (folder, guest) = (tempfile::tempdir().unwrap(), described(Guest::whole()));
    runs(folder.path(), &guest).await;
    let first = compiled(folder.path());
    let contents = std::fs::read(&first).unwrap();
    runs(folder.path(), &guest).await;
    assert_eq!((compiled(folder.path()), std::fs::read(&first).unwrap()), (first, contents));
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_and_the_key_are_the_persons_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
    runs(&cache, &described(Guest::whole())).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&cache), mode(&cache.join("key")), mode(&compiled(&cache))), (0o700, 0o600, 0o600));
}

#[tokio::test]
async fn a_changed_cut_or_emptied_file_is_compiled_again() {
    let (folder, guest) = (tempfile::tempdir().unwrap(), described(Guest::whole()));
    runs(folder.path(), &guest).await;
    let path = compiled(folder.path());
    let good = std::fs::read(&path).unwrap();
    let mut changes = vec![Vec::new(), good[..good.len() - 1].to_vec(), vec![0; good.len()]];
    for at in (0..good.len()).step_by(good.len() / 16) {
        let mut changed = good.clone();
        changed[at] ^= 1;
        changes.push(changed);
    }
    for changed in changes {
        std::fs::write(&path, &changed).unwrap();
        runs(folder.path(), &guest).await;
        assert_ne!(std::fs::read(compiled(folder.path())).unwrap(), changed);
    }
}

#[tokio::test]
async fn a_file_that_was_made_for_another_plugin_is_not_taken() {
    let (folder, guest) = (tempfile::tempdir().unwrap(), described(Guest::whole()));
    // The other one would spin.
    let other = described(Guest::whole()).does("provide", "(loop $for_ever (br $for_ever)) (unreachable)");
    let engine = Engine::open(Some(folder.path())).unwrap();
    engine.load(other.build(), other.worlds()).await.unwrap();
    let bad = compiled(folder.path());
    let contents = std::fs::read(&bad).unwrap();
    std::fs::remove_file(&bad).unwrap();
    runs(folder.path(), &guest).await;
    let good = compiled(folder.path());
    // Under the good one's name, and under its hash with the bad one's sum.
    std::fs::write(&good, &contents).unwrap();
    runs(folder.path(), &guest).await;
    let (good, bad) = (name(&compiled(folder.path())), name(&bad));
    let mixed = format!("{}{}", &good[..good.rfind('-').unwrap()], &bad[bad.rfind('-').unwrap()..]);
    std::fs::write(folder.path().join(mixed), &contents).unwrap();
    runs(folder.path(), &guest).await;
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn with_another_key_nothing_is_believed() {
    let (folder, guest) = (tempfile::tempdir().unwrap(), described(Guest::whole()));
    runs(folder.path(), &guest).await;
    let first = compiled(folder.path());
    std::fs::write(folder.path().join("key"), [7; 32]).unwrap();
    runs(folder.path(), &guest).await;
    assert_ne!(compiled(folder.path()), first, "the name holds the sum");
    // A key of another length is none.
    std::fs::write(folder.path().join("key"), "short").unwrap();
    runs(folder.path(), &guest).await;
    assert_eq!(std::fs::metadata(folder.path().join("key")).unwrap().len(), 32);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_not_followed() {
    let (folder, guest) = (tempfile::tempdir().unwrap(), described(Guest::whole()));
    runs(folder.path(), &guest).await;
    let path = compiled(folder.path());
    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    runs(folder.path(), &guest).await;
    assert!(std::fs::symlink_metadata(compiled(folder.path())).unwrap().is_file());
}
