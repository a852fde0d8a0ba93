//! The cargo that runs us, as if it had been called from a shell.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `cargo run` sets for the program that it runs. Build scripts that look at these variables would run again in
/// each nested build, and everything above them (ring, and so all of TLS and HTTP) be compiled twice.
const SET_BY_RUN: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];

/// A call of cargo.
pub fn cargo() -> Command {
    calls_cargo(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A call of a program that calls cargo itself.
pub fn calls_cargo(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| SET_BY_RUN.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}

/// This program. A part may build the workspace and have it linked anew while it runs; Linux then says of its path that it is
/// deleted, and what lies there is the same program.
///
/// # Errors
/// When the system does not know.
pub fn this_program() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    match program.to_str().and_then(|path| path.strip_suffix(" (deleted)")) {
        Some(path) => Ok(PathBuf::from(path)),
        None => Ok(program),
    }
}

/// Builds `nexus` as the tests built it, so that nothing is built twice.
pub fn nexus(root: &Path) -> Result<PathBuf, String> {
    executable(root, "nexus")
}

/// The same for any executable of the workspace.
pub fn executable(root: &Path, name: &str) -> Result<PathBuf, String> {
    workspace(root)?.executable(name)
}

/// Every library and executable of the workspace, as the tests built them.
pub fn workspace(root: &Path) -> Result<Built, String> {
    Built::with(root, &["build", "--workspace", "--lib", "--bins"])
}

/// Builds with these arguments; gives the dynamic library of that name.
pub fn library(root: &Path, arguments: &[&str], name: &str) -> Result<PathBuf, String> {
    Built::with(root, arguments)?.library(name)
}

/// What a build has made, as cargo tells it.
pub struct Built(Vec<serde_json::Value>);

impl Built {
    /// Builds with these arguments.
    pub fn with(root: &Path, arguments: &[&str]) -> Result<Self, String> {
        Self::with_env(root, arguments, &[])
    }

    /// The same with these variables set.
    pub fn with_env(root: &Path, arguments: &[&str], set: &[(&str, &OsStr)]) -> Result<Self, String> {
        let mut build = cargo();
        build
            .envs(set.iter().copied())
            .args(arguments)
            .arg("--message-format=json-render-diagnostics")
            .current_dir(root);
        let output = build.stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("cargo {}: {}", arguments.join(" "), output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Self(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()))
    }

    /// The executable of that name.
    pub fn executable(&self, name: &str) -> Result<PathBuf, String> {
        let made = self.named(name).find_map(|message| message["executable"].as_str());
        made.map(PathBuf::from).ok_or_else(|| format!("cargo names no executable {name}"))
    }

    /// The dynamic library of that name.
    pub fn library(&self, name: &str) -> Result<PathBuf, String> {
        let is_library = |file: &&str| [".so", ".dylib", ".dll"].iter().any(|ending| file.ends_with(ending));
        let files = self.named(name).filter_map(|message| message["filenames"].as_array()).flatten();
        let made = files.filter_map(|file| file.as_str()).find(is_library);
        made.map(PathBuf::from).ok_or_else(|| format!("cargo names no library {name}"))
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &serde_json::Value> {
        self.0.iter().filter(move |message| message["target"]["name"] == name)
    }
}
