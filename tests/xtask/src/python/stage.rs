//! Puts the package together: what is Python as it stands in the repository, and the extension module that cargo built.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::Bench;
use crate::cargo::cargo;

/// A package that can be imported, and what its tests need.
pub struct Staged {
    /// The folder in which the package stands.
    pub folder: PathBuf,
    /// The program that runs a real server for tests.
    pub server: PathBuf,
}

/// Builds and copies.
///
/// # Errors
/// When it does not compile.
pub fn stage(bench: &Bench) -> Result<Staged, String> {
    let mut build = cargo();
    // With xtask, so that the libraries are built with the features that the whole workspace gives them, and only once.
    build.args(["build", "-p", "opencode-nexus-python", "-p", "opencode-nexus-testkit", "-p", "xtask"]);
    build.args(["--lib", "--bins", "--message-format=json-render-diagnostics"]);
    let output = build.current_dir(&bench.root).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("the extension module could not be built".to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let made: Vec<serde_json::Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let named = |name: &str| made.iter().find(|message| message["target"]["name"] == name);
    let module = named("_native")
        .and_then(|message| {
            let files = message["filenames"].as_array()?;
            let is_module =
                |path: &&str| [".so", ".dylib", ".dll"].iter().any(|ending| path.ends_with(ending));
            files.iter().filter_map(serde_json::Value::as_str).find(is_module)
        })
        .ok_or("cargo names no extension module")?;
    let server = named("nexus-test-server")
        .and_then(|message| message["executable"].as_str())
        .ok_or("cargo names no nexus-test-server")?;
    let folder = bench.work.join("stage");
    put_together(&bench.root, Path::new(module), &folder)?;
    Ok(Staged { folder, server: PathBuf::from(server) })
}

/// The package below a folder, with this extension module.
///
/// # Errors
/// When something cannot be copied.
pub fn put_together(root: &Path, module: &Path, folder: &Path) -> Result<(), String> {
    let package = folder.join("opencode_nexus");
    if package.exists() {
        std::fs::remove_dir_all(&package).map_err(|error| format!("{}: {error}", package.display()))?;
    }
    copy(&root.join("python/opencode_nexus"), &package)?;
    let place = package.join(if cfg!(windows) { "_native.pyd" } else { "_native.abi3.so" });
    std::fs::copy(module, &place).map(drop).map_err(|error| format!("{}: {error}", place.display()))
}

/// Copies a folder, without what an interpreter has left in it.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let unusable = |error: std::io::Error| format!("{}: {error}", from.display());
    std::fs::create_dir_all(to).map_err(unusable)?;
    for entry in std::fs::read_dir(from).map_err(unusable)? {
        let entry = entry.map_err(unusable)?;
        let (path, name) = (entry.path(), entry.file_name());
        if name == "__pycache__" {
            continue;
        }
        match path.is_dir() {
            true => copy(&path, &to.join(name))?,
            false => std::fs::copy(&path, to.join(name)).map(drop).map_err(unusable)?,
        }
    }
    Ok(())
}
