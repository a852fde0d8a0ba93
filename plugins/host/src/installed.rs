//! The plugins of a person: installing, updating, going back, removing. Whatever happens on the way, each plugin is there as
//! before or as after.
//!
//! ```text
//! plugins/.lock               held by whoever changes something
//! plugins/.new-XXXX/          what is being written; swept by the next who holds the lock
//! plugins/ID/state.json       which version is used, and whose key is believed: written last, all at once
//! plugins/ID/VERSION/         the entries of the archive
//! plugins/ID/…                what others keep for the plugin: its values, its log
//! ```
//!
//! A version exists when `state.json` names it; a folder that it does not name is rubbish. The first key that signs a plugin
//! is believed from then on, and no other (trust on first use); who installs without a signature says so each time.

mod change;
mod disk;
mod judge;
mod lock;
mod state;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use opencode_nexus::{Error, ErrorKind, Result};

pub use self::judge::{Rules, Step};
use self::state::State;
use crate::bundle::{COMPONENT, LARGEST_COMPONENT, sha256};
use crate::manifest::{Manifest, is_id};
use crate::signature::PublicKey;

/// The plugins in one folder. Cheap to clone; nothing is kept in memory.
#[derive(Clone, Debug)]
pub struct Installed {
    folder: PathBuf,
}

/// A plugin that is installed, in the version that is used.
#[derive(Clone, Debug)]
pub struct InstalledPlugin {
    /// `publisher.name`
    pub id: String,
    /// The version.
    pub version: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Who has signed it; `None`: nobody.
    pub publisher: Option<PublicKey>,
    /// Where `plugin.toml`, `plugin.wasm` and `web` lie.
    pub folder: PathBuf,
    /// SHA-256 of the component in hexadecimal, as it was when it was installed.
    pub sha256: String,
    /// The digest of everything in it ([`crate::bundle::Bundle::digest`]).
    pub digest: String,
    /// Whether it is to run.
    pub enabled: bool,
    /// A version that is installed and waits until its rights are granted.
    pub pending: Option<String>,
    /// The version to which `rollback` leads.
    pub previous: Option<String>,
    /// Where it came from: a path or an address, without credentials.
    pub source: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub installed_at: u64,
}

/// What is in the folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// What can be used, by id.
    pub plugins: Vec<InstalledPlugin>,
    /// What cannot, and why.
    pub broken: Vec<(String, Error)>,
}

/// What `remove` has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The version that was used, where that can still be known.
    pub version: Option<String>,
    /// Bytes on the disk that are free now.
    pub bytes: u64,
}

impl Installed {
    /// The plugins in this folder, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder of all plugins.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All plugins by id, in the versions that are used.
    ///
    /// # Errors
    /// `system.io` when the folder cannot be read. A broken plugin is told in the listing.
    pub fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for id in self.ids()? {
            match self.find(&id) {
                Ok(Some(plugin)) => listing.plugins.push(plugin),
                Ok(None) => {}
                Err(error) => listing.broken.push((id, error)),
            }
        }
        Ok(listing)
    }

    /// One plugin, in the version that is used.
    ///
    /// # Errors
    /// `user.not_found` when it is not installed, `recovery.damaged` when its files are not what they were.
    pub fn get(&self, id: &str) -> Result<InstalledPlugin> {
        self.find(id)?.ok_or_else(|| not_installed(id))
    }

    /// The same; `None` when it is not installed.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn find(&self, id: &str) -> Result<Option<InstalledPlugin>> {
        let place = self.place(id)?;
        let Some(state) = State::read(&place)? else { return Ok(None) };
        self.version_of(id, &place, &state, &state.current).map(Some)
    }

    /// The version that waits for a grant, when there is one.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn pending(&self, id: &str) -> Result<Option<InstalledPlugin>> {
        let place = self.place(id)?;
        let Some(state) = State::read(&place)? else { return Ok(None) };
        match &state.pending {
            Some(version) => self.version_of(id, &place, &state, version).map(Some),
            None => Ok(None),
        }
    }

    fn version_of(&self, id: &str, place: &Path, state: &State, version: &str) -> Result<InstalledPlugin> {
        let known = state.versions.get(version).ok_or_else(|| damaged(id, "its version is not there"))?;
        let folder = place.join(&known.folder);
        let manifest = crate::bundle::manifest_of(&folder)
            .map_err(|error| damaged(id, &format!("its plugin.toml cannot be read: {}", error.message())))?;
        if manifest.id != id || manifest.version != version || manifest.sha256.as_ref() != Some(&known.sha256)
        {
            return Err(damaged(id, "its plugin.toml is not the one that was installed"));
        }
        Ok(InstalledPlugin {
            id: id.to_owned(),
            version: version.to_owned(),
            manifest,
            publisher: state.publisher.clone(),
            folder,
            sha256: known.sha256.clone(),
            digest: known.digest.clone(),
            enabled: state.enabled,
            pending: state.pending.clone(),
            previous: state.previous.clone(),
            source: known.source.clone(),
            installed_at: known.installed_at,
        })
    }

    /// The folder of a plugin. What is no id never becomes a path.
    fn place(&self, id: &str) -> Result<PathBuf> {
        match is_id(id) {
            true => Ok(self.folder.join(id)),
            false => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("{} is no id of a plugin", id.escape_debug()),
            )
            .with_hint("ids look like publisher.name; `nexus plugin list` shows them")),
        }
    }

    fn ids(&self) -> Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unreadable(&error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| self.unreadable(&error))?.file_name();
            ids.extend(name.to_str().filter(|name| is_id(name)).map(str::to_owned));
        }
        ids.sort();
        Ok(ids)
    }

    fn unreadable(&self, error: &std::io::Error) -> Error {
        let message = format!("the folder of plugins {} cannot be used: {error}", self.folder.display());
        Error::new(ErrorKind::Io, message).with_hint("check who owns it, and whether the disk is full")
    }
}

impl InstalledPlugin {
    /// The component, when it is still the one that was installed.
    ///
    /// # Errors
    /// `recovery.damaged` when it is not.
    pub fn component(&self) -> Result<Vec<u8>> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        std::fs::File::open(self.folder.join(COMPONENT))
            .and_then(|file| file.take(LARGEST_COMPONENT + 1).read_to_end(&mut bytes))
            .map_err(|error| damaged(&self.id, &format!("its component cannot be read: {error}")))?;
        match sha256(&bytes) == self.sha256 {
            true => Ok(bytes),
            false => Err(damaged(&self.id, "its component is not the one that was installed")),
        }
    }

    /// Where the files of its web page lie; there may be none.
    pub fn web(&self) -> PathBuf {
        self.folder.join("web")
    }
}

fn not_installed(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("{id} is not installed"))
        .with_hint("`nexus plugin list` shows what is; `nexus plugin add` installs")
}

fn damaged(id: &str, why: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("the plugin {id} is damaged: {why}"))
        .with_hint(format!("remove it and install it again: nexus plugin remove {id}"))
}
