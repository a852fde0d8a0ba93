//! Installs one version of OpenCode into our cache: get, verify, unpack, ask its version, and only then rename.
//!
//! It comes from npm (with the person's own configuration: registry, proxy, certificates, offline cache), from a file,
//! or from an address.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::archive::{Unpack, Unpacked, broken};
use super::ask_version::ask_version;
use super::checksum::{Checksum, of_integrity};
use super::npm::{self, Network};
use super::package::{PINNED, Package, known};
use super::place::{Place, cache_dir, check_version, explain};
use super::progress::{Progress, Reporter, Step};
use super::record::{InstallRecord, Origin, is_usable, now};
use crate::server::versions::find::{
    BINARY_NAME, BinaryOrigin, FindOptions, FoundBinary, cached, find, version_to_install,
};
use crate::transport::download;
use crate::{Error, ErrorKind, Result};

const RESOLVE_BOUND: Duration = Duration::from_secs(60);
/// The name under which what has no version yet is worked on.
const INCOMING: &str = "incoming";

/// Where an installation gets OpenCode from.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The registry that npm is configured for.
    #[default]
    Npm,
    /// A file: the package of npm (`.tgz`), a release (`.tar.gz` or `.zip` with the executable `opencode` in it), or the
    /// executable itself.
    Archive(PathBuf),
    /// The address of such a file: `https`, or `http` on this machine, and then a checksum is a must.
    Url(String),
}

/// How to install.
#[derive(Clone)]
pub struct InstallOptions {
    /// The version. Default [`PINNED`]. With an archive or an address: the version that must be in it; empty means
    /// whatever is in it.
    pub version: String,
    /// The package. Default [`Package::official`]. The binary of another one is not run to ask for its version.
    pub package: Option<Package>,
    /// Where from. Default [`Source::Npm`].
    pub source: Source,
    /// Whether npm may use the network. Default: as npm is configured.
    pub network: Network,
    /// What the archive must hash to, beside what the registry says. Default none.
    pub checksum: Option<Checksum>,
    /// The cache. Default [`cache_dir`].
    pub cache: Option<PathBuf>,
    /// Bound of the download. Default 10 min.
    pub download_bound: Duration,
    /// Whether updates leave this version alone, which otherwise keep two. For who needs a certain version beside the
    /// one that is used. Default false.
    pub keep: bool,
    /// Called at the begin of every step, and again and again in those whose bytes can be counted. Default: nothing.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self {
            version: PINNED.to_owned(),
            package: None,
            source: Source::Npm,
            network: Network::AsConfigured,
            checksum: None,
            cache: None,
            download_bound: Duration::from_secs(600),
            keep: false,
            progress: Arc::new(|_| ()),
        }
    }
}

impl std::fmt::Debug for InstallOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the source: an address may hold a password.
        f.debug_struct("InstallOptions")
            .field("version", &self.version)
            .field("cache", &self.cache)
            .field("download_bound", &self.download_bound)
            .finish_non_exhaustive()
    }
}

/// [`find`] with these options, else [`install`] of the wanted version into the same cache.
///
/// # Errors
/// Those of [`find`] and [`install`].
pub async fn ensure(options: &FindOptions, install_options: InstallOptions) -> Result<FoundBinary> {
    if let Some(found) = find(options)? {
        return Ok(found);
    }
    let version = version_to_install(options)?;
    let cache = options.cache.clone().or(install_options.cache.clone());
    let path = install(InstallOptions { version: version.clone(), cache, ..install_options }).await?;
    Ok(FoundBinary { path, origin: BinaryOrigin::Installed, version: Some(version) })
}

/// Installs a version unless the cache has it, and gives the path of the binary.
///
/// Several processes may do this at once: one works, the others wait for it. When this future is dropped, npm is
/// killed and what was written is removed; what a killed process left is removed by the next installation.
///
/// # Errors
/// `system.local_server`: npm is missing or failed (offline, no such version), the archive is not what it should be, or
/// the binary in it does not run or is another version. `system.timeout`: a bound passed. `system.io`: the disk is full
/// or may not be written. `user.conflict`: another binary of that version is installed already. `user.invalid_input`:
/// a version, checksum or address that cannot be used. In each case nothing of it stays.
pub async fn install(options: InstallOptions) -> Result<PathBuf> {
    let cache = match &options.cache {
        Some(cache) => std::path::absolute(cache)?,
        None => cache_dir()?,
    };
    let done = match options.source.clone() {
        Source::Npm => from_npm(&options, &cache).await,
        Source::Archive(path) => from_file(&options, &cache, &path).await,
        Source::Url(url) => from_url(&options, &cache, &url).await,
    };
    done.map_err(|error| explain(error, &cache))
}

async fn from_npm(options: &InstallOptions, cache: &Path) -> Result<PathBuf> {
    let version = &options.version;
    check_version(version)?;
    let official = options.package.is_none();
    let Package { name, binary: inside } = match &options.package {
        Some(package) => package.clone(),
        None => Package::for_this_machine()?,
    };
    let package = format!("{name}@{version}");
    let reporter = Reporter::new(&options.progress, &package);
    let binary = cached(cache, version);
    if is_usable(cache, version) {
        return Ok(binary);
    }
    let place = Place::lock(cache, version, options.download_bound, || reporter.say(Step::Waiting)).await?;
    if is_usable(cache, version) {
        return Ok(binary);
    }
    reporter.say(Step::Resolving);
    let view = ["view", &package, "dist.integrity"];
    let viewed = npm::run(&place.partial, &view, options.network, RESOLVE_BOUND).await?;
    let expected = of_integrity(viewed.as_str().unwrap_or_default())
        .ok_or_else(|| broken(&package, "the registry gives no sha512 for it"))?;
    if known(&name, version).is_some_and(|known| format!("sha512-{known}") != expected.to_string()) {
        return Err(broken(&package, "the registry offers another archive than the known one"));
    }
    reporter.say(Step::Downloading);
    let pack = ["pack", "--ignore-scripts", &package, "--pack-destination", "."];
    let packed = npm::run(&place.partial, &pack, options.network, options.download_bound).await?;
    // A list in every npm up to 11; newer ones may key it by package.
    let entry = packed.get(0).or_else(|| packed.as_object().and_then(|o| o.values().next()));
    let file = entry.and_then(|p| p.get("filename")?.as_str()).unwrap_or_default();
    let archive = place.partial.join(Path::new(file).file_name().unwrap_or_default());
    let origin = Origin::Npm { package: name };
    let checksums = [Some(expected), options.checksum.clone()].into_iter().flatten().collect();
    let work = Work { archive, inside, origin, checksums, reporter, keep: options.keep };
    let (place, unpacked) = work.unpack(place).await?;
    if official {
        agree(version, &ask(&place, &work.reporter).await?)?;
    }
    work.publish(&place, version, &unpacked)?;
    Ok(binary)
}

async fn from_file(options: &InstallOptions, cache: &Path, path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path)?;
    if !path.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("there is no file {}", path.display()))
            .with_operation("server.install")
            .with_hint(
                "give the path of a .tgz, .tar.gz or .zip with OpenCode in it, or of its executable",
            ));
    }
    let reporter = Reporter::new(&options.progress, &path.display().to_string());
    let place = incoming(options, cache, &reporter).await?;
    let origin = Origin::Archive { path: path.clone() };
    foreign(options, cache, place, Fetched { archive: path, origin, reporter }).await
}

async fn from_url(options: &InstallOptions, cache: &Path, url: &str) -> Result<PathBuf> {
    let url = download::check(url, options.checksum.is_some())?;
    let shown = download::shown(&url);
    let reporter = Reporter::new(&options.progress, &shown);
    let place = incoming(options, cache, &reporter).await?;
    let archive = place.partial.join("archive");
    reporter.say(Step::Downloading);
    let transfer = download::fetch(url, &archive, super::archive::BINARY_BYTES, |done, total| {
        reporter.bytes(Step::Downloading, done, total);
    });
    tokio::time::timeout(options.download_bound, transfer).await.map_err(|_| {
        let message = format!("{shown} did not arrive within {} s", options.download_bound.as_secs());
        Error::new(ErrorKind::Timeout, message).with_hint("try again on a better connection")
    })??;
    let origin = Origin::Url { url: shown };
    foreign(options, cache, place, Fetched { archive, origin, reporter }).await
}

/// The place for what has no version before it was unpacked.
async fn incoming(options: &InstallOptions, cache: &Path, reporter: &Reporter) -> Result<Place> {
    if !options.version.is_empty() {
        check_version(&options.version)?;
    }
    Place::lock(cache, INCOMING, options.download_bound, || reporter.say(Step::Waiting)).await
}

struct Fetched {
    archive: PathBuf,
    origin: Origin,
    reporter: Reporter,
}

/// Installs an archive that no registry vouches for: what its binary says is its version.
async fn foreign(options: &InstallOptions, cache: &Path, place: Place, fetched: Fetched) -> Result<PathBuf> {
    let Fetched { archive, origin, reporter } = fetched;
    let inside = options.package.as_ref().map_or(BINARY_NAME, |package| &package.binary).to_owned();
    let checksums = options.checksum.clone().into_iter().collect();
    let work = Work { archive, inside, origin, checksums, reporter, keep: options.keep };
    let (place, unpacked) = work.unpack(place).await?;
    let version = ask(&place, &work.reporter).await?;
    if !options.version.is_empty() {
        agree(&options.version, &version)?;
    }
    // Whoever installs the same version from npm meanwhile comes first.
    let own = Place::lock(cache, &version, options.download_bound, || {
        work.reporter.say(Step::Waiting);
    })
    .await?;
    if is_usable(cache, &version) {
        return match InstallRecord::read(cache, &version) {
            Some(record) if record.binary_sha256 == unpacked.sha256 => {
                work.reporter.say(Step::Done);
                Ok(cached(cache, &version))
            }
            _ => Err(Error::new(
                ErrorKind::Conflict,
                format!("another binary of OpenCode {version} is installed already"),
            )
            .with_operation("server.install")
            .with_hint(format!("remove that first: nexus server remove {version}"))),
        };
    }
    std::fs::rename(place.partial.join("ready"), own.partial.join("ready"))?;
    work.publish(&own, &version, &unpacked)?;
    Ok(cached(cache, &version))
}

async fn ask(place: &Place, reporter: &Reporter) -> Result<String> {
    reporter.say(Step::Checking);
    ask_version(&place.partial.join("ready").join(BINARY_NAME), &place.partial.join("home")).await
}

fn agree(wanted: &str, found: &str) -> Result<()> {
    if wanted == found {
        return Ok(());
    }
    let message = format!("the binary says that it is OpenCode {found}, not {wanted}");
    Err(Error::new(ErrorKind::LocalServer, message)
        .with_operation("server.install")
        .with_hint(format!("get the archive of {wanted}, or install this one as {found}")))
}

/// An archive that is here, and what is known of it.
struct Work {
    archive: PathBuf,
    /// The name of the executable in it.
    inside: String,
    origin: Origin,
    /// All of them must agree.
    checksums: Vec<Checksum>,
    reporter: Reporter,
    keep: bool,
}

impl Work {
    /// Compares the checksums and writes the binary to `ready` in the place, which it hands back.
    async fn unpack(&self, place: Place) -> Result<(Place, Unpacked)> {
        let (archive, inside) = (self.archive.clone(), self.inside.clone());
        let (checksums, reporter) = (self.checksums.clone(), self.reporter.clone());
        // The blocking part owns the lock: it cannot be cancelled, and nobody may enter before it ends.
        let work = tokio::task::spawn_blocking(move || {
            let label = reporter.label();
            reporter.say(Step::Verifying);
            let size = std::fs::metadata(&archive)?.len();
            for wanted in &checksums {
                let mut said = |done| reporter.bytes(Step::Verifying, done, Some(size));
                if wanted.of_same_kind(&archive, &mut said)? != *wanted {
                    return Err(broken(label, "its checksum is wrong"));
                }
            }
            reporter.say(Step::Unpacking);
            let mut said = |done, total| reporter.bytes(Step::Unpacking, done, Some(total));
            let unpack = Unpack { label, binary: &inside, said: &mut said };
            let unpacked = unpack.run(&archive, &place.partial.join("ready"))?;
            Ok((place, unpacked))
        });
        work.await.map_err(|e| Error::new(ErrorKind::Internal, format!("unpacking stopped: {e}")))?
    }

    fn publish(&self, place: &Place, version: &str, unpacked: &Unpacked) -> Result<()> {
        let ready = place.partial.join("ready");
        let record = InstallRecord {
            version: version.to_owned(),
            origin: self.origin.clone(),
            archive_checksum: self.checksums.first().map(Checksum::to_string),
            binary_sha256: unpacked.sha256.clone(),
            bytes: unpacked.bytes,
            installed_at: now(),
            keep: self.keep,
        };
        record.write(&ready)?;
        place.publish(&ready)?;
        self.reporter.say(Step::Done);
        Ok(())
    }
}
