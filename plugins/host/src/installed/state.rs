//! What is known of a plugin: `state.json`.

use std::collections::BTreeMap;
use std::path::Path;

use opencode_nexus::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::disk;
use crate::signature::PublicKey;

const FILE: &str = "state.json";
const FORMAT: u32 = 1;
/// It holds a handful of versions.
const LARGEST: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub format: u32,
    /// The key that is believed; none for what was installed unsigned.
    pub publisher: Option<PublicKey>,
    /// The version that is used.
    pub current: String,
    /// The one before it.
    pub previous: Option<String>,
    /// The one that waits for a grant.
    pub pending: Option<String>,
    pub enabled: bool,
    pub versions: BTreeMap<String, Version>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// Its folder beside this file.
    pub folder: String,
    /// Of everything in it.
    pub digest: String,
    /// Of the component.
    pub sha256: String,
    pub source: String,
    pub installed_at: u64,
}

impl State {
    pub(super) fn new(publisher: Option<PublicKey>, name: &str, version: Version) -> Self {
        Self {
            format: FORMAT,
            publisher,
            current: name.to_owned(),
            previous: None,
            pending: None,
            enabled: true,
            versions: BTreeMap::from([(name.to_owned(), version)]),
        }
    }

    /// `None` when the plugin is not installed.
    pub(super) fn read(place: &Path) -> Result<Option<Self>> {
        use std::io::Read as _;
        let id = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let broken = |why: &dyn std::fmt::Display| {
            super::damaged(&id, &format!("its state.json cannot be read: {why}"))
        };
        let file = match std::fs::File::open(place.join(FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            // The person has put a file where the folder belongs: nothing is installed there.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
            Err(error) => return Err(broken(&error)),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
        #[derive(Deserialize)]
        struct Age {
            format: u32,
        }
        let age: Age = serde_json::from_slice(&bytes).map_err(|error| broken(&error))?;
        if age.format > FORMAT {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                format!("the plugin {id} was installed by a newer nexus"),
            )
            .with_hint("update nexus, or remove the plugin and install it again"));
        }
        let state: Self = serde_json::from_slice(&bytes).map_err(|error| broken(&error))?;
        // A name from a file never becomes a path unseen.
        let known =
            |name: &Option<String>| name.as_ref().is_none_or(|name| state.versions.contains_key(name));
        let folders = state.versions.values().all(|version| is_version_folder(&version.folder));
        match folders
            && state.versions.contains_key(&state.current)
            && known(&state.pending)
            && known(&state.previous)
        {
            true => Ok(Some(state)),
            false => Err(broken(&"it names what is not there")),
        }
    }

    /// From now on this holds.
    pub(super) fn write(&self, place: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "state.json cannot be written").with_source(error)
        })?;
        text.push(b'\n');
        disk::replace(&place.join(FILE), &text)
    }

    /// Takes out what is neither used nor could be: of the versions, not of the disk.
    pub(super) fn prune(&mut self) {
        let keep = [Some(&self.current), self.previous.as_ref(), self.pending.as_ref()];
        let keep: Vec<String> = keep.into_iter().flatten().cloned().collect();
        self.versions.retain(|name, _| keep.contains(name));
    }
}

/// Folders of versions begin with a digit, as versions do; nothing else beside them does.
pub(super) fn is_version_folder(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b'~'))
        && !name.ends_with('.')
}
