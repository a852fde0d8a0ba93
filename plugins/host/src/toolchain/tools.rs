//! Tools in pinned versions in the cache of the person, and how programs are run.
//!
//! A folder is complete when its mark is there; one without it was left by somebody who was stopped, and is made again. Two
//! processes that want the same tools wait for each other.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use opencode_nexus::{Error, ErrorKind, Result};

/// So many of the last lines of a program that failed are passed on.
const SHOWN_LINES: usize = 60;

/// The place of a tool; `name` has its version.
pub fn place(name: &str) -> Result<PathBuf> {
    let servers = opencode_nexus::server::cache_dir()?;
    Ok(servers.with_file_name("plugin-tools").join(name))
}

/// Makes what belongs into a folder, unless that was done before.
pub fn once(
    folder: &Path,
    tell: &mut dyn FnMut(&str),
    make: impl FnOnce(&Path, &mut dyn FnMut(&str)) -> Result<()>,
) -> Result<()> {
    let mark = folder.join("complete");
    if mark.exists() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let lock = std::fs::File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    if mark.exists() {
        return Ok(());
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    tell(&format!("installing into {}", folder.display()));
    make(folder, tell)?;
    std::fs::write(&mark, "")?;
    Ok(())
}

/// Runs a program; gives what it printed. When it fails, its last lines are told, and `what` says what it was to do.
pub fn perform(command: &mut Command, what: &str, tell: &mut dyn FnMut(&str)) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        Error::new(ErrorKind::Configuration, format!("cannot run {name}: {error}")).with_source(error)
    })?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let said = [printed.as_str(), &String::from_utf8_lossy(&output.stderr)].concat();
    // Messages of cargo for programs are nothing for people.
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("{\"reason\"")).collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].iter().for_each(|line| tell(line));
    Err(Error::new(ErrorKind::InvalidInput, format!("{what}: {name} ended with {}", output.status))
        .with_hint("what it said stands above"))
}

/// A program by its name, where the shell would find it.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = if cfg!(windows) {
        vec![format!("{name}.exe"), format!("{name}.cmd")]
    } else {
        vec![name.to_owned()]
    };
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
        .find(|path| path.is_file())
}

/// A tool is missing.
pub fn missing(what: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{what} is missing on this machine"))
        .with_hint(format!("install it with: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_once_and_again_when_it_was_left_half_done() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("tool-1.0");
        let mut made = 0;
        for complete in [false, true, true] {
            let result = once(&folder, &mut |_| {}, |folder, _| {
                made += 1;
                assert!(!folder.join("piece").exists());
                std::fs::write(folder.join("piece"), "")?;
                if complete { Ok(()) } else { Err(missing("network", "patience")) }
            });
            assert_eq!(result.is_ok(), complete);
        }
        assert_eq!(made, 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_fails_is_heard() {
        let mut said = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo '{\"reason\":\"x\"}'; echo out; echo err >&2; exit 3"]);
        let error =
            perform(&mut command, "it does not build", &mut |line| said.push(line.to_owned())).unwrap_err();
        assert_eq!(said, ["out", "err"]);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
