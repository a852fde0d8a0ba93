//! JavaScript: the module and the QuickJS engine, joined by componentize-js.

use std::path::{Path, PathBuf};
use std::process::Command;

use opencode_nexus::Result;

use super::{interface, tools};
use crate::manifest::World;

/// The tools, by npm. They go together: `jco` finds the other beside it.
const PACKAGES: &[&str] = &["@bytecodealliance/jco@1.35.0", "@bytecodealliance/componentize-js@0.23.0"];
/// The folder of these two in the cache.
const FOLDER: &str = "javascript-jco-1.35.0-componentize-js-0.23.0";

pub fn build(folder: &Path, worlds: &[World], wasm: &Path, tell: &mut dyn FnMut(&str)) -> Result<String> {
    let jco = jco(tell)?;
    let made = tempfile::tempdir()?;
    let wit = made.path().join("wit");
    interface::write(&wit, worlds)?;
    tell("joining plugin.js and QuickJS");
    let mut command = Command::new(&jco);
    command
        .args(["componentize", "plugin.js"])
        // Without these two it would ask the host for asynchronous calls, files and sockets.
        .args(["--backend", "qjs", "--backend-qjs-disable-async", "--backend-qjs-stub-wasi"])
        .arg("-w")
        .arg(&wit)
        .args(["-n", interface::WORLD])
        .arg("-o")
        .arg(wasm)
        .current_dir(folder);
    tools::perform(&mut command, "plugin.js does not build", tell)?;
    Ok("JavaScript, componentize-js 0.23.0 with QuickJS".to_owned())
}

/// The program, installed when it is not.
fn jco(tell: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let npm = tools::program("npm").ok_or_else(|| {
        tools::missing(
            "npm",
            "apt-get install -y nodejs npm (Debian, Ubuntu), brew install node (macOS); Node 20 or newer",
        )
    })?;
    let folder = tools::place(FOLDER)?;
    tools::once(&folder, tell, |folder, tell| {
        let mut command = Command::new(npm);
        command.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(folder).args(PACKAGES);
        tools::perform(&mut command, "jco cannot be installed", tell).map(drop)
    })?;
    let name = if cfg!(windows) { "jco.cmd" } else { "jco" };
    Ok(folder.join("node_modules/.bin").join(name))
}
