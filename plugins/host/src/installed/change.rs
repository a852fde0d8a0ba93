//! What changes the installed plugins. Each change holds the lock, sweeps what a dead process has left, and ends with one
//! write of `state.json`, at which it happens.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use opencode_nexus::{Error, ErrorKind, Result};

use super::judge::{Rules, Step, judge};
use super::lock::Lock;
use super::state::{State, Version, is_version_folder};
use super::{Installed, Removed, disk, not_installed};
use crate::bundle::Bundle;

impl Installed {
    /// What installing this would be.
    ///
    /// # Errors
    /// `security.forbidden` for one that is unsigned or signed by another key than before, `user.conflict` for an older
    /// version, or other content under the same version. Nothing is changed.
    pub fn judge(&self, bundle: &Bundle, rules: Rules) -> Result<Step> {
        let place = self.place(&bundle.manifest().id)?;
        judge(State::read(&place)?.as_ref(), bundle, rules)
    }

    /// Installs a plugin. With `use_now` it is the version that is used from now on; without, it waits beside the old one
    /// until [`Self::activate`] (a new plugin does not wait: it has no rights before they are granted).
    ///
    /// # Errors
    /// As [`Self::judge`]; `user.busy` when another process holds the lock for 20 s; `system.storage` and `system.io` when it
    /// cannot be written. Then nothing is changed and nothing is left.
    pub fn install(&self, bundle: &Bundle, rules: Rules, use_now: bool, source: &str) -> Result<Step> {
        // What is refused leaves nothing behind, not even the lock.
        self.judge(bundle, rules)?;
        let _lock = self.lock()?;
        let id = &bundle.manifest().id;
        let place = self.place(id)?;
        let state = State::read(&place)?;
        let step = judge(state.as_ref(), bundle, rules)?;
        if step == Step::Same {
            return Ok(step);
        }
        let was_there = place.exists();
        let placed = self.put(bundle, &place, source).and_then(|version| {
            let folder = place.join(&version.folder);
            let state = after(state, bundle, version, use_now);
            state.write(&place).inspect_err(|_| {
                let _ = std::fs::remove_dir_all(&folder);
            })
        });
        if placed.is_err() && !was_there {
            // Only when it is empty.
            let _ = std::fs::remove_dir(&place);
        }
        placed?;
        // It is done; what is left of old versions is rubbish, and swept again later if this fails.
        let _ = sweep(&place);
        Ok(step)
    }

    /// Uses the version that waits, from now on. Its name is said so that nobody uses what they have not seen.
    ///
    /// # Errors
    /// `user.not_found` when that version does not wait.
    pub fn activate(&self, id: &str, version: &str) -> Result<()> {
        self.change(id, |state| {
            if state.pending.as_deref() != Some(version) {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("{id} {version} does not wait for anything"),
                )
                .with_hint(format!("`nexus plugin info {id}` shows what is there")));
            }
            state.pending = None;
            let old = std::mem::replace(&mut state.current, version.to_owned());
            state.previous = Some(old).filter(|old| *old != state.current);
            Ok(())
        })
    }

    /// Lets go of the version that waits.
    ///
    /// # Errors
    /// `user.not_found` when the plugin is not installed.
    pub fn forget_pending(&self, id: &str) -> Result<()> {
        self.change(id, |state| {
            state.pending = None;
            Ok(())
        })
    }

    /// Uses the version before again. A second time leads back.
    ///
    /// # Errors
    /// `user.not_found` when there is none.
    pub fn rollback(&self, id: &str) -> Result<String> {
        self.change(id, |state| {
            let Some(previous) = state.previous.take() else {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("there is no version of {id} before this one"),
                )
                .with_hint(
                    "versions are kept from the second one on: the one that is used and the one before",
                ));
            };
            let from = std::mem::replace(&mut state.current, previous.clone());
            state.previous = Some(from);
            Ok(previous)
        })
    }

    /// Whether the plugin is to run.
    ///
    /// # Errors
    /// `user.not_found` when it is not installed.
    pub fn set_enabled(&self, id: &str, enabled: bool) -> Result<()> {
        self.change(id, |state| {
            state.enabled = enabled;
            Ok(())
        })
    }

    /// Removes a plugin, broken or whole, with everything that is kept for it in its folder: all versions, values, logs, and
    /// the key that was believed. Grants are kept elsewhere, and are the caller's to remove.
    ///
    /// # Errors
    /// `user.not_found` when there is nothing of it; `system.io` when something of it cannot be removed.
    pub fn remove(&self, id: &str) -> Result<Removed> {
        let place = self.place(id)?;
        if std::fs::symlink_metadata(&place).is_err() {
            return Err(not_installed(id));
        }
        let _lock = self.lock()?;
        let version = State::read(&place).ok().flatten().map(|state| state.current);
        let bytes = disk::size(&place);
        // Out of sight at once, so that half a plugin is never there; what a crash leaves of it is swept.
        let aside = tempfile::Builder::new()
            .prefix(disk::NEW)
            .tempdir_in(self.folder())
            .map_err(|error| disk::failed(self.folder(), error))?;
        disk::rename(&place, &aside.path().join("removed"))?;
        disk::sync(self.folder())?;
        aside.close().map_err(|error| disk::failed(&place, error))?;
        Ok(Removed { version, bytes })
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let place = self.place(id)?;
        State::read(&place)?.ok_or_else(|| not_installed(id))?;
        let _lock = self.lock()?;
        let mut state = State::read(&place)?.ok_or_else(|| not_installed(id))?;
        let result = change(&mut state)?;
        state.prune();
        state.write(&place)?;
        let _ = sweep(&place);
        Ok(result)
    }

    /// The lock, and a folder without what dead processes have left in it.
    fn lock(&self) -> Result<Lock> {
        let lock = Lock::take(self.folder())?;
        for entry in
            std::fs::read_dir(self.folder()).map_err(|error| disk::failed(self.folder(), error))?.flatten()
        {
            if entry.file_name().to_string_lossy().starts_with(disk::NEW) {
                disk::remove(&entry.path())?;
            }
        }
        for id in self.ids()? {
            sweep(&self.folder().join(id))?;
        }
        Ok(lock)
    }

    /// Writes all files beside, and moves them to their place with one step.
    fn put(&self, bundle: &Bundle, place: &Path, source: &str) -> Result<Version> {
        let staged = tempfile::Builder::new()
            .prefix(disk::NEW)
            .tempdir_in(self.folder())
            .map_err(|error| disk::failed(self.folder(), error))?;
        let inside = staged.path().join("version");
        disk::create(&inside)?;
        let mut folders = std::collections::BTreeSet::from([inside.clone()]);
        for (name, bytes) in bundle.files() {
            let path = inside.join(name);
            if let Some(folder) = path.parent() {
                disk::create(folder)?;
                folders
                    .extend(folder.ancestors().take_while(|folder| *folder != inside).map(Path::to_path_buf));
            }
            disk::write(&path, bytes)?;
        }
        folders.iter().try_for_each(|folder| disk::sync(folder))?;
        disk::create(place)?;
        disk::sync(self.folder())?;
        let folder = free_folder(place, &bundle.manifest().version);
        disk::rename(&inside, &place.join(&folder))?;
        let version = Version {
            folder,
            digest: bundle.digest(),
            sha256: crate::bundle::sha256(bundle.component()),
            source: source.to_owned(),
            installed_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        };
        disk::sync(place).inspect_err(|_| {
            let _ = std::fs::remove_dir_all(place.join(&version.folder));
        })?;
        Ok(version)
    }
}

/// A name for the folder of a version that nothing has: the same version may be there with other content, or, where capitals
/// mean nothing, another version.
fn free_folder(place: &Path, version: &str) -> String {
    std::iter::once(version.to_owned())
        .chain((2..).map(|number: u32| format!("{version}~{number}")))
        .find(|name| !place.join(name).exists())
        .unwrap_or_default()
}

/// The state with a new version in it.
fn after(state: Option<State>, bundle: &Bundle, version: Version, use_now: bool) -> State {
    let name = bundle.manifest().version.clone();
    let Some(mut state) = state else { return State::new(bundle.publisher().cloned(), &name, version) };
    // Unsigned content under the version that is used: the old one has no name any more to go back to.
    let replaces = name == state.current;
    state.versions.insert(name.clone(), version);
    if use_now || replaces {
        state.pending = None;
        if !replaces {
            state.previous = Some(std::mem::replace(&mut state.current, name));
        }
    } else {
        state.pending = Some(name);
    }
    state.prune();
    state
}

/// Removes versions that the state does not name, and what was being written when a process died.
fn sweep(place: &Path) -> Result<()> {
    let Ok(state) = State::read(place) else { return Ok(()) };
    let Ok(entries) = std::fs::read_dir(place) else { return Ok(()) };
    let known = |name: &str| {
        state.as_ref().is_some_and(|state| state.versions.values().any(|version| version.folder == name))
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(disk::NEW) || (is_version_folder(&name) && !known(&name)) {
            disk::remove(&entry.path())?;
        }
    }
    if state.is_none() {
        // Only when nothing of anybody is in it.
        let _ = std::fs::remove_dir(place);
    }
    Ok(())
}
