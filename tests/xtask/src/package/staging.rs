//! Everything that a package holds, in memory: the program, what it says about its own use, and the texts.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::epoch;

/// One file of a package.
pub struct Entry {
    /// Its place below the package's root.
    pub path: String,
    pub bytes: Vec<u8>,
    pub executable: bool,
}

/// The contents of a package, before it is packed.
pub struct Staged {
    pub version: String,
    pub target: String,
    pub epoch: u64,
    pub program: Vec<u8>,
    /// `completions/NAME`
    pub completions: Vec<Entry>,
    /// `man/NAME.1`
    pub manual: Vec<Entry>,
    /// `README.md`, licences, `CHANGELOG.md`
    pub texts: Vec<Entry>,
}

/// The shells and the names that their completions have by convention.
const SHELLS: &[(&str, &str)] =
    &[("bash", "nexus.bash"), ("zsh", "_nexus"), ("fish", "nexus.fish"), ("powershell", "_nexus.ps1")];

const TEXTS: &[&str] = &["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

impl Staged {
    /// Asks the program for its completions and manual pages; it must run here.
    pub fn make(root: &Path, program: &Path, target: &str) -> Result<Self, String> {
        let entry = |path: String, bytes| Entry { path, bytes, executable: false };
        let mut completions = Vec::new();
        for (shell, name) in SHELLS {
            let text = said(program, &["completions", shell])?;
            completions.push(entry(format!("completions/{name}"), text));
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        said(program, &["man", "--to", &folder.path().to_string_lossy()])?;
        let mut manual = Vec::new();
        for file in fs::read_dir(folder.path()).map_err(|error| error.to_string())? {
            let file = file.map_err(|error| error.to_string())?;
            let bytes = fs::read(file.path()).map_err(|error| error.to_string())?;
            manual.push(entry(format!("man/{}", file.file_name().to_string_lossy()), bytes));
        }
        // Folders are read in any order; packages have one.
        manual.sort_by(|a, b| a.path.cmp(&b.path));
        if manual.is_empty() {
            return Err("nexus wrote no manual pages".to_owned());
        }
        let mut texts = Vec::new();
        for name in TEXTS {
            let bytes = fs::read(root.join(name)).map_err(|error| format!("{name}: {error}"))?;
            texts.push(entry((*name).to_owned(), bytes));
        }
        Ok(Self {
            version: version(program)?,
            target: target.to_owned(),
            epoch: epoch(root)?,
            program: fs::read(program).map_err(|error| format!("{}: {error}", program.display()))?,
            completions,
            manual,
            texts,
        })
    }
}

fn version(program: &Path) -> Result<String, String> {
    let text = String::from_utf8_lossy(&said(program, &["--version"])?).into_owned();
    text.split_whitespace()
        .nth(1)
        .map(str::to_owned)
        .ok_or_else(|| format!("no version in `{}`", text.trim()))
}

fn said(program: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{} does not run on this machine: {error}", program.display()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("nexus {}: {said}", arguments.join(" ")))
}
