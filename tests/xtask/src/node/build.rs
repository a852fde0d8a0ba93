//! Builds the package as the tests use it: the native library of the workspace's own build, and the TypeScript around it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo;
use crate::editors::install::{perform, program};

/// What was built.
pub struct Package {
    /// The folder of the package.
    pub folder: PathBuf,
    /// The native library.
    pub library: PathBuf,
    /// The program that starts real servers.
    pub server: PathBuf,
    /// The name of this platform in names of packages, for example `linux-x64-gnu`.
    pub platform: String,
}

pub const QUIET: [&str; 3] = ["--no-audit", "--no-fund", "--ignore-scripts"];

/// Builds everything.
pub fn package(root: &Path) -> Result<Package, String> {
    program(&["node"], "nodejs")?;
    program(&["npm"], "npm")?;
    let built = cargo::workspace(root)?;
    let (library, server) = (built.library("opencode_nexus_node")?, built.executable("nexus-test-server")?);
    let folder = javascript(root)?;
    let platform = platform_of(&crate::package::host()?)?;
    // Where `require('@opencode-nexus/linux-x64-gnu')` finds it.
    let place = folder.join("node_modules/@opencode-nexus").join(&platform);
    clear(&place)?;
    super::npm::platform_package(&place, &platform, &library)?;
    Ok(Package { folder, library, server, platform })
}

/// Builds the JavaScript; gives the folder of the package.
pub fn javascript(root: &Path) -> Result<PathBuf, String> {
    let folder = root.join("node");
    // The lock file decides; when its packages are there nothing is asked of a registry.
    let installed = folder.join("node_modules/.package-lock.json");
    let is_newer =
        |a: &Path, b: &Path| Some(a.metadata().ok()?.modified().ok()? >= b.metadata().ok()?.modified().ok()?);
    if is_newer(&installed, &folder.join("package-lock.json")) != Some(true) {
        perform(npm(&folder).args(["ci", "--prefer-offline"]).args(QUIET))?;
    }
    clear(&folder.join("dist"))?;
    perform(npm(&folder).args(["run", "build"]))?;
    Ok(folder)
}

/// A call of npm in a folder.
pub fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// A target of the compiler in names of packages, as napi-rs names them.
pub fn platform_of(target: &str) -> Result<String, String> {
    let arch = match target.split('-').next() {
        Some("x86_64") => "x64",
        Some("aarch64") => "arm64",
        _ => return Err(format!("there is no package for {target} yet")),
    };
    let system = [
        ("linux-musl", "linux-", "-musl"),
        ("linux-gnu", "linux-", "-gnu"),
        ("apple-darwin", "darwin-", ""),
        ("windows-msvc", "win32-", "-msvc"),
    ];
    let known = system.iter().find(|(ending, ..)| target.ends_with(ending));
    known
        .map(|(_, before, behind)| format!("{before}{arch}{behind}"))
        .ok_or_else(|| format!("there is no package for {target} yet"))
}

/// Makes a folder anew.
pub fn clear(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}
