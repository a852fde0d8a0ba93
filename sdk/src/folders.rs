//! Where things of ours stand on each system, and files there that only their owner may read.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// What a folder is for (XDG Base Directory Specification 0.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What a person writes.
    Configuration,
    /// What can be fetched again.
    Cache,
    /// What outlives a command.
    State,
    /// What must not be lost.
    Data,
}

/// The folder of the person for this purpose, and `opencode-nexus` in it.
///
/// # Errors
/// `user.configuration` when the environment names no home.
pub fn folder(purpose: Purpose) -> Result<PathBuf> {
    of(purpose, &|name| std::env::var_os(name).map(PathBuf::from), std::env::consts::OS).ok_or_else(|| {
        let what = match purpose {
            Purpose::Configuration => "the configuration",
            Purpose::Cache => "caches",
            Purpose::State => "state",
            Purpose::Data => "data",
        };
        Error::new(ErrorKind::Configuration, format!("there is no folder for {what}")).with_hint("set HOME")
    })
}

/// Where accounts and plugins are kept: `NEXUS_DATA_DIR`, else the folder for data.
///
/// # Errors
/// `user.configuration` without a home.
pub fn data() -> Result<PathBuf> {
    let named = std::env::var_os("NEXUS_DATA_DIR").map(PathBuf::from);
    match named.filter(|path| !path.as_os_str().is_empty()) {
        Some(folder) => Ok(folder),
        None => folder(Purpose::Data).map_err(|error| error.with_hint("set HOME, or NEXUS_DATA_DIR")),
    }
}

/// The same for any environment and system.
pub fn of(purpose: Purpose, lookup: &dyn Fn(&str) -> Option<PathBuf>, system: &str) -> Option<PathBuf> {
    // The specification says to ignore relative paths.
    let set = |name: &str| lookup(name).filter(|path| path.is_absolute());
    let (variable, usual) = match purpose {
        Purpose::Configuration => ("XDG_CONFIG_HOME", ".config"),
        Purpose::Cache => ("XDG_CACHE_HOME", ".cache"),
        Purpose::State => ("XDG_STATE_HOME", ".local/state"),
        Purpose::Data => ("XDG_DATA_HOME", ".local/share"),
    };
    let of_windows = |name: &str| lookup(name).filter(|path| !path.as_os_str().is_empty());
    let base = match (system, purpose) {
        ("windows", Purpose::Configuration) => of_windows("APPDATA"),
        ("windows", _) => set(variable).or_else(|| of_windows("LOCALAPPDATA")),
        ("macos", Purpose::Configuration | Purpose::Data) => {
            set(variable).or_else(|| Some(set("HOME")?.join("Library/Application Support")))
        }
        _ => set(variable).or_else(|| Some(set("HOME")?.join(usual))),
    };
    Some(base?.join("opencode-nexus"))
}

/// Writes a file that only we may read: beside its place first, then all at once. It survives the loss of power.
///
/// # Errors
/// Those of the system; the file is as it was then.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private(folder)?;
    // Made with 0600 on Unix.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync(folder)
}

/// Makes a folder, with those above it, that only we may enter.
///
/// # Errors
/// Those of the system.
pub fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes names in a folder survive the loss of power. Windows does so by itself, and opens no folders.
///
/// # Errors
/// Those of the system.
pub fn sync(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_own_places() {
        let of = |purpose, system| {
            let lookup = |name: &str| match name {
                "HOME" => Some(PathBuf::from("/h")),
                "APPDATA" => Some(PathBuf::from("/roaming")),
                "LOCALAPPDATA" => Some(PathBuf::from("/local")),
                "XDG_DATA_HOME" => Some(PathBuf::from("relative")),
                _ => None,
            };
            super::of(purpose, &lookup, system).unwrap().to_string_lossy().replace('\\', "/")
        };
        let places = [Purpose::Configuration, Purpose::Cache, Purpose::State, Purpose::Data];
        let linux = ["/h/.config", "/h/.cache", "/h/.local/state", "/h/.local/share"];
        let support = "/h/Library/Application Support";
        for (system, wanted) in [
            ("linux", linux),
            ("macos", [support, linux[1], linux[2], support]),
            ("windows", ["/roaming", "/local", "/local", "/local"]),
        ] {
            assert_eq!(
                places.map(|p| of(p, system)),
                wanted.map(|w| format!("{w}/opencode-nexus")),
                "{system}"
            );
        }
    }

    #[test]
    fn without_a_home_there_is_no_place() {
        assert_eq!(of(Purpose::Data, &|_| None, "linux"), None);
    }
}
