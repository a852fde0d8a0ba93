//! `workspace`: files of the folder that is worked in, to be read, as far as they were granted.
//!
//! The folder is opened once, and everything is opened below that handle by `cap-std`: no `..`, no link, and no link that is
//! swapped in between leads out of it. Inside of it a link counts as what it leads to: that must be granted as well.

mod list;
mod open;
mod paths;
mod search;
#[cfg(test)]
mod tests;

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use opencode_nexus::{Error, ErrorKind, Result};

use self::open::Opened;
use self::paths::Granted;
pub(crate) use self::paths::{is_of_git, parts};
use super::HostState;
use super::call::blocking;
use super::failure::{Answer, failure};
use super::wit::types::{self, ErrorCode};
use super::wit::workspace::{Chunk, Entry, Hit, Host};
use crate::permissions::PathRule;

/// A part of a file has at most so many bytes.
const CHUNK: u32 = 1024 * 1024;

/// The permission, as it is called.
const PERMISSION: &str = "workspace-read";

/// What a plugin may read of a folder.
pub(super) struct WorkspaceAccess {
    dir: Dir,
    /// Links resolved.
    root: PathBuf,
    granted: Granted,
    /// Folders below this one that no pattern means: ours, and the one in which OpenCode keeps its keys.
    hidden: Vec<Vec<String>>,
}

/// Why something was not read.
pub(super) enum Refusal {
    /// It was not granted.
    Denied,
    Failed(types::Error),
}

impl From<types::Error> for Refusal {
    fn from(error: types::Error) -> Self {
        Self::Failed(error)
    }
}

impl WorkspaceAccess {
    pub(super) fn open(workspace: &Path, rules: &[PathRule], plugins: &Path) -> Result<Self> {
        let no_folder = |error: std::io::Error| {
            Error::new(ErrorKind::NotFound, format!("{} is no folder: {error}", workspace.display()))
                .with_hint("open a folder that exists")
        };
        let root = workspace.canonicalize().map_err(no_folder)?;
        let dir = Dir::open_ambient_dir(&root, ambient_authority()).map_err(no_folder)?;
        let hidden = hidden(&root, plugins);
        Ok(Self { dir, root, granted: Granted::new(rules)?, hidden })
    }

    fn may_read(&self, parts: &[&str]) -> bool {
        self.granted.file(parts) && !self.is_hidden(parts)
    }

    fn may_list(&self, parts: &[&str]) -> bool {
        self.granted.folder(parts) && !self.is_hidden(parts)
    }

    fn is_hidden(&self, parts: &[&str]) -> bool {
        self.hidden
            .iter()
            .any(|folder| parts.len() >= folder.len() && folder.iter().zip(parts).all(|(a, b)| a == b))
    }

    /// A file that was granted, however it is named.
    fn open_file(&self, parts: &[&str]) -> Result<(cap_std::fs::File, u64), Refusal> {
        if !self.may_read(parts) {
            return Err(Refusal::Denied);
        }
        match open::open(&self.dir, parts, |real| self.may_read(real), |real| self.may_list(real))? {
            Opened::File(file, size) => Ok((file, size)),
            Opened::Folder(..) => Err(failure(ErrorCode::Invalid, "it is a folder, and no file").into()),
            Opened::NotGranted => Err(Refusal::Denied),
        }
    }

    fn read(&self, parts: &[&str], offset: u64, most: u32) -> Result<Chunk, Refusal> {
        let (mut file, size) = self.open_file(parts)?;
        let most = most.min(CHUNK);
        let mut bytes = Vec::new();
        // Systems refuse to look far behind the end.
        if offset < size {
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.take(most.into()).read_to_end(&mut bytes))
                .map_err(|error| open::failed(&error))?;
        }
        let end = offset.min(size).saturating_add(bytes.len() as u64);
        // A file that grows meanwhile has not ended while a part was full.
        let eof = end >= size && (bytes.len() < most as usize || end == size);
        Ok(Chunk { bytes, size: size.max(end), eof })
    }
}

/// Folders that are nobody's business, when somebody works in their home.
fn hidden(root: &Path, plugins: &Path) -> Vec<Vec<String>> {
    use opencode_nexus::folders::{Purpose, folder};
    let mut folders = vec![plugins.to_owned()];
    let ours = [Purpose::Configuration, Purpose::State, Purpose::Data];
    folders.extend(ours.into_iter().filter_map(|purpose| folder(purpose).ok()));
    folders.extend(places_of_opencode(&|name| std::env::var_os(name).map(PathBuf::from)));
    hidden_below(root, &folders)
}

/// Where OpenCode keeps its keys (`auth.json`) and its configuration, which may have some in it.
fn places_of_opencode(variables: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let set = |name: &str| variables(name).filter(|path| path.is_absolute());
    let home = set("HOME").or_else(|| set("USERPROFILE"));
    let mut places = Vec::new();
    for (name, usual) in [("XDG_DATA_HOME", ".local/share"), ("XDG_CONFIG_HOME", ".config")] {
        places.extend(set(name).map(|base| base.join("opencode")));
        places.extend(home.as_ref().map(|home| home.join(usual).join("opencode")));
    }
    places
}

/// Those that lie below the folder, links resolved, as parts of a path.
fn hidden_below(root: &Path, folders: &[PathBuf]) -> Vec<Vec<String>> {
    let below = |folder: &PathBuf| {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let parts = real.strip_prefix(root).or_else(|_| folder.strip_prefix(root)).ok()?;
        let parts: Vec<_> = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        Some(parts).filter(|parts| !parts.is_empty())
    };
    folders.iter().filter_map(below).collect()
}

impl super::Caller {
    /// The file that a plugin names in an answer, absolute and links resolved, if it may read it itself. Blocks.
    pub(crate) fn readable_file(&self, path: &str) -> Answer<PathBuf> {
        let parts = parts(path)?;
        let files = &self.access.files;
        let denied = || failure(ErrorCode::Denied, "it may not read that");
        match files.open_file(&parts) {
            Ok(_) => {}
            Err(Refusal::Failed(error)) => return Err(error),
            Err(Refusal::Denied) => return Err(denied()),
        }
        // A link may have been swapped since.
        let real = files.root.join(parts.join("/")).canonicalize().map_err(|error| open::failed(&error))?;
        let below = real.strip_prefix(&files.root).ok();
        let below = below.and_then(|path| path.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>());
        match below {
            Some(parts) if files.may_read(&parts) => Ok(real),
            _ => Err(denied()),
        }
    }
}

impl HostState {
    /// Does something with files of the folder: elsewhere, within the time of the call, and with what was denied told.
    async fn with_files<T: Send + 'static>(
        &mut self,
        call: &'static str,
        what: &str,
        work: impl FnOnce(&WorkspaceAccess) -> Result<T, Refusal> + Send + 'static,
    ) -> Answer<T> {
        let files = Arc::clone(&self.caller.access.files);
        let done = blocking(self.remaining(), call, move || match work(&files) {
            Ok(done) => Ok(Some(done)),
            Err(Refusal::Denied) => Ok(None),
            // A link that leads out of the folder.
            Err(Refusal::Failed(error)) if error.code == ErrorCode::Denied => Ok(None),
            Err(Refusal::Failed(error)) => Err(error),
        });
        match done.await? {
            Some(done) => {
                self.allowed(call, what);
                Ok(done)
            }
            None => Err(self.denied(call, PERMISSION, what)),
        }
    }

    /// Without any pattern nothing is looked for, not even whether it is there.
    fn check_reads_at_all(&self, call: &str, what: &str) -> Answer<()> {
        if self.caller.rights.granted().workspace_read.is_empty() {
            return Err(self.denied(call, PERMISSION, what));
        }
        Ok(())
    }

    async fn read_file(&mut self, path: String, offset: u64, most: u32) -> Answer<Chunk> {
        const CALL: &str = "workspace.read";
        self.check_reads_at_all(CALL, &path)?;
        self.check_path(CALL, &path)?;
        let named = path.clone();
        self.with_files(CALL, &path, move |files| files.read(&parts(&named)?, offset, most)).await
    }

    async fn list_folder(&mut self, path: String, after: Option<String>) -> Answer<Vec<Entry>> {
        const CALL: &str = "workspace.list-dir";
        self.check_reads_at_all(CALL, &path)?;
        self.check_path(CALL, &path)?;
        let named = path.clone();
        self.with_files(CALL, &path, move |files| files.list(&parts(&named)?, after.as_deref())).await
    }

    async fn find(&mut self, pattern: String, glob: Option<String>, limit: u32) -> Answer<Vec<Hit>> {
        const CALL: &str = "workspace.search";
        let what = glob.clone().unwrap_or_default();
        self.check_reads_at_all(CALL, &what)?;
        let bound = self.remaining();
        let (search, _stops) = search::Search::new(&pattern, glob.as_deref(), limit, bound)?;
        self.with_files(CALL, &what, move |files| Ok(files.search(&search))).await
    }

    /// A path that tries to leave the folder is written down as what it is.
    fn check_path(&self, call: &str, path: &str) -> Answer<()> {
        match parts(path) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.denied(call, PERMISSION, path);
                Err(error)
            }
        }
    }
}

impl Host for HostState {
    async fn read(&mut self, path: String, offset: u64, max_bytes: u32) -> wasmtime::Result<Answer<Chunk>> {
        Ok(self.read_file(path, offset, max_bytes).await)
    }

    async fn list_dir(
        &mut self,
        path: String,
        after: Option<String>,
    ) -> wasmtime::Result<Answer<Vec<Entry>>> {
        Ok(self.list_folder(path, after).await)
    }

    async fn search(
        &mut self,
        pattern: String,
        glob: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Answer<Vec<Hit>>> {
        Ok(self.find(pattern, glob, limit).await)
    }
}
