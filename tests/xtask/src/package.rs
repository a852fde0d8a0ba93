//! `cargo xtask package`: what people install. A tar archive and, on Linux, a Debian package, with completions, manual
//! pages and checksums; `--check` installs them in a bare Debian, plays the demo there and removes them again.

mod archive;
mod check;
mod deb;
mod elf;
mod staging;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::cargo::cargo;
use staging::Staged;

#[derive(clap::Args)]
pub struct Arguments {
    /// The target triple; otherwise this machine's.
    #[arg(long)]
    target: Option<String>,
    /// The profile of the build. `dev` is quicker to build and much larger.
    #[arg(long, default_value = "release")]
    profile: String,
    /// Where the packages go; otherwise target/dist.
    #[arg(long)]
    to: Option<PathBuf>,
    /// The packages for Python and Node in place of `nexus`: wheel, source distribution and npm packages, in release.
    #[arg(long)]
    bindings: bool,
    /// Install the packages in a bare Debian, play the demo there, and remove them again. Needs root.
    #[arg(long)]
    check: bool,
}

/// Builds all packages for one target.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let host = host()?;
    let target = arguments.target.clone().unwrap_or_else(|| host.clone());
    if arguments.bindings {
        let dist = arguments.to.clone().unwrap_or_else(|| root.join("target/bindings"));
        println!("{}", crate::python::published(root, &target, &dist.join("python"))?);
        println!("{}", crate::node::published(root, &target, &dist.join("node"))?);
        return Ok(());
    }
    let program = build(root, &target, &host, &arguments.profile)?;
    let dist = arguments.to.clone().unwrap_or_else(|| root.join("target/dist"));
    fs::create_dir_all(&dist).map_err(|error| format!("{}: {error}", dist.display()))?;
    let staged = Staged::make(root, &program, &target)?;
    let mut made = vec![archive::write(&staged, &dist)?];
    if target.contains("linux-gnu") {
        made.push(deb::write(root, &staged, &dist, arguments.profile == "release")?);
    }
    made.push(copy(&root.join("lsp/packaging/install.sh"), &dist)?);
    sums(&dist, &made)?;
    for path in &made {
        let size = fs::metadata(path).map_or(0, |meta| meta.len());
        println!("{} {:.1} MB", path.file_name().unwrap_or_default().to_string_lossy(), size as f64 / 1e6);
    }
    if arguments.check { check::run(&dist, &target) } else { Ok(()) }
}

/// The triple of this machine, as cargo names it.
pub fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not say for which machine it is".to_owned())
}

/// Builds `nexus` and says where it is.
fn build(root: &Path, target: &str, host: &str, profile: &str) -> Result<PathBuf, String> {
    let mut build = cargo();
    build.current_dir(root).args([
        "build",
        "--bins",
        "--message-format=json-render-diagnostics",
        "--profile",
        profile,
    ]);
    match profile {
        // As the tests build it, so that nothing is built twice.
        "dev" => build.arg("--workspace"),
        _ => build.args(["--package", "opencode-nexus-lsp"]),
    };
    if target != host {
        build.args(["--target", target]);
    }
    let output =
        build.stderr(std::process::Stdio::inherit()).output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "nexus was not built for {target}; rustup target add {target} installs the target"
        ));
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let executable = lines.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_nexus = message.pointer("/target/name")?.as_str()? == "nexus";
        is_nexus.then(|| Some(PathBuf::from(message["executable"].as_str()?)))?
    });
    executable.ok_or_else(|| "cargo does not say where nexus is".to_owned())
}

fn copy(file: &Path, folder: &Path) -> Result<PathBuf, String> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(to)
}

/// `SHA256SUMS`, in the form that sha256sum reads and checks.
fn sums(dist: &Path, files: &[PathBuf]) -> Result<(), String> {
    let mut text = String::new();
    for file in files {
        let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("{sum}  {}\n", file.file_name().unwrap_or_default().to_string_lossy()));
    }
    fs::write(dist.join("SHA256SUMS"), text).map_err(|error| format!("SHA256SUMS: {error}"))
}

/// The time that packages carry: that of the last commit, so that the same source gives the same package.
fn epoch(root: &Path) -> Result<u64, String> {
    if let Some(given) = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok()) {
        return Ok(given);
    }
    let output = Command::new("git")
        .current_dir(root)
        .args(["log", "-1", "--format=%ct"])
        .output()
        .map_err(|error| format!("git: {error}; apt-get install git"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse()
        .map_err(|_| "git does not say when the last commit was made; set SOURCE_DATE_EPOCH".to_owned())
}
