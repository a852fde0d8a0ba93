//! The cargo that runs us, as if it had been called from a shell.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `cargo run` sets for the program that it runs. Build scripts that look at these variables would run again in
/// each nested build, and everything above them (ring, and so all of TLS and HTTP) be compiled twice.
const SET_BY_RUN: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];

/// A call of cargo.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| SET_BY_RUN.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}

/// Builds `nexus` as the tests built it, so that nothing is built twice.
pub fn nexus(root: &Path) -> Result<PathBuf, String> {
    executable(root, "nexus")
}

/// The same for any executable of the workspace.
pub fn executable(root: &Path, name: &str) -> Result<PathBuf, String> {
    let mut build = cargo();
    build.args(["build", "--workspace", "--bins", "--message-format=json-render-diagnostics"]);
    let output =
        build.current_dir(root).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let executable = text.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let named = message.pointer("/target/name")?.as_str()? == name;
        named.then(|| Some(PathBuf::from(message["executable"].as_str()?)))?
    });
    executable.filter(|_| output.status.success()).ok_or_else(|| format!("{name} could not be built"))
}

/// Builds with these arguments; gives the dynamic library of that name.
pub fn library(root: &Path, arguments: &[&str], name: &str) -> Result<PathBuf, String> {
    let mut build = cargo();
    build.args(arguments).arg("--message-format=json-render-diagnostics");
    let output =
        build.current_dir(root).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let is_library = |file: &&str| [".so", ".dylib", ".dll"].iter().any(|ending| file.ends_with(ending));
    let library = text.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let named = message.pointer("/target/name")?.as_str()? == name;
        let files = message["filenames"].as_array()?;
        named.then(|| files.iter().filter_map(|file| file.as_str()).find(is_library).map(PathBuf::from))?
    });
    library
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("the library {name} could not be built"))
}
