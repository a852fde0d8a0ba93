//! Which OpenCode binary to run. Only looks at files; never downloads and never runs what it finds.

use std::path::{Path, PathBuf};

use super::BINARY_VARIABLE;
use super::install::{PINNED, cache_dir};
use crate::{Error, ErrorKind, Result};

/// Where to look for a binary; the order of the fields is the order of the search.
#[derive(Clone, Debug)]
pub struct FindOptions {
    /// A path that the person gave; when set, nothing else is looked at.
    pub explicit: Option<PathBuf>,
    /// Whether `NEXUS_OPENCODE_BIN` counts. Default true; tests of a certain version turn it off.
    pub environment: bool,
    /// The version to look for in our cache. Default [`PINNED`].
    pub version: String,
    /// The cache of installed servers. Default [`cache_dir`].
    pub cache: Option<PathBuf>,
    /// Whether an `opencode` on `PATH` will do, whatever its version is. Default false.
    pub allow_path: bool,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self { explicit: None, environment: true, version: PINNED.to_owned(), cache: None, allow_path: false }
    }
}

/// How a binary was found.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOrigin {
    /// The caller named it.
    Explicit,
    /// `NEXUS_OPENCODE_BIN` named it.
    Environment,
    /// Our cache holds the wanted version.
    Cache,
    /// It is the `opencode` on `PATH`.
    SearchPath,
    /// It was installed just now.
    Installed,
}

/// A binary that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBinary {
    /// The absolute path.
    pub path: PathBuf,
    /// How it was found.
    pub origin: BinaryOrigin,
}

/// Looks for a binary without installing anything; `None` when there is none.
///
/// # Errors
/// `user.configuration` when a path that was named (by the caller or the environment) is not an executable file:
/// a named binary is never silently replaced by another one.
pub fn find(options: &FindOptions) -> Result<Option<FoundBinary>> {
    if let Some(path) = &options.explicit {
        return named(path, BinaryOrigin::Explicit).map(Some);
    }
    if options.environment
        && let Some(path) = std::env::var_os(BINARY_VARIABLE).filter(|v| !v.is_empty())
    {
        return named(Path::new(&path), BinaryOrigin::Environment).map(Some);
    }
    let cache = match &options.cache {
        Some(cache) => Some(cache.clone()),
        None => cache_dir().ok(),
    };
    if let Some(path) = cache.map(|c| cached(&c, &options.version)).filter(|p| is_executable(p)) {
        return Ok(Some(FoundBinary { path, origin: BinaryOrigin::Cache }));
    }
    if options.allow_path
        && let Some(path) = on_path(BINARY_NAME)
    {
        return Ok(Some(FoundBinary { path, origin: BinaryOrigin::SearchPath }));
    }
    Ok(None)
}

pub(super) const BINARY_NAME: &str = if cfg!(windows) { "opencode.exe" } else { "opencode" };

/// The place of a version in the cache.
pub(super) fn cached(cache: &Path, version: &str) -> PathBuf {
    cache.join(version).join(BINARY_NAME)
}

fn named(path: &Path, origin: BinaryOrigin) -> Result<FoundBinary> {
    let wrong = |why: String| {
        Error::new(ErrorKind::Configuration, format!("{} is not an OpenCode binary: {why}", path.display()))
            .with_operation("server.find")
            .with_hint(match origin {
                BinaryOrigin::Environment => "set NEXUS_OPENCODE_BIN to the path of the opencode executable",
                _ => "give the path of the opencode executable",
            })
    };
    let absolute = std::path::absolute(path).map_err(|e| wrong(e.to_string()))?;
    if !absolute.is_file() {
        return Err(wrong("no such file".to_owned()));
    }
    if !is_executable(&absolute) {
        return Err(wrong("it is not executable".to_owned()));
    }
    Ok(FoundBinary { path: absolute, origin })
}

/// The first executable of that name on `PATH`.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

pub(super) fn is_executable(path: &Path) -> bool {
    let Ok(meta) = std::fs::metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        meta.is_file() && meta.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    meta.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(cache: &Path) -> FindOptions {
        FindOptions { environment: false, cache: Some(cache.to_owned()), ..FindOptions::default() }
    }

    #[test]
    fn an_empty_cache_gives_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(&options(dir.path())).unwrap(), None);
    }

    #[test]
    fn a_named_binary_that_is_missing_is_an_error_even_when_the_cache_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let explicit = Some(dir.path().join("no-such-binary"));
        let error = find(&FindOptions { explicit, ..options(dir.path()) }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.hint().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn the_cache_counts_only_when_the_file_is_executable() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = cached(dir.path(), PINNED);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find(&options(dir.path())).unwrap(), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = find(&options(dir.path())).unwrap().unwrap();
        assert_eq!((found.path, found.origin), (file, BinaryOrigin::Cache));
    }
}
