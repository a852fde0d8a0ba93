//! A list of plugins that somebody keeps: one file, `index.json`, with its signature `index.json.minisig` beside it, in a folder or
//! at an address. `plugins/FORMAT.md` describes it for those who keep one.
//!
//! Nothing in it is used before its signature by the configured key is checked. A file that it leads to must be the one whose
//! digest it has, and be signed by the publisher that it names. An index that is older than one that was seen is refused, so
//! that nobody can hold back an update by giving out yesterday's list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opencode_nexus::folders::write_private;
use opencode_nexus::transport::download;
use opencode_nexus::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::bundle::{Bundle, sha256};
use crate::manifest::{API, is_id};
use crate::signature::PublicKey;

/// The file, and what stands behind its name for the signature.
pub const FILE: &str = "index.json";
const SUFFIX: &str = ".minisig";
/// What is read of an index, of a signature, of a plugin.
const LARGEST_INDEX: u64 = 8 << 20;
const LARGEST_SIGNATURE: u64 = 4 << 10;
const LARGEST_PLUGIN: u64 = 52 << 20;
/// Bounds of a download.
const INDEX_BOUND: Duration = Duration::from_secs(30);
const PLUGIN_BOUND: Duration = Duration::from_secs(300);
const FORMAT: u32 = 1;
/// Where the newest serial of each index is remembered, in the folder of plugins.
const SEEN: &str = "index-seen.json";

/// The file, as its keeper writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexFile {
    /// 1
    pub format: u32,
    /// Grows with every change.
    pub serial: u64,
    /// The plugins.
    pub plugins: Vec<IndexedPlugin>,
}

/// A plugin in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexedPlugin {
    /// `publisher.name`
    pub id: String,
    /// One line for a person.
    pub summary: String,
    /// Who signs it.
    pub publisher: PublicKey,
    /// Its versions, in any order.
    pub versions: Vec<IndexedVersion>,
}

/// A version of a plugin in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexedVersion {
    /// Semantic version.
    pub version: String,
    /// The plugin interface that it is made for: `0.1`.
    pub api: String,
    /// The archive: relative to the index, or an `https` address.
    pub file: String,
    /// SHA-256 of the archive in hexadecimal.
    pub sha256: String,
    /// Taken back by its author, with the reason; it is not chosen any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
}

/// An index that was read and checked.
#[derive(Clone, Debug)]
pub struct Index {
    place: Place,
    file: IndexFile,
}

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    Address(Url),
}

impl Index {
    /// Reads an index: a path or an `https` address of `index.json` (`http` only of this machine), signed by this key. `seen` is
    /// the folder in which its serial is remembered.
    ///
    /// # Errors
    /// `security.forbidden` when it is not signed by the key, or older than one that was seen; `recovery.damaged` when it is
    /// none; `system.newer_format`; those of reading and downloading.
    pub async fn open(place: &str, key: &PublicKey, seen: &Path) -> Result<Self> {
        let (bytes, signature, base) = match Url::parse(place) {
            Ok(url) if url.scheme().len() > 1 => {
                let bytes = download(place, LARGEST_INDEX, INDEX_BOUND).await?;
                let mut beside = url.clone();
                beside.set_path(&format!("{}{SUFFIX}", url.path()));
                let signature =
                    download(beside.as_str(), LARGEST_SIGNATURE, INDEX_BOUND).await.map_err(unsigned)?;
                (bytes, signature, Place::Address(url))
            }
            // A drive of Windows reads like a scheme of one letter.
            _ => {
                let path = PathBuf::from(place);
                let bytes = read(&path, LARGEST_INDEX)?;
                let signature =
                    read(&PathBuf::from(format!("{place}{SUFFIX}")), LARGEST_SIGNATURE).map_err(unsigned)?;
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                (bytes, signature, Place::Folder(folder))
            }
        };
        let signature = String::from_utf8(signature).map_err(|_| damaged("its signature is not UTF-8"))?;
        key.verify(&bytes, &signature)?;
        let file = parse(&bytes)?;
        remember(place, file.serial, seen)?;
        Ok(Self { place: base, file })
    }

    /// All plugins in it.
    pub fn plugins(&self) -> &[IndexedPlugin] {
        &self.file.plugins
    }

    /// A plugin, and its newest version that this host can run: final before unfinished ones, and none that was taken back.
    ///
    /// # Errors
    /// `user.not_found` when it is not there; `system.newer_format` when all of its versions need a newer host.
    pub fn newest(&self, id: &str) -> Result<(&IndexedPlugin, &IndexedVersion)> {
        let plugin = self.plugin(id)?;
        let usable = plugin.versions.iter().filter(|version| version.yanked.is_none());
        let mut versions: Vec<(semver::Version, &IndexedVersion)> = usable
            .filter_map(|version| Some((semver::Version::parse(&version.version).ok()?, version)))
            .collect();
        versions.sort_by(|(a, _), (b, _)| (a.pre.is_empty(), a).cmp(&(b.pre.is_empty(), b)));
        let fits = |version: &&(semver::Version, &IndexedVersion)| version.1.api == API;
        match (versions.iter().rev().find(fits), versions.last()) {
            (Some((_, version)), _) => Ok((plugin, *version)),
            (None, Some((_, newest))) => Err(Error::new(
                ErrorKind::NewerFormat,
                format!(
                    "{id} {} is made for plugin interface {}, and this nexus has {API}",
                    newest.version, newest.api
                ),
            )
            .with_hint("update nexus")),
            (None, None) => {
                Err(Error::new(ErrorKind::NotFound, format!("every version of {id} was taken back"))
                    .with_hint("its author may say why"))
            }
        }
    }

    /// As [`Self::newest`], when that is newer than this version.
    ///
    /// # Errors
    /// As [`Self::newest`].
    pub fn newer(&self, id: &str, than: &str) -> Result<Option<(&IndexedPlugin, &IndexedVersion)>> {
        let (plugin, newest) = self.newest(id)?;
        let newer = match (semver::Version::parse(&newest.version), semver::Version::parse(than)) {
            (Ok(newest), Ok(used)) => newest.cmp_precedence(&used).is_gt(),
            _ => false,
        };
        Ok(newer.then_some((plugin, newest)))
    }

    /// A plugin in a version that is named.
    ///
    /// # Errors
    /// `user.not_found` when it is not there, or was taken back.
    pub fn version(&self, id: &str, version: &str) -> Result<(&IndexedPlugin, &IndexedVersion)> {
        let plugin = self.plugin(id)?;
        let found = plugin.versions.iter().find(|known| known.version == version);
        match found {
            Some(found) if found.yanked.is_none() => Ok((plugin, found)),
            Some(found) => {
                let why = found.yanked.as_deref().unwrap_or_default().escape_debug().to_string();
                Err(Error::new(ErrorKind::NotFound, format!("{id} {version} was taken back: {why}"))
                    .with_hint("take another version"))
            }
            None => {
                let known: Vec<&str> =
                    plugin.versions.iter().map(|version| version.version.as_str()).collect();
                Err(Error::new(ErrorKind::NotFound, format!("the index has no {id} {version}"))
                    .with_hint(format!("there are: {}", known.join(", "))))
            }
        }
    }

    fn plugin(&self, id: &str) -> Result<&IndexedPlugin> {
        self.file.plugins.iter().find(|plugin| plugin.id == id).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the index has no plugin {}", id.escape_debug()))
                .with_hint(
                    "`nexus plugin search` shows what it has; a file is given with its path: ./NAME.plugin",
                )
        })
    }

    /// Gets a version and checks all of it: digest, signature, publisher, id and version. The second is where it came from.
    ///
    /// # Errors
    /// `security.forbidden` when it is not what the index says; as [`Bundle::from_bytes`] and for downloads.
    pub async fn fetch(&self, plugin: &IndexedPlugin, version: &IndexedVersion) -> Result<(Bundle, String)> {
        let (bytes, source) = match (&self.place, Url::parse(&version.file)) {
            (_, Ok(url)) if url.scheme().len() > 1 => self.get(url).await?,
            (Place::Address(base), _) => {
                let url =
                    base.join(&version.file).map_err(|_| damaged("it names a file that is no address"))?;
                self.get(url).await?
            }
            (Place::Folder(folder), _) => {
                let path = folder.join(&version.file);
                (read(&path, LARGEST_PLUGIN)?, path.display().to_string())
            }
        };
        let refused = |why: &str| {
            Error::new(
                ErrorKind::Forbidden,
                format!("{} {} is not what the index says: {why}", plugin.id, version.version),
            )
            .with_hint("tell the keeper of the index; do not use it")
        };
        if sha256(&bytes) != version.sha256.to_ascii_lowercase() {
            return Err(refused("its sha256 differs"));
        }
        let bundle = Bundle::from_bytes(&bytes)?;
        let manifest = bundle.manifest();
        if manifest.id != plugin.id || manifest.version != version.version {
            return Err(refused("it is another plugin, or another version"));
        }
        match bundle.publisher() == Some(&plugin.publisher) {
            true => Ok((bundle, source)),
            false => Err(refused("its publisher has not signed it")),
        }
    }

    async fn get(&self, url: Url) -> Result<(Vec<u8>, String)> {
        let bytes = download(url.as_str(), LARGEST_PLUGIN, PLUGIN_BOUND).await?;
        let mut shown = url;
        shown.set_query(None);
        shown.set_fragment(None);
        // An address without a host has no credentials either.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        Ok((bytes, shown.to_string()))
    }
}

fn parse(bytes: &[u8]) -> Result<IndexFile> {
    #[derive(Deserialize)]
    struct Age {
        format: u32,
    }
    let age: Age =
        serde_json::from_slice(bytes).map_err(|error| damaged(&format!("it is no index: {error}")))?;
    if age.format > FORMAT {
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!("the index has format {}, and this nexus reads {FORMAT}", age.format),
        )
        .with_hint("update nexus"));
    }
    let file: IndexFile =
        serde_json::from_slice(bytes).map_err(|error| damaged(&format!("it is no index: {error}")))?;
    let mut ids = std::collections::BTreeSet::new();
    for plugin in &file.plugins {
        if !is_id(&plugin.id) || !ids.insert(plugin.id.as_str()) {
            return Err(damaged(&format!("the id {} is none, or is there twice", plugin.id.escape_debug())));
        }
        if let Some(wrong) =
            plugin.versions.iter().find(|version| semver::Version::parse(&version.version).is_err())
        {
            let (id, version) = (&plugin.id, wrong.version.escape_debug());
            return Err(damaged(&format!("{id} has the version {version}, which is none")));
        }
    }
    Ok(file)
}

/// Refuses a list that is older than one that was seen at the same place.
fn remember(place: &str, serial: u64, folder: &Path) -> Result<()> {
    let path = folder.join(SEEN);
    let text = std::fs::read(&path).unwrap_or_default();
    // Whoever can change this file can change the plugins as well: what is no record of ours is as good as none.
    let mut seen: BTreeMap<String, u64> = serde_json::from_slice(&text).unwrap_or_default();
    // Not the address itself, which may hold credentials.
    let name = sha256(place.as_bytes());
    let newest = seen.get(&name).copied().unwrap_or_default();
    if serial < newest {
        let message = format!("the index is older than it was before: serial {serial} after {newest}");
        return Err(Error::new(ErrorKind::Forbidden, message)
            .with_hint("somebody may hold back updates; ask its keeper, or try again from another network"));
    }
    if serial > newest {
        seen.insert(name, serial);
        let text = serde_json::to_vec(&seen).map_err(|error| {
            Error::new(ErrorKind::Internal, "a record of indexes cannot be written").with_source(error)
        })?;
        write_private(&path, &text).map_err(|error| {
            Error::new(ErrorKind::Storage, format!("{} cannot be written: {error}", path.display()))
                .with_hint("check who owns the folder, and whether the disk is full")
                .with_source(error)
        })?;
    }
    Ok(())
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("{} cannot be read: {error}", path.display()))
            .with_hint("check `plugins.index` of the configuration: nexus config explain plugins.index")
            .with_source(error)
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > limit {
        true => Err(Error::new(
            ErrorKind::TooLarge,
            format!("{} is larger than {} KiB", path.display(), limit >> 10),
        )
        .with_hint("check what the index names")),
        false => Ok(bytes),
    }
}

fn unsigned(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::new(
            ErrorKind::Forbidden,
            "the index is not signed: there is no index.json.minisig beside it",
        )
        .with_hint("its keeper signs it with minisign; do not use it without"),
        _ => error,
    }
}

fn damaged(why: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("the index of plugins is not right: {why}"))
        .with_hint("tell its keeper")
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
