//! Rust: cargo for `wasm32-wasip2` where rustup has it; else Debian's compiler, which carries the source of the standard
//! library and builds it along.

use std::path::{Path, PathBuf};
use std::process::Command;

use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::Value;

use super::tools;

/// Small and without unwinding, whatever the project's own profile says.
const PROFILE: &[&str] = &[
    "profile.release.opt-level=\"s\"",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=true",
];
/// A path of the crate `opencode-nexus-plugin`, for those who work on it: it takes the place of the released one.
const CRATE: &str = "NEXUS_PLUGIN_CRATE";
/// Where Debian has its compiler.
const DEBIAN: &str = "/usr/bin";
/// Where Debian has LLVM, for `wasm-ld`; the newest first.
const DEBIAN_LLVM: &[&str] =
    &["/usr/lib/llvm-22/bin", "/usr/lib/llvm-21/bin", "/usr/lib/llvm-20/bin", "/usr/lib/llvm-19/bin"];
const INSTALL: &str = "rustup target add wasm32-wasip2 (rustup), \
                       apt-get install -y rustc-web cargo-web rust-web-src rust-web-llvm lld-19 (Debian 12)";

/// One of the ways.
struct Way {
    name: String,
    cargo: Command,
    target: &'static str,
}

pub fn build(folder: &Path, wasm: &Path, tell: &mut dyn FnMut(&str)) -> Result<String> {
    let mut way = rustup()
        .or_else(debian)
        .ok_or_else(|| tools::missing("a Rust that builds WebAssembly components", INSTALL))?;
    tell(&format!("compiling with {}", way.name));
    way.cargo.args([
        "build",
        "--release",
        "--lib",
        "--message-format=json-render-diagnostics",
        "--target",
        way.target,
    ]);
    for setting in PROFILE {
        way.cargo.args(["--config", setting]);
    }
    if let Some(path) = std::env::var_os(CRATE) {
        let path = serde_json::to_string(&path.to_string_lossy()).unwrap_or_default();
        way.cargo.arg("--config").arg(format!("patch.crates-io.opencode-nexus-plugin.path={path}"));
    }
    way.cargo.current_dir(folder);
    let printed = tools::perform(&mut way.cargo, "the crate does not build", tell)?;
    let made = component(&printed, folder).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "cargo made no component of this crate")
            .with_hint("Cargo.toml needs: [lib] crate-type = [\"cdylib\", \"rlib\"]")
    })?;
    std::fs::copy(&made, wasm).map_err(|error| {
        Error::new(ErrorKind::Io, format!("{}: {error}", wasm.display())).with_source(error)
    })?;
    Ok(format!("Rust, {}", way.name))
}

/// The file that cargo made of the library in this folder.
fn component(printed: &str, folder: &Path) -> Option<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let ours = Path::new(message["manifest_path"].as_str()?) == manifest;
        let files = message["filenames"].as_array().filter(|_| ours)?;
        files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
    })
}

/// The toolchain of the person, when it has the target.
fn rustup() -> Option<Way> {
    let rustc = tools::program("rustc")?;
    let mut command = Command::new(rustc);
    without_cargo(&mut command);
    let output = command.args(["--print", "target-libdir", "--target", "wasm32-wasip2"]).output().ok()?;
    let libraries = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let has_core = std::fs::read_dir(libraries)
        .ok()?
        .flatten()
        .any(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("libcore-")));
    let mut cargo = Command::new(tools::program("cargo")?);
    without_cargo(&mut cargo);
    has_core.then(|| Way { name: "rustc for wasm32-wasip2".to_owned(), cargo, target: "wasm32-wasip2" })
}

/// Debian's compiler, when all of its parts are there.
fn debian() -> Option<Way> {
    let programs = Path::new(DEBIAN);
    let (cargo, rustc) = (programs.join("cargo"), programs.join("rustc"));
    let said = Command::new(&rustc).arg("-vV").env_clear().output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let (version, host) = (field("release:")?, field("host:")?);
    let linker = format!("/usr/lib/rustlib/{host}/bin/wasm-component-ld");
    let llvm = DEBIAN_LLVM.iter().map(Path::new).find(|folder| folder.join("wasm-ld").is_file())?;
    let source = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    if !cargo.is_file() || !Path::new(&linker).is_file() || !source_is_there(source, version) {
        return None;
    }
    let mut command = Command::new(cargo);
    without_cargo(&mut command);
    command
        .arg("-Zbuild-std=std,panic_abort")
        .env("PATH", format!("{}:{DEBIAN}:/bin", llvm.display()))
        .env("RUSTC", rustc)
        // Building the standard library along is not stable in any cargo; Debian's release carries the matching source.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    let name = format!("Debian's rustc {version} for wasm32-unknown-unknown");
    Some(Way { name, cargo: command, target: "wasm32-unknown-unknown" })
}

/// Debian links the source of its own version to where the compiler looks for it.
fn source_is_there(linked: &Path, version: &str) -> bool {
    linked.is_file() || Path::new(&format!("/usr/src/rustc-{version}/library/std/Cargo.toml")).is_file()
}

/// Takes away what an outer cargo, rustup or test run has set: it means another build.
fn without_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let kept = ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE"].contains(&text)
            || text.starts_with("CARGO_HTTP_")
            || text.starts_with("CARGO_REGISTR")
            || text.starts_with("CARGO_SOURCE_");
        let of_cargo = text == "CARGO" || text.starts_with("CARGO_") || text.starts_with("RUST");
        if of_cargo && !kept && text != "RUSTUP_HOME" {
            command.env_remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_that_of_this_crate() {
        let printed = "\
            {\"reason\":\"compiler-artifact\",\"manifest_path\":\"/other/Cargo.toml\",\"filenames\":[\"/t/other.wasm\"]}\n\
            no json\n\
            {\"reason\":\"compiler-artifact\",\"manifest_path\":\"/a/Cargo.toml\",\"filenames\":[\"/t/liba.rlib\",\"/t/a.wasm\"]}\n";
        assert_eq!(component(printed, Path::new("/a")), Some(PathBuf::from("/t/a.wasm")));
        assert_eq!(component(printed, Path::new("/b")), None);
    }
}
