//! Where the configuration stands.

use std::path::PathBuf;

use crate::folders;
use crate::{Error, ErrorKind, Result};

/// The environment variable that names another file.
const VARIABLE: &str = "NEXUS_CONFIG";

/// `$NEXUS_CONFIG`, else `opencode-nexus/config.toml` in `$XDG_CONFIG_HOME` or `~/.config` (XDG Base Directory
/// Specification 0.8), on macOS in `~/Library/Application Support`, on Windows in `%APPDATA%`.
///
/// # Errors
/// `user.configuration` when the environment names no home.
pub fn default_path() -> Result<PathBuf> {
    of(&|name| std::env::var_os(name).map(PathBuf::from), std::env::consts::OS).ok_or_else(|| {
        Error::new(ErrorKind::Configuration, "there is no folder for the configuration")
            .with_hint("set HOME, or name the file in NEXUS_CONFIG")
    })
}

/// The home of the person, for paths with a tilde.
pub(super) fn home() -> Option<PathBuf> {
    std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from)
}

fn of(lookup: &dyn Fn(&str) -> Option<PathBuf>, system: &str) -> Option<PathBuf> {
    if let Some(named) = lookup(VARIABLE).filter(|path| !path.as_os_str().is_empty()) {
        return Some(named);
    }
    Some(folders::of(folders::Purpose::Configuration, lookup, system)?.join("config.toml"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_system_has_its_own_place_and_relative_ones_do_not_count() {
        let with = |variables: &'static [(&str, &str)], system| {
            let lookup =
                move |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| PathBuf::from(v));
            of(&lookup, system)
        };
        let linux = with(&[("HOME", "/h")], "linux");
        assert_eq!(linux.as_deref(), Some(Path::new("/h/.config/opencode-nexus/config.toml")));
        let xdg = with(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")], "linux");
        assert_eq!(xdg.as_deref(), Some(Path::new("/x/opencode-nexus/config.toml")));
        assert_eq!(with(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")], "linux"), linux);
        let mac = with(&[("HOME", "/h")], "macos");
        assert_eq!(
            mac.as_deref(),
            Some(Path::new("/h/Library/Application Support/opencode-nexus/config.toml"))
        );
        let named = with(&[("NEXUS_CONFIG", "/n.toml"), ("HOME", "/h")], "linux");
        assert_eq!(named.as_deref(), Some(Path::new("/n.toml")));
        assert_eq!(with(&[], "linux"), None);
        assert_eq!(
            with(&[("APPDATA", "/a")], "windows").as_deref(),
            Some(Path::new("/a/opencode-nexus/config.toml"))
        );
    }
}
