//! Which OpenCode binary to run. Only looks at files; never downloads and never runs what it finds.
//!
//! The order, and the first that is there is taken:
//!
//! 1. the path that the caller names ([`FindOptions::explicit`]);
//! 2. the one that `NEXUS_OPENCODE_BIN` names ([`FindOptions::environment`]);
//! 3. where the person's choice counts ([`FindOptions::chosen`]): the pinned version, or nothing while it is missing;
//! 4. otherwise the version that the caller wants, in our cache;
//! 5. `opencode` on `PATH` ([`FindOptions::allow_path`]);
//! 6. where the person's choice counts: the version that the last update or rollback selected, else the newest release
//!    in our cache that did not fail here.
//!
//! With nothing found, [`ensure`](crate::server::ensure) installs the pinned version, or [`FindOptions::version`].

use std::path::{Path, PathBuf};

use super::state::{self, State};
use crate::server::BINARY_VARIABLE;
use crate::server::background::instances::state_dir;
use crate::server::installation::package::PINNED;
use crate::server::installation::place::cache_dir;
use crate::server::installation::record::{installed, is_stable, is_usable};
use crate::{Error, ErrorKind, Result};

/// Where to look for a binary; this module's first paragraphs give the order.
#[derive(Clone, Debug)]
pub struct FindOptions {
    /// A path that the person gave; when set, nothing else is looked at.
    pub explicit: Option<PathBuf>,
    /// Whether `NEXUS_OPENCODE_BIN` counts. Default true; tests of a certain version turn it off.
    pub environment: bool,
    /// Whether it counts what the person pinned, updated to or went back to; then [`version`](Self::version) is only
    /// what is installed when there is nothing. Default false: exactly that version.
    pub chosen: bool,
    /// The version to look for in our cache. Default [`PINNED`].
    pub version: String,
    /// The cache of installed servers. Default [`cache_dir`].
    pub cache: Option<PathBuf>,
    /// The folder that remembers the person's choices. Default [`state_dir`].
    pub state: Option<PathBuf>,
    /// Whether an `opencode` on `PATH` will do, whatever its version is. Default false.
    pub allow_path: bool,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self {
            explicit: None,
            environment: true,
            chosen: false,
            version: PINNED.to_owned(),
            cache: None,
            state: None,
            allow_path: false,
        }
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
    /// The person pinned it.
    Pinned,
    /// An update or a rollback selected it.
    Selected,
    /// Our cache holds the wanted version, or a usable one where the person has chosen none.
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
    /// Its version, when it is one of our cache.
    pub version: Option<String>,
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
    let ours = |version: &str, origin| {
        let cache = cache.as_deref().filter(|cache| is_usable(cache, version))?;
        Some(FoundBinary { path: cached(cache, version), origin, version: Some(version.to_owned()) })
    };
    let state = choices(options)?;
    if let Some(State { pinned: Some(pinned), .. }) = &state {
        // What is pinned is installed again rather than replaced by something else.
        return Ok(ours(pinned, BinaryOrigin::Pinned));
    }
    if state.is_none()
        && let Some(found) = ours(&options.version, BinaryOrigin::Cache)
    {
        return Ok(Some(found));
    }
    if options.allow_path
        && let Some(path) = on_path(BINARY_NAME)
    {
        return Ok(Some(FoundBinary { path, origin: BinaryOrigin::SearchPath, version: None }));
    }
    let (Some(state), Some(cache)) = (state, &cache) else { return Ok(None) };
    let selected = state.selected.as_deref().and_then(|version| ours(version, BinaryOrigin::Selected));
    Ok(selected.or_else(|| ours(&newest(cache, &state)?, BinaryOrigin::Cache)))
}

/// What the person has chosen, where that counts.
fn choices(options: &FindOptions) -> Result<Option<State>> {
    if !options.chosen {
        return Ok(None);
    }
    let folder = match &options.state {
        Some(folder) => folder.clone(),
        None => state_dir()?,
    };
    state::read(&folder).map(Some)
}

/// The newest release in the cache that can be run and did not fail here.
pub(in crate::server) fn newest(cache: &Path, state: &State) -> Option<String> {
    let mut all = installed(cache);
    all.retain(|v| is_stable(v) && !state.failed.contains_key(v) && is_usable(cache, v));
    all.pop()
}

/// The version to install when nothing was found.
pub(in crate::server) fn version_to_install(options: &FindOptions) -> Result<String> {
    let pinned = choices(options)?.and_then(|state| state.pinned);
    Ok(pinned.unwrap_or_else(|| options.version.clone()))
}

pub(in crate::server) const BINARY_NAME: &str = if cfg!(windows) { "opencode.exe" } else { "opencode" };

/// The place of a version in the cache.
pub(in crate::server) fn cached(cache: &Path, version: &str) -> PathBuf {
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
    Ok(FoundBinary { path: absolute, origin, version: None })
}

/// The first executable of that name on `PATH`.
pub(in crate::server) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

pub(in crate::server) fn is_executable(path: &Path) -> bool {
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
        let chosen = FindOptions { chosen: true, state: Some(dir.path().into()), ..options(dir.path()) };
        assert_eq!(find(&chosen).unwrap(), None);
    }

    #[cfg(unix)]
    fn fake(cache: &Path, version: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let file = cached(cache, version);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[cfg(unix)]
    #[test]
    fn what_the_person_chose_comes_in_the_order_that_is_documented() {
        let dir = tempfile::tempdir().unwrap();
        let (cache, state) = (dir.path().join("cache"), dir.path().join("state"));
        let options = FindOptions {
            chosen: true,
            state: Some(state.clone()),
            version: "1.0.0".into(),
            ..options(&cache)
        };
        let found = || find(&options).unwrap().map(|f| (f.version.unwrap(), f.origin));
        for version in ["1.0.0", "1.2.0", "1.10.0", "2.0.0-beta.1"] {
            fake(&cache, version);
        }
        let expect = |version: &str, origin| Some((version.to_owned(), origin));
        assert_eq!(found(), expect("1.10.0", BinaryOrigin::Cache), "the newest release");
        let set = |change: fn(&mut State)| {
            state::change(&state, |state| {
                change(state);
                Ok(())
            })
            .unwrap();
        };
        set(|state| state.fail("1.10.0", "it did not start", Vec::new()));
        assert_eq!(found(), expect("1.2.0", BinaryOrigin::Cache), "not the one that failed");
        set(|state| state.selected = Some("2.0.0-beta.1".into()));
        assert_eq!(found(), expect("2.0.0-beta.1", BinaryOrigin::Selected));
        set(|state| state.pinned = Some("1.0.0".into()));
        assert_eq!(found(), expect("1.0.0", BinaryOrigin::Pinned));
        std::fs::remove_dir_all(cache.join("1.0.0")).unwrap();
        assert_eq!(found(), None, "what is pinned is not replaced");
        set(|state| state.pinned = Some("3.0.0".into()));
        assert_eq!(version_to_install(&options).unwrap(), "3.0.0");
        let exact = FindOptions { chosen: false, version: "1.2.0".into(), ..options.clone() };
        assert_eq!(find(&exact).unwrap().unwrap().version.as_deref(), Some("1.2.0"), "no choice counts");
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
