//! Installs one version of OpenCode into our cache: resolve, download, verify, unpack, and only then rename.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::archive::{broken, sha512, sha512_of, unpack};
use super::find::{BINARY_NAME, BinaryOrigin, FindOptions, FoundBinary, cached, find, is_executable};
use super::npm;
use crate::{Error, ErrorKind, Result};

/// The version that this SDK is tested with and installs by default.
pub const PINNED: &str = "1.18.33";

/// SHA-512 (base64) of archives that were downloaded and looked at; for these the registry is not trusted either.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "opencode-linux-x64",
        "1.18.33",
        "q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==",
    ),
    (
        "opencode-linux-x64",
        "1.17.19",
        "eLgz1odJqlXwBDJprJ5xHMJVV8oHbMMaLKt04HodI+Ao1KylsB9Sgnf/2ZpO00AFAMqvB5/ghui0V2/sPEyAWw==",
    ),
    (
        "shuvcode-linux-x64-baseline",
        "2.0.14-shuv.1",
        "YVv74S1eiUZKCi97/m8wovJxRiJ6WHNs6i8ZRXsHHgDmEFchPusqZ0WBawtGweqxihfH4Vbg+Lt6vDr9ZgY0dA==",
    ),
    (
        "opencode-linux-x64",
        "1.14.48",
        "WLAABtQD2Zr1+7zfGRcNYdAKYtr2EuMY6RwjoNRAqHzQslOlItZhDpwdqg03YFe0zrQhg0IlK6iGuplF1ertdw==",
    ),
];

const RESOLVE_BOUND: Duration = Duration::from_secs(60);
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// One step of an installation.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another process installs the same version; waiting for it.
    Waiting,
    /// Asking the registry what the archive must look like.
    Resolving,
    /// npm downloads the archive (about 60 MB).
    Downloading,
    /// Comparing checksums.
    Verifying,
    /// Writing the binary.
    Unpacking,
    /// It is in its place.
    Done,
}

/// What an installation is doing now.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The step that begins.
    pub step: Step,
    /// The npm package, with its version.
    pub package: String,
}

/// The npm package that holds a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The file name of the executable in its folder `bin`.
    pub binary: String,
}

impl Package {
    /// The package of OpenCode for this machine, [`package_name`]; `None` when there is none.
    pub fn official() -> Option<Self> {
        Some(Self { name: package_name()?, binary: BINARY_NAME.to_owned() })
    }
}

/// How to install.
#[derive(Clone)]
pub struct InstallOptions {
    /// The version. Default [`PINNED`].
    pub version: String,
    /// The package. Default [`Package::official`].
    pub package: Option<Package>,
    /// The cache. Default [`cache_dir`].
    pub cache: Option<PathBuf>,
    /// Bound of the download. Default 10 min.
    pub download_bound: Duration,
    /// Called at the begin of every step. Default: nothing.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self {
            version: PINNED.to_owned(),
            package: None,
            cache: None,
            download_bound: Duration::from_secs(600),
            progress: Arc::new(|_| ()),
        }
    }
}

impl std::fmt::Debug for InstallOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstallOptions")
            .field("version", &self.version)
            .field("cache", &self.cache)
            .field("download_bound", &self.download_bound)
            .finish_non_exhaustive()
    }
}

/// Where installed servers are kept: `$XDG_CACHE_HOME/opencode-nexus/servers`, by default below `~/.cache`
/// (Windows: `%LOCALAPPDATA%`).
///
/// # Errors
/// `user.configuration` when the environment names no home.
pub fn cache_dir() -> Result<PathBuf> {
    let set = |key: &str| std::env::var_os(key).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = set("XDG_CACHE_HOME")
        .or_else(|| if cfg!(windows) { set("LOCALAPPDATA") } else { None })
        .or_else(|| set("HOME").map(|home| home.join(".cache")));
    let none = || Error::new(ErrorKind::Configuration, "there is no cache directory").with_hint("set HOME");
    Ok(base.ok_or_else(none)?.join("opencode-nexus").join("servers"))
}

/// The npm package with the binary for this machine; `None` when OpenCode is not published for it.
pub fn package_name() -> Option<String> {
    let system = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        "windows" => "windows",
        _ => return None,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    let baseline = if needs_baseline() { "-baseline" } else { "" };
    let musl = if system == "linux" && is_musl() { "-musl" } else { "" };
    Some(format!("opencode-{system}-{machine}{baseline}{musl}"))
}

fn needs_baseline() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The C library of the system, not of this build: a static build runs on both.
fn is_musl() -> bool {
    let exists = |path: &str| Path::new(path).exists();
    let glibc = exists("/lib64/ld-linux-x86-64.so.2") || exists("/lib/ld-linux-aarch64.so.1");
    !glibc && (exists("/lib/ld-musl-x86_64.so.1") || exists("/lib/ld-musl-aarch64.so.1"))
}

/// [`find`] with these options, else [`install`] of the same version into the same cache.
///
/// # Errors
/// Those of [`find`] and [`install`].
pub async fn ensure(options: &FindOptions, install_options: InstallOptions) -> Result<FoundBinary> {
    if let Some(found) = find(options)? {
        return Ok(found);
    }
    let version = options.version.clone();
    let cache = options.cache.clone().or(install_options.cache.clone());
    let path = install(InstallOptions { version, cache, ..install_options }).await?;
    Ok(FoundBinary { path, origin: BinaryOrigin::Installed })
}

/// Installs a version unless the cache has it, and gives the path of the binary.
///
/// Several processes may do this at once: one works, the others wait for it. When this future is dropped, npm is
/// killed and what was written is removed; what a killed process left is removed by the next installation.
///
/// # Errors
/// `system.local_server`: npm is missing or failed (offline, no such version), or the archive is not what it should
/// be. `system.timeout`: a bound passed.
pub async fn install(options: InstallOptions) -> Result<PathBuf> {
    let version = &options.version;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    if version.is_empty() || version.starts_with('.') || !version.chars().all(plain) {
        return Err(Error::new(ErrorKind::InvalidInput, format!("`{version}` is not a version of OpenCode")));
    }
    let Package { name, binary: inside } = match &options.package {
        Some(package) => package.clone(),
        None => Package::official().ok_or_else(|| {
            Error::new(ErrorKind::LocalServer, "OpenCode is not published for this system")
                .with_operation("server.install")
                .with_hint("build it yourself and give its path by NEXUS_OPENCODE_BIN")
        })?,
    };
    let cache = match &options.cache {
        Some(cache) => std::path::absolute(cache)?,
        None => cache_dir()?,
    };
    let package = format!("{name}@{version}");
    let say = |step| (options.progress)(Progress { step, package: package.clone() });
    let binary = cached(&cache, version);
    if is_executable(&binary) {
        return Ok(binary);
    }
    let place = Place::lock(&cache, version, options.download_bound, || say(Step::Waiting)).await?;
    if is_executable(&binary) {
        return Ok(binary);
    }
    say(Step::Resolving);
    let viewed = npm::run(&place.partial, &["view", &package, "dist.integrity"], RESOLVE_BOUND).await?;
    let expected = sha512_of(viewed.as_str().unwrap_or_default(), &package)?;
    if let Some((.., known)) = KNOWN.iter().find(|(n, v, _)| *n == name && v == version)
        && *known != expected
    {
        return Err(broken(&package, "the registry offers another archive than the known one"));
    }
    say(Step::Downloading);
    let pack = ["pack", "--ignore-scripts", &package, "--pack-destination", "."];
    let packed = npm::run(&place.partial, &pack, options.download_bound).await?;
    // A list in every npm up to 11; newer ones may key it by package.
    let entry = packed.get(0).or_else(|| packed.as_object().and_then(|o| o.values().next()));
    let file = entry.and_then(|p| p.get("filename")?.as_str()).unwrap_or_default();
    let archive = place.partial.join(Path::new(file).file_name().unwrap_or_default());
    say(Step::Verifying);
    let progress = options.progress.clone();
    // The blocking part owns the lock: it cannot be cancelled, and nobody may enter before it ends.
    let work = tokio::task::spawn_blocking(move || {
        if sha512(&archive)? != expected {
            return Err(broken(&package, "its checksum is wrong"));
        }
        progress(Progress { step: Step::Unpacking, package: package.clone() });
        let ready = place.partial.join("ready");
        unpack(&archive, &ready, &package, &inside)?;
        // Only a directory without a binary can be in the way: whatever it holds is not an installation.
        std::fs::remove_dir_all(&place.target).ok();
        std::fs::rename(&ready, &place.target)?;
        progress(Progress { step: Step::Done, package });
        Ok(())
    });
    work.await.map_err(|e| Error::new(ErrorKind::Internal, format!("unpacking stopped: {e}")))??;
    Ok(binary)
}

/// The right to install one version, and the directory to do it in; both end with this value.
struct Place {
    partial: PathBuf,
    target: PathBuf,
    /// Held by the open file; the system lets go of it when a process dies in any way.
    _lock: File,
}

impl Place {
    async fn lock(cache: &Path, version: &str, bound: Duration, waiting: impl Fn()) -> Result<Self> {
        std::fs::create_dir_all(cache)?;
        let lock = File::options().create(true).append(true).open(cache.join(format!(".{version}.lock")))?;
        let deadline = tokio::time::Instant::now() + bound;
        let mut said = false;
        while let Err(error) = lock.try_lock() {
            if let std::fs::TryLockError::Error(cause) = error {
                return Err(cause.into());
            }
            if tokio::time::Instant::now() > deadline {
                let message = format!("another process did not finish installing OpenCode {version}");
                return Err(Error::new(ErrorKind::Timeout, message).with_operation("server.install"));
            }
            if !std::mem::replace(&mut said, true) {
                waiting();
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        let partial = cache.join(format!(".{version}.partial"));
        // Whoever wrote this is dead, for we hold the lock.
        if partial.exists() {
            std::fs::remove_dir_all(&partial)?;
        }
        std::fs::create_dir(&partial)?;
        Ok(Self { partial, target: cache.join(version), _lock: lock })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.partial) {
            tracing::debug!(%error, "the next installation will remove the partial one");
        }
    }
}
