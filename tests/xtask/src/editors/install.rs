//! Editors and what drives them, in pinned versions, in the cache of the person who runs the tests. A folder is complete
//! when its mark is there; one without it was left by somebody who was stopped, and is made again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The place of an installation: beside the installed servers.
pub fn place(name: &str) -> Result<PathBuf, String> {
    let servers = opencode_nexus::server::cache_dir().map_err(|error| error.to_string())?;
    Ok(servers.with_file_name("editors").join(name))
}

/// Makes what belongs into a folder, unless that was done before.
pub fn once(folder: &Path, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let mark = folder.join("complete");
    if mark.exists() {
        return Ok(());
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    println!("   installing into {}", folder.display());
    make(folder)?;
    std::fs::write(&mark, "").map_err(|error| format!("{}: {error}", mark.display()))
}

/// Runs a command that says something only when it fails.
pub fn perform(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let lines: Vec<String> =
        String::from_utf8_lossy(&said).lines().rev().take(30).map(str::to_owned).collect();
    let lines: Vec<String> = lines.into_iter().rev().collect();
    Err(format!("{name}: {}\n{}", output.status, lines.join("\n")))
}

/// A program of the system.
///
/// # Errors
/// The command that installs it.
pub fn program(names: &[&str], packages: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()))
        .ok_or_else(|| {
            let install = format!("apt-get install -y --no-install-recommends {packages}");
            format!("{} is missing on this machine; install it with: {install}", names.join(" or "))
        })
}
