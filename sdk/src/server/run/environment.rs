//! What a server sees of its surroundings: variables, and a home that holds nothing of the person unless they want it.

use std::ffi::OsString;

use super::start::{Home, ServerOptions};
use crate::Result;
use crate::server::background::orphans::{HOME_PREFIX, sign};

type Variables = Vec<(OsString, OsString)>;

/// The environment of the server: ours without what would steer OpenCode, plus what the options say.
pub(in crate::server) fn environment(
    options: &ServerOptions,
) -> Result<(Variables, Option<tempfile::TempDir>)> {
    let own_home = !matches!(options.home, Home::Inherit);
    let mut all: Variables = std::env::vars_os()
        .filter(|(key, _)| {
            let key = key.to_string_lossy();
            let kept = options.inherit_environment || key == "PATH";
            kept && !(key.starts_with("OPENCODE_") || own_home && (key.starts_with("XDG_") || key == "HOME"))
        })
        .collect();
    let mut set = |key: &str, value: OsString| {
        all.retain(|(k, _)| k != key);
        all.push((key.into(), value));
    };
    let scratch = match &options.home {
        Home::Fresh => Some(tempfile::Builder::new().prefix(HOME_PREFIX).tempdir()?),
        Home::At(path) => {
            std::fs::create_dir_all(path)?;
            None
        }
        Home::Inherit => None,
    };
    let home = match (&scratch, &options.home) {
        (Some(fresh), _) => Some(fresh.path().to_owned()),
        (None, Home::At(path)) => Some(std::path::absolute(path)?),
        _ => None,
    };
    if let Some(fresh) = &scratch {
        // The server leaves files in the folder for temporary ones; this one goes with the home.
        let temporary = fresh.path().join("tmp");
        sign(fresh.path())?;
        std::fs::create_dir_all(&temporary)?;
        for key in ["TMPDIR", "TEMP", "TMP"] {
            set(key, temporary.clone().into());
        }
    }
    if let Some(home) = home {
        for (key, below) in [
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
        ] {
            set(key, home.join(below).into());
        }
        set("USERPROFILE", home.clone().into());
        set("HOME", home.into());
    }
    set("OPENCODE_DISABLE_AUTOUPDATE", "1".into());
    set("OPENCODE_DISABLE_MODELS_FETCH", "1".into());
    if !options.package_install.unwrap_or(!own_home) {
        // The server embeds npm, which takes its settings from here: offline, its install fails at once.
        set("npm_config_offline", "true".into());
        set("OPENCODE_DISABLE_LSP_DOWNLOAD", "1".into());
    }
    for key in ["NO_PROXY", "no_proxy"] {
        // A provider on loopback (a local model, a test) must not be asked through the proxy of the company.
        let before = std::env::var(key).unwrap_or_default();
        let comma = if before.is_empty() { "" } else { "," };
        set(key, format!("{before}{comma}127.0.0.1,localhost,::1").into());
    }
    if let Some(config) = &options.config {
        set("OPENCODE_CONFIG_CONTENT", config.to_string().into());
    }
    if let Some(password) = &options.password {
        set("OPENCODE_SERVER_PASSWORD", password.into());
        set("OPENCODE_SERVER_USERNAME", "opencode".into());
        // The name of it in OpenCode 2.
        set("OPENCODE_PASSWORD", password.into());
    }
    for (key, value) in &options.environment {
        set(key, value.into());
    }
    Ok((all, scratch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(all: &'a [(OsString, OsString)], key: &str) -> Option<&'a str> {
        all.iter().find(|(k, _)| k == key).and_then(|(_, v)| v.to_str())
    }

    #[test]
    fn a_fresh_home_holds_every_directory_and_the_password_is_not_in_debug() {
        let mut options = ServerOptions::new("opencode", ".");
        options.password = Some("hunter2".to_owned());
        options.environment = vec![("HOME".to_owned(), "/elsewhere".to_owned())];
        let (all, scratch) = environment(&options).unwrap();
        let home = scratch.unwrap().path().to_owned();
        assert!(value(&all, "XDG_DATA_HOME").unwrap().starts_with(home.to_str().unwrap()));
        assert_eq!(value(&all, "HOME"), Some("/elsewhere"), "the caller's variables win");
        assert_eq!(value(&all, "npm_config_offline"), Some("true"));
        assert_eq!(all.iter().filter(|(k, _)| k == "HOME").count(), 1);
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
