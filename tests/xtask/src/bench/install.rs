//! Builds the programs that are measured, and installs what others offer into the person's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::runner::Contestant;
use crate::cargo::cargo;

const JAVASCRIPT_SDK: &str = "@opencode-ai/sdk@1.18.33";
const PYTHON_SDK: &str = "opencode-ai==0.1.0a36";
const EXTISM: &str = "extism-sys==1.41.0";

/// What others offer, installed.
pub struct Peers {
    node: PathBuf,
    python: PathBuf,
    python_client: PathBuf,
}

impl Peers {
    /// A mode of the JavaScript program.
    pub fn javascript(&self, name: &'static str, mode: &str) -> Contestant {
        Contestant::new(name, "node".into(), &[&self.node.to_string_lossy(), mode])
    }

    /// A mode of the Python program.
    pub fn python(&self, name: &'static str, mode: &str) -> Contestant {
        self.python_with(name, &[&self.python_client.to_string_lossy(), mode])
    }

    /// Another program in the same interpreter.
    pub fn python_with(&self, name: &'static str, arguments: &[&str]) -> Contestant {
        Contestant::new(name, self.python.clone(), arguments)
    }
}

/// Builds the Rust programs in release, `nexus` only when it is measured; returns their folder.
pub fn build(root: &Path, nexus: bool) -> Result<PathBuf, String> {
    let mut command = cargo();
    command.args(["build", "--release", "-p", "opencode-nexus-bench"]);
    if nexus {
        command.args(["-p", "opencode-nexus-lsp"]);
    }
    perform(command.current_dir(root))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release"))
}

/// Builds the stub server alone in release; returns it.
pub fn stub(root: &Path) -> Result<PathBuf, String> {
    let mut command = cargo();
    command.args(["build", "--release", "-p", "opencode-nexus-bench", "--bin", "firehose"]);
    perform(command.current_dir(root))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/firehose"))
}

/// Builds an example of a package in release; returns it.
pub fn example(root: &Path, package: &str, name: &str) -> Result<PathBuf, String> {
    perform(cargo().args(["build", "--release", "-p", package, "--example", name]).current_dir(root))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/examples").join(name))
}

/// Builds a program in release that is a workspace of its own, into a folder of its own. Its own lock file holds.
pub fn build_alone(package: &Path, target: &Path) -> Result<(), String> {
    let mut command = cargo();
    command.args(["build", "--release", "--locked"]).env("CARGO_TARGET_DIR", target);
    perform(command.current_dir(package))
}

/// Installs the official SDKs when they are not there yet.
pub fn peers(root: &Path) -> Result<Peers, String> {
    let cache = cache()?;
    let javascript = cache.join("js");
    let sources = root.join("tests/bench/peers");
    fs::create_dir_all(&javascript).map_err(|error| error.to_string())?;
    if !javascript.join("node_modules/@opencode-ai/sdk/package.json").exists() {
        let folder = javascript.to_string_lossy();
        perform(Command::new("npm").args([
            "install",
            "--no-audit",
            "--no-fund",
            "--prefix",
            &folder,
            JAVASCRIPT_SDK,
        ]))?;
    }
    // A module looks for packages beside itself.
    let node = javascript.join("client.mjs");
    fs::copy(sources.join("js/client.mjs"), &node).map_err(|error| error.to_string())?;
    let environment = cache.join("python");
    let python = environment.join("bin/python");
    if !environment.join("installed").exists() {
        perform(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        perform(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--pre", PYTHON_SDK]))?;
        fs::write(environment.join("installed"), PYTHON_SDK).map_err(|error| error.to_string())?;
    }
    Ok(Peers { node, python, python_client: sources.join("python/client.py") })
}

/// Installs Extism's library, which its package for Python carries; returns it.
pub fn extism() -> Result<PathBuf, String> {
    let environment = cache()?.join("extism");
    let mark = environment.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == EXTISM) {
        return find_library(&environment);
    }
    perform(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let python = environment.join("bin/python");
    perform(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--no-deps", EXTISM]))?;
    fs::write(mark, EXTISM).map_err(|error| error.to_string())?;
    find_library(&environment)
}

fn find_library(environment: &Path) -> Result<PathBuf, String> {
    let versions = fs::read_dir(environment.join("lib")).map_err(|error| error.to_string())?;
    let folders = versions.flatten().map(|version| version.path().join("site-packages/extism_sys"));
    let names = ["libextism_sys.so", "libextism_sys.dylib"];
    let mut libraries = folders.flat_map(|folder| names.map(|name| folder.join(name)));
    libraries
        .find(|path| path.exists())
        .ok_or_else(|| "the package extism-sys has no library here".to_owned())
}

fn cache() -> Result<PathBuf, String> {
    // Beside the installed servers.
    let base = opencode_nexus::server::cache_dir().map_err(|error| error.to_string())?;
    Ok(base.with_file_name("bench-peers"))
}

fn perform(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot run {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}
