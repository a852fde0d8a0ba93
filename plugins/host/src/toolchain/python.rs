//! Python: the module, what it imports from its folder, and CPython itself, joined by componentize-py.

use std::path::{Path, PathBuf};
use std::process::Command;

use opencode_nexus::Result;

use super::{interface, tools};
use crate::manifest::World;

const PACKAGE: &str = "componentize-py==0.25.1";
const FOLDER: &str = "python-componentize-py-0.25.1";

pub fn build(folder: &Path, worlds: &[World], wasm: &Path, tell: &mut dyn FnMut(&str)) -> Result<String> {
    let program = componentize(tell)?;
    let made = tempfile::tempdir()?;
    let wit = made.path().join("wit");
    interface::write(&wit, worlds)?;
    tell("joining plugin.py and CPython");
    let mut command = Command::new(&program);
    command
        .arg("-d")
        .arg(&wit)
        // The module of the project is called `plugin`; the bindings are `wit_world`.
        .args(["-w", interface::WORLD, "componentize", "--stub-wasi", "-o"])
        .arg(wasm)
        .arg("plugin")
        .current_dir(folder);
    tools::perform(&mut command, "plugin.py does not build", tell)?;
    Ok("Python, componentize-py 0.25.1".to_owned())
}

/// The program, installed into an environment of its own when it is not.
fn componentize(tell: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    const PYTHON: &str =
        "apt-get install -y python3 python3-venv (Debian, Ubuntu), brew install python (macOS)";
    let python = tools::program("python3")
        .or_else(|| tools::program("python"))
        .ok_or_else(|| tools::missing("python3", PYTHON))?;
    let folder = tools::place(FOLDER)?;
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    tools::once(&folder, tell, |folder, tell| {
        let mut environment = Command::new(python);
        environment.args(["-m", "venv"]).arg(folder);
        tools::perform(&mut environment, "no environment for Python", tell)
            .map_err(|error| error.with_hint(format!("install what it needs with: {PYTHON}")))?;
        let mut install = Command::new(programs.join("python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]);
        tools::perform(&mut install, "componentize-py cannot be installed", tell).map(drop)
    })?;
    Ok(programs.join("componentize-py"))
}
