//! What is known of an installed version: a small file beside its binary that says where it came from.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::server::versions::find::{BINARY_NAME, cached, is_executable};

const FILE: &str = "install.json";
/// The file is below 1 kB.
const FILE_BYTES: u64 = 64 * 1024;

/// Where an installed version came from.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// The registry of the person's npm configuration.
    Npm {
        /// The package.
        package: String,
    },
    /// A file that the person named.
    Archive {
        /// Where it was.
        path: PathBuf,
    },
    /// An address that the person named; without its query and without credentials.
    Url {
        /// The address.
        url: String,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Npm { package } => write!(f, "npm {package}"),
            Self::Archive { path } => write!(f, "{}", path.display()),
            Self::Url { url } => f.write_str(url),
        }
    }
}

/// What was written down when a version was installed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallRecord {
    /// The version.
    pub version: String,
    /// Where it came from.
    pub origin: Origin,
    /// The checksum of the archive that was compared, `sha512-…` or `sha256-…` in base64. `None` when the person gave
    /// a file or an address without one.
    #[serde(default)]
    pub archive_checksum: Option<String>,
    /// The SHA-256 of the binary, in hexadecimal.
    pub binary_sha256: String,
    /// The size of the binary.
    pub bytes: u64,
    /// When, in seconds since 1970.
    pub installed_at: u64,
    /// Whether updates leave it alone; see [`InstallOptions::keep`](crate::server::InstallOptions::keep).
    #[serde(default)]
    pub keep: bool,
}

impl InstallRecord {
    /// What was written beside the binary of this version; `None` when nothing usable is there.
    pub(in crate::server) fn read(cache: &Path, version: &str) -> Option<Self> {
        use std::io::Read as _;
        let mut text = Vec::new();
        std::fs::File::open(cache.join(version).join(FILE))
            .ok()?
            .take(FILE_BYTES)
            .read_to_end(&mut text)
            .ok()?;
        serde_json::from_slice(&text).ok().filter(|record: &Self| record.version == version)
    }

    pub(in crate::server) fn write(&self, folder: &Path) -> Result<()> {
        let mut file = std::fs::File::create_new(folder.join(FILE))?;
        file.write_all(&serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?)?;
        Ok(file.sync_all()?)
    }
}

/// Whether the cache holds a version that can be run: its binary is there, executable, and as long as it was. Cheap: the
/// checksum is compared when it is installed.
pub(in crate::server) fn is_usable(cache: &Path, version: &str) -> bool {
    let binary = cached(cache, version);
    if !is_executable(&binary) {
        return false;
    }
    match InstallRecord::read(cache, version) {
        Some(record) => std::fs::metadata(&binary).is_ok_and(|meta| meta.len() == record.bytes),
        // Earlier builds wrote no record.
        None => true,
    }
}

/// The versions whose folders are in the cache, usable or not, oldest first.
pub(in crate::server) fn installed(cache: &Path) -> Vec<String> {
    let mut all: Vec<String> = (std::fs::read_dir(cache).into_iter().flatten().flatten())
        .filter(|entry| entry.path().join(BINARY_NAME).exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| super::place::check_version(name).is_ok())
        .collect();
    all.sort_by(|a, b| order(a, b));
    all
}

/// The order of versions; what is no semantic version comes first.
pub(in crate::server) fn order(a: &str, b: &str) -> std::cmp::Ordering {
    semver::Version::parse(a).ok().cmp(&semver::Version::parse(b).ok()).then_with(|| a.cmp(b))
}

/// Whether a version is a release, not a trial build.
pub(in crate::server) fn is_stable(version: &str) -> bool {
    semver::Version::parse(version).is_ok_and(|v| v.pre.is_empty())
}

/// Seconds since 1970.
pub(in crate::server) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_npm_does() {
        let mut all = ["1.18.33", "1.9.0", "2.0.0-beta.1", "2.0.0", "odd", "1.10.0"];
        all.sort_by(|a, b| order(a, b));
        assert_eq!(all, ["odd", "1.9.0", "1.10.0", "1.18.33", "2.0.0-beta.1", "2.0.0"]);
        assert!(is_stable("1.18.33") && !is_stable("2.0.14-shuv.1") && !is_stable("odd"));
    }

    #[cfg(unix)]
    #[test]
    fn a_binary_that_lost_its_end_is_not_usable_and_neither_damaged_nor_missing_records_hurt() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("1.0.0");
        std::fs::create_dir(&folder).unwrap();
        let binary = folder.join(BINARY_NAME);
        std::fs::write(&binary, "12345").unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_usable(dir.path(), "1.0.0"));
        let record = InstallRecord {
            version: "1.0.0".to_owned(),
            origin: Origin::Npm { package: "p".to_owned() },
            archive_checksum: None,
            binary_sha256: String::new(),
            bytes: 5,
            installed_at: now(),
            keep: false,
        };
        record.write(&folder).unwrap();
        assert_eq!(InstallRecord::read(dir.path(), "1.0.0"), Some(record));
        assert!(is_usable(dir.path(), "1.0.0"));
        std::fs::write(&binary, "123").unwrap();
        assert!(!is_usable(dir.path(), "1.0.0"));
        std::fs::write(folder.join(FILE), "{").unwrap();
        assert!(is_usable(dir.path(), "1.0.0"));
        assert_eq!(installed(dir.path()), ["1.0.0"]);
    }
}
