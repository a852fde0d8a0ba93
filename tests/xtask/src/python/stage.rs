//! Puts the package together: what is Python as it stands in the repository, and the extension module that cargo built.

use std::path::{Path, PathBuf};

use super::Bench;
use crate::cargo;

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
    let built = cargo::workspace(&bench.root)?;
    let (module, server) = (built.library("_native")?, built.executable("nexus-test-server")?);
    let folder = bench.work.join("stage");
    put_together(&bench.root, &module, &folder)?;
    Ok(Staged { folder, server })
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
